"""A source repository -> `Revision`: one commit, or the work tree where asked; and its files, out of git's objects."""

import os
import posixpath
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from gitops.clients.git import GitFailed, GitRepository
from gitops.clients.git_objects import SUBMODULE
from gitops.errors import GitopsError, UsageError, nearest

SHORT = 7
"""Digits of a commit in a tag, as `git log --oneline` has them. Fixed: git's own abbreviation grows with the clone."""

_AS_COMMITTED = ("-c", "core.autocrlf=false", "-c", "tar.umask=0022", "--literal-pathspecs")
"""The same commit gives the same files and modes on every machine."""


@dataclass(frozen=True)
class Revision:
    """What is built: a commit of a source repository, or its work tree."""

    commit: str
    """Full hash of the commit (of HEAD, for a dirty work tree)."""
    created: datetime
    """The commit's date, in UTC."""
    tree: str
    """Git's hash of all that is built from: the whole tree, uncommitted changes included where `dirty`."""
    origin: str
    """URL of the remote `origin`, without credentials; empty where there is none."""
    dirty: bool = False
    """The work tree is built, and it differs from the commit."""

    @property
    def short(self) -> str:
        return self.commit[:SHORT]

    @property
    def tag(self) -> str:
        """The image tag: the short commit; a dirty state says so and tells itself from others."""
        return f"{self.short}-dirty-{self.tree[:8]}" if self.dirty else self.short


class Source:
    """A revision and its files."""

    def __init__(self, git: GitRepository, revision: Revision, env: Mapping[str, str]) -> None:
        self.revision = revision
        self._git = git
        self._env = env

    @property
    def name(self) -> str:
        """The repository's folder, for errors."""
        return str(self._git.directory)

    def subtree(self, path: str) -> str:
        """Id of the tree at `path`, "." for the whole. Raises `GitopsError` where the revision has no such folder."""
        found = self._object(path)
        if not found or self._kind(found) != "tree":
            said = nearest(_plain(path), self._folders(posixpath.dirname(_plain(path))))
            raise GitopsError(
                f"{self.name} at {self.revision.tag}", f"has no folder '{path}' to build", f"check `context`: {said}"
            )
        return found

    def check_file(self, context: str, file: str) -> None:
        """Raise `GitopsError` unless the revision has `file` in the folder `context`."""
        found = self._object(posixpath.join(context, file))
        if not found or self._kind(found) != "blob":
            subject, place = f"{self.name} at {self.revision.tag}", "" if _plain(context) == "" else f" in {context}"
            raise GitopsError(subject, f"has no {file}{place}", "commit it, or set `dockerfile` in gitops.yaml")

    def text(self, context: str, file: str) -> str:
        """What `file` in the folder `context` says. Raises `GitopsError` where the revision does not have it."""
        self.check_file(context, file)
        data = self._git.run("cat-file", "blob", self._object(posixpath.join(context, file)), env=self._env)
        return data.decode("utf-8", "replace")

    @contextmanager
    def files(self, context: str) -> Iterator[Path]:
        """The folder `context` of the revision in a temporary folder, all of it dated as the commit."""
        tree, path = self.subtree(context), _plain(context)
        self._refuse_submodules(tree, path)
        with tempfile.TemporaryDirectory(prefix="gitops-source-") as folder:
            archive, into = Path(folder) / "source.tar", Path(folder) / "source"
            where = ["--", path] if path else []
            command = ["archive", "--format=tar", f"--output={archive}", self.revision.tree, *where]
            try:
                self._git.run(*_AS_COMMITTED, *command, env=self._env)
                _extract(archive, into, self.revision.created.timestamp())
            except OSError as error:
                problem, hint = f"cannot be written ({error.strerror})", "free some space, or set TMPDIR"
                raise GitopsError(folder, problem, hint) from error
            archive.unlink()
            yield into / path

    def uncommitted(self, context: str) -> list[str]:
        """Files of the folder `context` in the work tree that the commit has otherwise, or not at all."""
        return self._git.changed_files(context) if self._git.has_work_tree() else []

    def _object(self, path: str) -> str:
        name = f"{self.revision.tree}:{_plain(path)}"
        try:
            return self._git.text("rev-parse", "--verify", "--quiet", "--end-of-options", name, env=self._env)
        except GitFailed:
            return ""

    def _kind(self, found: str) -> str:
        return self._git.text("cat-file", "-t", found, env=self._env)

    def _folders(self, above: str) -> list[str]:
        tree = self._object(above)
        if not tree:
            return []
        names = self._git.text("ls-tree", "-d", "-z", "--name-only", tree, env=self._env).split("\0")
        return [posixpath.join(above, name) for name in names if name]

    def _refuse_submodules(self, tree: str, path: str) -> None:
        """An archive has an empty folder where a submodule is: an image that lacks files is worse than none."""
        for line in self._git.text("ls-tree", "-r", "-z", tree, env=self._env).split("\0"):
            if line.startswith(f"{SUBMODULE} "):
                name = posixpath.join(path, line.partition("\t")[2])
                raise GitopsError(
                    f"{self.name}: {name}",
                    "is a submodule, whose files are not in the commit",
                    "keep it out of the build's context",
                )


@contextmanager
def open_source(directory: Path, revision: str = "", *, dirty: bool = False) -> Iterator[Source]:
    """The repository that `directory` is in, at `revision`; by default at the branch that is checked out.

    `dirty` takes the work tree instead, without what git ignores. Nothing is written to the repository. Raises
    `GitopsError` for an empty repository, an unknown revision, and a detached HEAD that was not asked for by name.
    """
    git = GitRepository.discover(directory)
    commit = _commit(git, revision)
    with tempfile.TemporaryDirectory(prefix="gitops-") as scratch:
        env = _scratch_objects(git, Path(scratch)) if dirty else {}
        committed = git.text("rev-parse", f"{commit}^{{tree}}")
        tree = _work_tree(git, env) if dirty else committed
        seconds = int(git.text("show", "--no-patch", "--no-show-signature", "--format=%ct", commit))
        yield Source(
            git,
            Revision(commit, datetime.fromtimestamp(seconds, UTC), tree, git.address("origin"), tree != committed),
            env,
        )


def _commit(git: GitRepository, revision: str) -> str:
    if not revision:
        head = git.head()
        if not git.branch():
            raise GitopsError(
                str(git.directory), "has a detached HEAD, no branch", "give the commit: --revision HEAD, or git switch"
            )
        return head
    try:
        return git.text("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except GitFailed as error:
        git.head()
        raise UsageError(
            str(git.directory), f"has no commit '{revision}'", "check it with git log, or fetch it first"
        ) from error


def _scratch_objects(git: GitRepository, scratch: Path) -> dict[str, str]:
    """The environment in which git reads the repository and writes to `scratch` only."""
    if not git.has_work_tree():
        raise UsageError(str(git.directory), "is bare: it has no work tree", "leave --dirty out")
    objects = git.directory / git.text("rev-parse", "--git-path", "objects")
    (scratch / "objects").mkdir()
    return {
        "GIT_INDEX_FILE": str(scratch / "index"),
        "GIT_OBJECT_DIRECTORY": str(scratch / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects.resolve()),
    }


def _work_tree(git: GitRepository, env: Mapping[str, str]) -> str:
    git.run("read-tree", "HEAD", env=env)
    git.run("add", "--all", ":/", env=env)
    return git.text("write-tree", env=env)


def _plain(path: str) -> str:
    """`path` as git names it in a tree: no "./", no slash at its end, empty for the root."""
    plain = posixpath.normpath(path)
    return "" if plain == "." else plain


def _extract(archive: Path, into: Path, seconds: float) -> None:
    """Unpack git's `archive` into the new folder `into`, all of it dated `seconds`.

    Nothing is ever written through a symbolic link: what lies below one is refused, and no file is opened twice.
    """
    into.mkdir()
    links: set[PurePosixPath] = set()
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts or links.intersection(path.parents):
                raise GitopsError(member.name, "leads out of the source's folder", "remove it from the repository")
            target = into / path
            if member.isdir():
                target.mkdir(exist_ok=True)
            elif member.issym():
                links.add(path)
                target.symlink_to(member.linkname)
            else:
                content = tar.extractfile(member)
                assert content is not None
                with content, target.open("xb") as out:
                    shutil.copyfileobj(content, out)
                target.chmod(member.mode)
            os.utime(target, (seconds, seconds), follow_symlinks=False)
