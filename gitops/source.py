"""A commit of the source repository: what is built from, and nothing that is uncommitted beside it."""

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from gitops.clients.git import GitFailed, GitRepository, without_credentials
from gitops.errors import GitopsError


@dataclass(frozen=True)
class Revision:
    """One state of the source repository."""

    commit: str
    """Full hash of the commit (of HEAD, for a dirty work tree)."""
    short: str
    created: datetime
    """The commit's date, in UTC."""
    tree: str
    """Git's hash of all that is built from: the whole tree, uncommitted changes included where `dirty`."""
    origin: str
    """URL of the remote `origin`, without credentials; empty where there is none."""
    dirty: bool = False

    @property
    def tag(self) -> str:
        """The image tag: the short commit; a dirty state says so and tells itself from others."""
        return f"{self.short}-dirty-{self.tree[:8]}" if self.dirty else self.short


class Source:
    """A source repository, read at one revision. Never changes the repository, nor its object store."""

    def __init__(self, repository: GitRepository, revision: Revision, env: dict[str, str]) -> None:
        self._repository = repository
        self._env = env
        self.revision = revision

    def subtree(self, path: str) -> str:
        """Git's hash of the folder `path` ("." for all) at this revision. Raises `GitopsError` where there is none."""
        try:
            found = self._repository.text("rev-parse", "--verify", "--quiet", self._treeish(path), env=self._env)
            if self._repository.text("cat-file", "-t", found, env=self._env) == "tree":
                return found
        except GitFailed:
            pass
        hint = "commit it, mend the image's context, or give --source"
        raise GitopsError(path, f"is no folder of commit {self.revision.short}", hint)

    @contextmanager
    def files(self, path: str) -> Iterator[Path]:
        """The folder `path` as committed, in a temporary folder, by `git archive`: mtimes are the commit's."""
        archive = self._repository.run("archive", "--format=tar", self._archived(path), env=self._env)
        with TemporaryDirectory(prefix="gitops-source-") as folder:
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                tar.extractall(folder, filter="tar")
            yield Path(folder)

    def _archived(self, path: str) -> str:
        whole = path in ("", ".")
        # A commit, not its tree: `git archive` then takes the commit's date, and export-subst works.
        return self.revision.commit if whole and not self.revision.dirty else self._treeish(path)

    def _treeish(self, path: str) -> str:
        base = self.revision.tree if self.revision.dirty else self.revision.commit
        return f"{base}:" if path in ("", ".") else f"{base}:{path.strip('/')}"


@contextmanager
def open_source(directory: Path, revision: str = "", *, dirty: bool = False) -> Iterator[Source]:
    """Read the repository around `directory` at `revision` (default: the branch that is checked out).

    `dirty` takes the work tree as it is, untracked files included, ignored ones not. Raises `GitopsError` for an empty
    repository, an unknown revision, or a detached HEAD where no `revision` says that this is meant.
    """
    repository = GitRepository.discover(directory)
    head = repository.head()
    if not revision and not repository.branch():
        raise GitopsError(
            str(directory),
            f"HEAD is detached at {head[:7]}",
            "say that it is meant: --revision HEAD, or check a branch out",
        )
    commit = _commit(repository, revision or "HEAD")
    if not dirty:
        yield Source(repository, _revision(repository, commit), {})
        return
    if commit != head:
        raise GitopsError(str(directory), "--dirty builds the work tree, which is at HEAD", "leave --revision out")
    with TemporaryDirectory(prefix="gitops-index-") as scratch:
        env = _scratch(repository, Path(scratch))
        yield Source(repository, _dirty_revision(repository, commit, env), env)


def _commit(repository: GitRepository, revision: str) -> str:
    if revision.startswith("-"):
        raise GitopsError(revision, "is no revision", "give a commit, a tag or a branch")
    try:
        return repository.text("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except GitFailed as error:
        raise GitopsError(
            str(repository.directory), f"has no revision '{revision}'", "fetch it, or give a commit, a tag or a branch"
        ) from error


def _revision(repository: GitRepository, commit: str) -> Revision:
    short, seconds, tree = repository.text("show", "--no-patch", "--format=%h %ct %T", commit).split()
    created = datetime.fromtimestamp(int(seconds), UTC)
    return Revision(commit, short, created, tree, without_credentials(repository.address("origin")))


def _scratch(repository: GitRepository, scratch: Path) -> dict[str, str]:
    """An index and an object store of our own, so that a look at the work tree leaves the repository as it was."""
    git_dir = Path(repository.text("rev-parse", "--path-format=absolute", "--git-common-dir"))
    (scratch / "objects").mkdir()
    return {
        "GIT_INDEX_FILE": str(scratch / "index"),
        "GIT_OBJECT_DIRECTORY": str(scratch / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(git_dir / "objects"),
    }


def _dirty_revision(repository: GitRepository, commit: str, env: dict[str, str]) -> Revision:
    clean = _revision(repository, commit)
    repository.run("read-tree", commit, env=env)
    repository.run("add", "--all", ":/", env=env)
    tree = repository.text("write-tree", env=env)
    if tree == clean.tree:
        return clean
    return Revision(commit, clean.short, clean.created, tree, clean.origin, dirty=True)
