"""A rollback as an intent: an overlay's folder as it was at an earlier revision, and a hold, in one commit."""

from collections.abc import Callable
from dataclasses import dataclass

from gitops.clients.git_objects import TreeEntry
from gitops.errors import GitopsError
from gitops.inventory import Inventory
from gitops.manifest.hold import Hold, hold_for
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
        edits = (*restored(tree, wanted.folder, wanted.revision), *hold_for(wanted.held, tree, prefix))
        subject = f"roll back {wanted.environment} to {wanted.revision[:7]}: {wanted.held.reason}"
        return Proposal(edits, Message(subject, trailers=((TRAILER, wanted.revision),), author=wanted.author))

    return propose


def last_good(tree: Tree, folder: str, inventory: Inventory, is_in: Callable[[str, str], bool]) -> str:
    """The newest good release that is something else than what `folder` says now, and than what is deployed well.

    What was rolled back from, then or earlier, is left out: before each rollback, only the releases that are in the
    revision which it went back to count. Until a rollback was begun to be deployed, a second one means the same.
    `is_in` tells whether a revision is a commit, or was made on top of it. Raises `GitopsError` where there is none.
    """
    commit, back = _gone_back(tree, tree.commit, folder)
    last, bound = inventory.last, back
    if back and not (last and is_in(_known(tree, last.revision), commit)):
        return back
    passed = [{}, _content(tree, tree.commit, folder)]
    for revision in inventory.good:
        _known(tree, revision)
        if bound and not is_in(_known(tree, bound), revision):
            continue
        bound = _gone_back(tree, revision, folder)[1] or bound
        content = _content(tree, revision, folder)
        if last and (revision, "deployed") == (last.revision, last.result):
            passed.append(content)
        if content not in passed:
            return revision
    already = f"was rolled back to {back[:7]}, and " if back else ""
    hint = "name one with --to; git log has them all"
    raise GitopsError(folder, f"{already}was no other in any good release before that is known", hint)


def _gone_back(tree: Tree, revision: str, folder: str) -> tuple[str, str]:
    """The commit that changed `folder` last, and what it went back to, where it was a rollback."""
    form = f"%H %(trailers:key={TRAILER},valueonly)"
    commit, _, back = tree.objects.last_change(revision, [folder], form).partition(" ")
    return commit, back.strip()


def _known(tree: Tree, revision: str) -> str:
    """`revision`. Raises `GitopsError` where this clone does not have it."""
    if not tree.objects.commit_of(revision):
        raise GitopsError(revision, "is no commit of this clone", "git fetch, or name another with --to")
    return revision


def _content(tree: Tree, revision: str, folder: str) -> dict[str, TreeEntry]:
    return tree.objects.files_below(revision, folder)


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
