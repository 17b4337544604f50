"""A rollback as an intent: an overlay's folder as it was at an earlier revision, and a hold, in one commit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gitops.errors import GitopsError
from gitops.manifest.hold import Hold, hold
from gitops.manifest.repository import FileEdit, Intent, Message, Proposal, Tree

TRAILER = "Rollback-to"
"""Of the commit of a rollback: the revision that it goes back to."""


@dataclass(frozen=True)
class Rollback:
    """Which environment goes back to which revision, and what is said of that."""

    environment: str
    folder: str
    """Of the overlay, in the repository."""
    revision: str
    held: Hold
    author: str = ""


def roll_back(wanted: Rollback, prefix: str = "") -> Intent:
    """The intent that the overlay says what it said at the revision, and that automation leaves it so.

    Only the overlay's own folder changes: what it shares with other environments is not taken from under them.
    """

    def propose(tree: Tree) -> Proposal:
        edits = (*restored(tree, wanted.folder, wanted.revision), *hold(wanted.held, prefix)(tree).edits)
        subject = f"roll back {wanted.environment} to {wanted.revision[:7]}: {wanted.held.reason}"
        return Proposal(edits, Message(subject, trailers=((TRAILER, wanted.revision),), author=wanted.author))

    return propose


def last_good(tree: Tree, folder: str, good: Sequence[str], was_begun: Callable[[str], bool]) -> str:
    """The first of the revisions `good`, newest first, at which `folder` was not as it is now.

    Where it was rolled back already, those from then on are what it was rolled back from: they are left out. Until that
    rollback `was_begun` to be deployed, a second one means the same. Raises `GitopsError` where there is none.
    """
    form = f"%H %(trailers:key={TRAILER},valueonly)"
    commit, _, gone_back_to = tree.objects.last_change(tree.commit, [folder], form).partition(" ")
    if gone_back_to := gone_back_to.strip():
        if not was_begun(commit):
            return gone_back_to
        good = good[good.index(gone_back_to) + 1 :] if gone_back_to in good else ()
    now = tree.objects.files_below(tree.commit, folder)
    for revision in good:
        if not tree.objects.commit_of(revision):
            raise GitopsError(revision, "is no commit of this clone", "git fetch, or name another with --to")
        if tree.objects.files_below(revision, folder) not in ({}, now):
            return revision
    already = f"was rolled back to {gone_back_to[:7]}, and " if gone_back_to else ""
    hint = "name one with --to; git log has them all"
    raise GitopsError(folder, f"{already}was no other in any good release before that is known", hint)


def restored(tree: Tree, folder: str, revision: str) -> tuple[FileEdit, ...]:
    """The edits that make `folder` what it was at `revision`. Raises `GitopsError` where it was not there."""
    now, then = tree.objects.files_below(tree.commit, folder), tree.objects.files_below(revision, folder)
    if not then:
        raise GitopsError(folder, f"is not in {revision[:7]}", "choose a later revision: gitops history")
    changed = [path for path in sorted({*now, *then}) if now.get(path) != then.get(path)]
    before = tree.read([now[path] for path in changed if path in now])
    after = tree.read([then[path] for path in changed if path in then])
    return tuple(FileEdit(then.get(path) or now[path], before.get(path), after.get(path)) for path in changed)


def shared_changes(tree: Tree, folder: str, revision: str, root: str) -> tuple[str, ...]:
    """Files below `root` and outside of every overlay that have changed since `revision`: a rollback leaves them."""
    overlays = folder.rpartition("/")[0]
    now, then = tree.objects.files_below(tree.commit, root), tree.objects.files_below(revision, root)
    return tuple(
        path
        for path in sorted({*now, *then})
        if now.get(path) != then.get(path) and not path.startswith(f"{overlays}/")
    )
