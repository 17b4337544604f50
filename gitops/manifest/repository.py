"""The manifest repository: an intent becomes one commit on its branch, applied again to the new tip when that moved.

No work tree is needed or touched: what an intent reads comes from the tip's tree, and what it writes goes into a
commit whose parent is that tip. The branch moves by compare-and-set, so no other commit is ever lost.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gitops.clients.git import GitFailed, GitRepository
from gitops.clients.git_objects import (
    FILE,
    FOLDER,
    LINK,
    GitObjects,
    NewCommit,
    TreeEntry,
    scratch_repository,
    with_login,
)
from gitops.errors import GitopsError, count_of, nearest

PATIENCE = 300.0
"""Seconds after which a branch that moves all the time is given up."""

LONGEST_PAUSE = 3.0
"""Seconds. Pauses double from a twentieth of a second up to this, each times a random part."""


class Tree:
    """The files of one commit, as an intent reads them."""

    def __init__(self, objects: GitObjects, commit: str, name: str) -> None:
        self.objects = objects
        self.commit = commit
        self.name = name
        """What errors call it: "eks-work-manifests main"."""

    def find(self, paths: Sequence[str]) -> dict[str, TreeEntry]:
        """Those of `paths` that are there. Raises `GitopsError` for links, submodules and folders."""
        entries = self.objects.entries(self.commit, paths)
        for entry in entries.values():
            if entry.mode == LINK:
                raise GitopsError(entry.path, "is a symbolic link, which is not followed", "put the file itself there")
            if not entry.is_file:
                raise GitopsError(entry.path, "is not a file", "check the overlay's folder in gitops.yaml")
        return entries

    def read(self, entries: Sequence[TreeEntry]) -> dict[str, bytes]:
        """The content of each of `entries`."""
        return self.objects.read(self.commit, entries)

    def read_file(self, path: str) -> bytes:
        """The content of the file at `path`. Raises `GitopsError` where there is none."""
        entries = self.find([path])
        if path not in entries:
            raise GitopsError(path, f"is not in {self.name}", "check the branch")
        return self.read(list(entries.values()))[path]

    def prefetch(self, paths: Sequence[str]) -> None:
        """Get the content of those of `paths` that are there in one request, if it has to come from far."""
        self.read(list(self.objects.entries(self.commit, paths).values()))

    def files_named(self, names: Sequence[str]) -> dict[str, TreeEntry]:
        """Every file, by path, whose last part is one of `names`."""
        entries = self.objects.files_below(self.commit)
        return {path: entry for path, entry in entries.items() if path.rpartition("/")[2] in names and entry.is_file}

    def yaml_files(self, folder: str) -> dict[str, TreeEntry]:
        """Every YAML file below `folder`."""
        below = self.objects.files_below(self.commit, folder)
        return {path: entry for path, entry in below.items() if path.endswith((".yaml", ".yml")) and entry.is_file}

    def folders(self, folder: str) -> list[str]:
        """Names of the folders directly in `folder`."""
        children = self.objects.children(self.commit, folder).values()
        return [entry.path.rpartition("/")[2] for entry in children if entry.mode == FOLDER]


@dataclass(frozen=True)
class FileEdit:
    """One file before and after; None where it is not there."""

    entry: TreeEntry
    before: bytes | None
    after: bytes | None


def new_file(path: str, data: bytes) -> FileEdit:
    """A file that is not there yet."""
    return FileEdit(TreeEntry(path, FILE, ""), None, data)


@dataclass(frozen=True)
class Message:
    """A commit's message: subject, body, trailers (names and values; empty values are left out), author."""

    subject: str
    body: str = ""
    trailers: tuple[tuple[str, str], ...] = ()
    author: str = ""

    def __str__(self) -> str:
        trailers = "\n".join(f"{name}: {_one_line(value)}" for name, value in self.trailers if value)
        return "\n\n".join(part for part in (_one_line(self.subject), self.body.strip(), trailers) if part) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


@dataclass(frozen=True)
class Proposal:
    """What an intent comes to on one tip. Without a file that differs there is nothing to commit."""

    edits: tuple[FileEdit, ...]
    message: Message

    @property
    def changed(self) -> tuple[FileEdit, ...]:
        return tuple(edit for edit in self.edits if edit.before != edit.after)


Intent = Callable[[Tree], Proposal]
"""What shall be true, whatever the tip is: reads the tree, proposes edits. Called again for each new tip."""


class Branch(Protocol):
    """A branch of the manifest repository, and where its objects are."""

    objects: GitObjects
    name: str
    """As people call it: "eks-work-manifests main"."""
    verb: str
    """What happened to a commit that landed: pushed, or committed."""

    def tip(self) -> str:
        """The commit that it is at now."""

    def move(self, commit: str, expected: str) -> bool:
        """Move it from `expected` to `commit`; False where it is elsewhere by now."""


@dataclass(frozen=True)
class Written:
    """How it ended: the proposal as it was carried out; the commit (empty: nothing to do, or not wanted)."""

    proposal: Proposal
    base: str
    commit: str = ""
    attempts: int = 1
    verb: str = "pushed"


def propose(branch: Branch, intent: Intent, tip: str = "") -> Written:
    """What `intent` comes to on the tip of `branch` (on `tip`, where that was read already). Writes nothing."""
    tip = tip or branch.tip()
    return Written(intent(Tree(branch.objects, tip, branch.name)), tip)


def commit(
    branch: Branch,
    intent: Intent,
    *,
    check: Callable[[Proposal], None],
    tip: str = "",
    now: Callable[[], float],
    sleep: Callable[[float], None],
    random: Callable[[], float],
    patience: float = PATIENCE,
) -> Written:
    """Make `intent` true on `branch` with one commit, and return it.

    `check` may refuse a proposal before anything is written. When the branch has moved, its new tip is read and the
    intent applied to that, with pauses that grow, until it lands or `patience` seconds are over (`GitopsError`).
    """
    started, attempts = now(), 1
    while True:
        written = propose(branch, intent, tip)
        if not written.proposal.changed:
            return Written(written.proposal, written.base, "", attempts)
        check(written.proposal)
        landed = _try(branch, written)
        if landed:
            return Written(written.proposal, written.base, landed, attempts, branch.verb)
        if now() - started > patience:
            raise GitopsError(
                branch.name,
                f"moved {count_of(attempts, 'time')} in {patience:.0f} s, the bump did not land",
                "run it again",
            )
        sleep(random() * min(LONGEST_PAUSE, 0.05 * 2**attempts))
        tip, attempts = "", attempts + 1


def _try(branch: Branch, written: Written) -> str:
    """One commit of the proposal, moved to: its id, or nothing where the branch has moved."""
    files = {
        edit.entry.path: None if edit.after is None else (edit.entry.mode, edit.after)
        for edit in written.proposal.changed
    }
    message = written.proposal.message
    new = branch.objects.write(NewCommit(written.base, files, str(message), message.author))
    try:
        return new if branch.move(new, written.base) else ""
    except GitFailed:
        # The answer may have been lost after the branch had moved.
        if branch.verb == "pushed" and _is_at(branch, new):
            return new
        raise


def _is_at(branch: Branch, commit: str) -> bool:
    try:
        return branch.tip() == commit
    except GitopsError:
        return False


class RemoteBranch:
    """A branch of the remote `origin` of a repository on this machine, which holds the objects."""

    verb = "pushed"

    def __init__(self, git: GitRepository, branch: str, *, scratch: bool, whole: bool = False) -> None:
        """`scratch`: the repository is ours, and gets what it needs; with `whole` that is every file but huge ones."""
        self.objects = GitObjects(git, partial_of=branch if scratch else "")
        self.branch = branch
        address = git.address("origin")
        self.name = f"{address.rstrip('/').rpartition('/')[2].removesuffix('.git') or address} {branch}"
        # A repository of our own gets one commit's trees only; one of the user's must not be made shallow.
        blobs = "blob:limit=1m" if whole else "blob:none"
        self._options = ("--depth=1", f"--filter={blobs}") if scratch else ()
        self._into = f"refs/heads/{branch}" if scratch else f"refs/remotes/origin/{branch}"

    def tip(self) -> str:
        try:
            return self.objects.fetch("origin", self.branch, self._into, *self._options)
        except GitFailed as error:
            if "couldn't find remote ref" in error.stderr:
                raise self._no_branch() from error
            if self._options and "mismatched algorithms: client sha1; server sha256" in error.stderr:
                # What the remote uses is known only now that it was asked.
                self.objects.use_sha256()
                return self.tip()
            raise

    def move(self, commit: str, expected: str) -> bool:
        return self.objects.push("origin", self.branch, commit, expected)

    def _no_branch(self) -> GitopsError:
        git = self.objects.git
        refs = [line.split("refs/heads/", 1)[1] for line in git.text("ls-remote", "--heads", "origin").splitlines()]
        address = git.address("origin")
        if not refs:
            return GitopsError(address, "has no commit yet", "push the manifests to it first")
        return GitopsError(address, f"has no branch '{self.branch}'", nearest(self.branch, refs))


class ProposedBranch(RemoteBranch):
    """A branch that is not pushed to: what is made on its tip goes to the branch `topic`, for review.

    `topic` belongs to gitops, and is replaced by each newer proposal.
    """

    verb = "proposed"

    def __init__(self, git: GitRepository, branch: str, topic: str, *, scratch: bool) -> None:
        super().__init__(git, branch, scratch=scratch)
        self.topic = topic

    def move(self, commit: str, expected: str) -> bool:
        listed = self.objects.git.text("ls-remote", "origin", f"refs/heads/{self.topic}").split()
        return self.objects.push("origin", self.topic, commit, listed[0] if listed else "")


class LocalBranch:
    """A branch of a repository without a remote."""

    verb = "committed"

    def __init__(self, git: GitRepository, branch: str) -> None:
        self.objects = GitObjects(git)
        self.branch = branch
        self.name = f"{git.directory.name} {branch}"

    def tip(self) -> str:
        tip = self.objects.commit_of(f"refs/heads/{self.branch}")
        if tip:
            return tip
        git = self.objects.git
        known = git.text("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()
        if not known:
            raise GitopsError(str(git.directory), "has no commit yet", "commit the manifests first")
        raise GitopsError(str(git.directory), f"has no branch '{self.branch}'", nearest(self.branch, known))

    def move(self, commit: str, expected: str) -> bool:
        if self.objects.git.branch() != self.branch:
            return self.objects.move_branch(self.branch, commit, expected)
        try:
            # Moves the branch and the files of the work tree together; refuses where the branch has gone elsewhere.
            self.objects.git.run("merge", "--quiet", "--ff-only", "--no-autostash", commit)
        except GitFailed as error:
            if "Not possible to fast-forward" in error.stderr or "diverging" in error.stderr:
                return False
            raise
        return True


def branch_of_clone(git: GitRepository, branch: str) -> RemoteBranch | LocalBranch:
    """Where a bump made in the clone `git` belongs: its remote `origin`, or itself where it has none."""
    return RemoteBranch(with_login(git), branch, scratch=False) if git.address("origin") else LocalBranch(git, branch)


@contextmanager
def remote_without_clone(url: str, branch: str, *, whole: bool = False) -> Iterator[RemoteBranch]:
    """The branch at `url`, its objects in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gitops-", ignore_cleanup_errors=True) as folder:
        yield RemoteBranch(scratch_repository(Path(folder), url), branch, scratch=True, whole=whole)


def refuse_uncommitted(git: GitRepository, paths: Sequence[str], edits: Sequence[FileEdit] = ()) -> None:
    """Raise `GitopsError` where one of `paths`, or a file of `edits`, has uncommitted changes in `git`'s work tree."""
    # All changes are listed and looked up: ten thousand paths fit no command line, and none is taken for a pattern.
    wanted = {*paths, *(edit.entry.path for edit in edits)}
    changed = [path for path in git.changed_files() if path in wanted] if wanted else []
    if changed and (begun := half_forwarded(git, edits)):
        changed = [path for path in changed if path not in begun]
    if changed:
        others = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise GitopsError(f"{changed[0]}{others}", "has uncommitted changes", "commit or stash them, then run it again")


def half_forwarded(git: GitRepository, edits: Sequence[FileEdit]) -> list[str]:
    """Files of `edits` that are changed in the work tree, to just what the branch's tip has already.

    A run that was killed within `fast_forward` leaves them so. Nobody's work is in them.
    """
    tips = {edit.entry.path: edit.entry.object_id for edit in edits}
    changed = [path for path in git.changed_files(untracked=False) if path in tips]
    there = [path for path in changed if (git.directory / path).is_file()]
    return [path for path in there if git.text("hash-object", "--", path) == tips[path]]


def fast_forward(git: GitRepository, branch: str, commit: str, edits: Sequence[FileEdit] = ()) -> str:
    """Bring the clone's own `branch` to the pushed `commit`, where that is only a step ahead; else say why not.

    `edits` made the commit: what a killed run left in their files of an earlier fast-forward is taken back.
    """
    if git.branch() != branch:
        return ""
    if git.head() == commit:
        return ""
    if _forwarded(git, commit):
        return ""
    if (begun := half_forwarded(git, edits)) and _taken_back(git, begun) and _forwarded(git, commit):
        return ""
    return f"this clone's {branch} is left as it is (it has changes of its own): git pull --rebase"


def _forwarded(git: GitRepository, commit: str) -> bool:
    return _succeeds(git, "merge", "--quiet", "--ff-only", "--no-autostash", commit)


def _taken_back(git: GitRepository, paths: Sequence[str]) -> bool:
    return _succeeds(git, "checkout", "--quiet", "HEAD", "--", *paths)


def _succeeds(git: GitRepository, *arguments: str) -> bool:
    try:
        git.run(*arguments)
    except GitFailed:
        return False
    return True
