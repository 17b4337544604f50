"""A rollback as an intent: an environment's overlay becomes what it was at an earlier revision, and is held there."""

from collections.abc import Sequence

from gitops.errors import GitopsError
from gitops.manifest.hold import Hold, hold
from gitops.manifest.repository import FileEdit, Intent, Message, Proposal, Tree


def restore(folder: str, revision: str, held: Hold, *, prefix: str = "", author: str = "") -> Intent:
    """The intent that all files below `folder` are as at `revision`, and that `held` holds from then on.

    One commit has both, so that no bump comes between. Raises `GitopsError` where the commits at hand do not reach
    back to `revision`, or `folder` was not there then.
    """

    def propose(tree: Tree) -> Proposal:
        edits = (*_edits(tree, folder, revision), *hold(held, prefix)(tree).edits)
        subject = f"roll {held.environment} back to {revision[:7]}"
        return Proposal(edits, Message(subject, held.reason, (("Environment", held.environment),), author))

    return propose


def _edits(tree: Tree, folder: str, revision: str) -> Sequence[FileEdit]:
    if not tree.objects.commit_of(revision):
        raise GitopsError(revision, f"is not among the commits of {tree.name} at hand", "use a full clone")
    now, then = (tree.objects.files_below(commit, folder) for commit in (tree.commit, revision))
    if not then:
        raise GitopsError(folder, f"was not there at {revision[:7]}", "give a revision that had it")
    changed = [path for path in sorted({*now, *then}) if now.get(path) != then.get(path)]
    before = tree.read([now[path] for path in changed if path in now])
    after = tree.read([then[path] for path in changed if path in then])
    return [FileEdit(then.get(path) or now[path], before.get(path), after.get(path)) for path in changed]
