"""Revisions of the manifest tree: which one is deployed, which is older, and the tree as it was at one."""

import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from gitops.clients.codecommit_login import merged
from gitops.clients.git import GitFailed, GitRepository
from gitops.errors import GitopsError
from gitops.plan.saved import begins_plan

ASKING, COMPLETING = 15.0, 120.0
"""Seconds that the origin may take to say what its newest commit is, and to give all that a shallow clone lacks."""

HEAD = 256
"""Bytes of a file that tell whether it is a saved plan."""


class Superseded(GitopsError):
    """A run is older than what was deployed, and wrote nothing; or something newer came while it waited."""


class Revisions:
    """The history of the manifest tree in the folder `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._git = GitRepository.discover(root)
        self._fetching = threading.Lock()
        self._asked = False

    def committed(self, untracked: bool = True) -> tuple[str, str]:
        """The revision that is checked out, and its subject. Raises `GitopsError` with uncommitted changes, of which a
        new file is one where `untracked`."""
        if changed := self.changed_files(untracked):
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            hint = "commit them: what is deployed is a revision"
            raise GitopsError(str(self._root), f"has uncommitted changes ({changed[0]}{more})", hint)
        head = self.head()
        return head, self.title(head)

    def head(self) -> str:
        """The revision that is checked out. Raises `GitopsError` where nothing is committed yet."""
        return self._git.head()

    def changed_files(self, untracked: bool = True) -> list[str]:
        """Files of the tree that are not as committed. A plan that was saved there is no part of it."""
        changed = self._git.changed_files(self._inner, untracked=untracked)
        return [file for file in changed if not _is_saved_plan(self._git.directory / file)]

    def title(self, revision: str) -> str:
        """The subject of a commit; empty where this clone does not have it."""
        try:
            return self._git.text("log", "-1", "--format=%s", revision, "--")
        except GitFailed:
            return ""

    def resolve(self, name: str) -> str:
        """The commit that `name` means; of a shallow clone, the rest is fetched for one that it lacks. Raises
        `GitopsError` where there is none such."""
        found = self._find(name) or (self.complete() and self._find(name))
        if not found:
            raise GitopsError(name, "is no commit of this clone", "git fetch, or git log to see the revisions")
        return found

    def _find(self, name: str) -> str:
        try:
            return self._git.text("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        except GitFailed:
            return ""

    def _is_shallow(self) -> bool:
        return self._git.text("rev-parse", "--is-shallow-repository") == "true"

    def complete(self) -> bool:
        """Fetch the history that a shallow clone lacks, as CI systems make them; whether it is all there then. An
        origin that does not answer is no error: what the clone has may be enough."""
        with self._fetching:
            address = self._git.address("origin")
            if address and not self._asked and self._is_shallow():
                self._asked = True
                git = GitRepository(self._git.directory, merged({}, address))
                with suppress(GitopsError):
                    git.run("fetch", "--quiet", "--no-tags", "--unshallow", "origin", timeout=COMPLETING)
            return not self._is_shallow()

    def is_older(self, revision: str, deployed: str) -> bool:
        """Whether `deployed` was made on top of `revision`. Raises `GitopsError` where this clone cannot tell."""
        if revision == deployed:
            return False
        whole = self.complete()
        if self._find(deployed) and (whole or self.is_in(revision, deployed)):
            return self.is_in(deployed, revision)
        lacks = f"the history to {deployed[:7]}" if self._find(deployed) else deployed[:7]
        problem = f"lacks {lacks}, which is deployed: which is newer cannot be told"
        hint = "git fetch --unshallow, or pull; --allow-older deploys all the same"
        raise Superseded(str(self._root), problem, hint)

    def is_in(self, revision: str, commit: str) -> bool:
        """Whether `revision` is `commit`, or was made on top of it."""
        try:
            self._git.run("merge-base", "--is-ancestor", commit, revision)
        except GitFailed as error:
            if error.status == 1:
                return False
            raise
        return True

    def newest(self, branch: str) -> str:
        """The commit that `branch` of the origin is at, which is then in this clone too; empty where there is no origin
        or no such branch. Raises `GitopsError` where the origin does not answer."""
        address = self._git.address("origin")
        if not address:
            return ""
        git = GitRepository(self._git.directory, merged({}, address))
        ref = f"refs/heads/{branch}"
        tip = git.run("ls-remote", "origin", ref, timeout=ASKING).decode().partition("\t")[0]
        if tip and not self._find(tip):
            git.run("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", ref, timeout=ASKING)
        return tip

    @contextmanager
    def tree_at(self, revision: str) -> Iterator[Path]:
        """The tree as it was committed at `revision`, in a temporary folder."""
        commit = self.resolve(revision)
        archive = self._git.run("archive", "--format=tar", commit if self._inner == "." else f"{commit}:{self._inner}")
        with TemporaryDirectory(prefix="gitops-revision-") as folder:
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                tar.extractall(folder, filter="data")
            yield Path(folder)

    @property
    def _inner(self) -> str:
        return self._root.relative_to(self._git.directory.resolve()).as_posix()


def _is_saved_plan(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return begins_plan(opened.read(HEAD))
    except OSError:
        return False


def revision_at(root: Path) -> tuple[str, str]:
    """As `Revisions.committed`, for what changes nothing: uncommitted changes are said in the subject, and no
    repository at all, or none with a commit, is no error."""
    try:
        revisions = Revisions(root)
        head = revisions.head()
    except GitopsError:
        return "", ""
    changed = revisions.changed_files()
    return head, f"and {len(changed)} uncommitted" if changed else revisions.title(head)
