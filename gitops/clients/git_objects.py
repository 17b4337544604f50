"""git without a work tree: reads trees and blobs of a commit, writes a commit, fetches a branch, pushes if unmoved."""

import re
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from gitops.clients.codecommit_login import https_url, merged
from gitops.clients.git import GitFailed, GitRepository
from gitops.errors import GitopsError

FILE, EXECUTABLE, LINK, FOLDER, SUBMODULE = "100644", "100755", "120000", "040000", "160000"
"""Modes of a tree's entries."""

BLOB_LIMIT = 4_000_000
"""Bytes of a blob that is read. Nothing that is edited comes near it."""

OLDER_COMMITS = 200
"""How many older commits are fetched, once, when the tip does not tell enough."""

_PATHS_AT_A_TIME = 200
_MOVED = re.compile(
    r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref|incorrect old value"
    r"|reference already exists|ref updated since"
)
"""What git and hosts say of a push that came second."""


@dataclass(frozen=True)
class TreeEntry:
    """A file or folder of a commit."""

    path: str
    mode: str
    object_id: str

    @property
    def is_file(self) -> bool:
        """Whether it is a file of its own: no link, folder or submodule."""
        return self.mode in (FILE, EXECUTABLE)


@dataclass(frozen=True)
class NewCommit:
    """A commit to be written on top of `parent`: whole files by path, and its message. An empty author is git's own."""

    parent: str
    files: Mapping[str, tuple[str, bytes] | None]
    """Path -> mode and content; None takes the file away."""
    message: str
    author: str = ""
    """As in "Name <address>"."""


class GitObjects:
    """The objects and branches of one repository on this machine."""

    def __init__(self, git: GitRepository, partial_of: str = "") -> None:
        """`partial_of` is the branch of `origin` of which only the tip is here, without all or some of its blobs."""
        self.git = git
        self._partial_of = partial_of
        self._present: set[str] = set()
        self._deepened = False

    def commit_of(self, revision: str) -> str:
        """The id of the commit that `revision` names; empty where there is none."""
        try:
            return self.git.text("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        except GitFailed:
            return ""

    def entries(self, commit: str, paths: Sequence[str]) -> dict[str, TreeEntry]:
        """Those of `paths` that `commit` has. Paths are taken literally, from the root of the repository."""
        found: dict[str, TreeEntry] = {}
        for start in range(0, len(paths), _PATHS_AT_A_TIME):
            found |= self._list(commit, paths[start : start + _PATHS_AT_A_TIME])
        return found

    def files_below(self, commit: str, folder: str = "") -> dict[str, TreeEntry]:
        """Every file of `commit` below `folder`, links and submodules too."""
        return self._list(commit, [folder.rstrip("/") + "/"] if folder else [], "-r")

    def children(self, commit: str, folder: str) -> dict[str, TreeEntry]:
        """Files and folders directly in `folder`."""
        return self._list(commit, [folder.rstrip("/") + "/"] if folder else [])

    def _list(self, commit: str, paths: Sequence[str], *flags: str) -> dict[str, TreeEntry]:
        out = self.git.run("--literal-pathspecs", "ls-tree", "-z", "--full-tree", *flags, commit, "--", *paths)
        entries = (line.split("\t", 1) for line in out.decode("utf-8", "surrogateescape").split("\0") if line)
        return {path: TreeEntry(path, meta.split()[0], meta.split()[2]) for meta, path in entries}

    def read(self, commit: str, entries: Sequence[TreeEntry]) -> dict[str, bytes]:
        """The content of each of `entries` of `commit`, by path. Raises `GitopsError` for one over the limit."""
        if not entries:
            return {}
        self._prefetch(commit, entries)
        wanted = "".join(f"{entry.object_id}\n" for entry in entries).encode()
        for entry, line in zip(entries, self._batch("--batch-check", wanted).splitlines(), strict=True):
            size = int(line.split()[2])
            if size > BLOB_LIMIT:
                raise _too_large(entry, size)
        return dict(zip((entry.path for entry in entries), _blobs(self._batch("--batch", wanted)), strict=True))

    def _prefetch(self, commit: str, entries: Sequence[TreeEntry]) -> None:
        """Where blobs were left at the remote, get all of these in one request; git alone takes one for each.

        A blob that is asked for by its id comes whatever its size. So its folder is asked for, and a limit set.
        """
        if not self._partial_of or not self._missing(entries):
            return
        self._look()
        if missing := self._missing(entries):
            self._fetch_folders(commit, missing)
            self._look()
        if missing := self._missing(entries):
            raise _too_large(missing[0])

    def _missing(self, entries: Sequence[TreeEntry]) -> list[TreeEntry]:
        return [entry for entry in entries if entry.object_id not in self._present]

    def _look(self) -> None:
        """Note which objects are here. Unlike a question for one of them, this fetches none."""
        listed = self.git.text("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
        self._present = set(listed.split())

    def _fetch_folders(self, commit: str, entries: Sequence[TreeEntry]) -> None:
        """Get the blobs up to the limit in the folders of `entries`; of the root, which is all, only these."""
        folders = dict.fromkeys(entry.path.rpartition("/")[0] for entry in entries)
        trees = self.entries(commit, [folder for folder in folders if folder])
        wanted = {entry.object_id for entry in entries if "/" not in entry.path}
        wanted |= {tree.object_id for tree in trees.values()}
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no")
        # The trees are here already: without a depth git would see nothing to fetch.
        limit = ("--depth=1", f"--filter=blob:limit={BLOB_LIMIT + 1}")
        with _file_of("".join(f"{name}\n" for name in sorted(wanted)).encode()) as stdin:
            negotiation = "fetch.negotiationAlgorithm=noop"
            self.git.run("-c", negotiation, "fetch", *options, *limit, "origin", "--stdin", stdin=stdin)

    def _batch(self, option: str, wanted: bytes) -> bytes:
        with _file_of(wanted) as stdin:
            return self.git.run("cat-file", option, stdin=stdin)

    def log(self, commit: str, form: str, containing: str) -> list[str]:
        """The commits from `commit` back whose message has `containing`, newest first, a line each in git's `form`."""
        out = self.git.text("log", f"--format={form}", "--fixed-strings", f"--grep={containing}", commit, "--")
        return out.split("\n") if out else []

    @property
    def partial(self) -> bool:
        """Whether only the newest commits are here."""
        return bool(self._partial_of)

    def last_change(self, commit: str, paths: Sequence[str], form: str = "%cI") -> str:
        """The commit that changed one of `paths` last, up to `commit`, in git's `form`: its date, in RFC 3339."""
        return self.git.text("--literal-pathspecs", "log", "-1", f"--format={form}", commit, "--", *paths)

    def deepen(self) -> bool:
        """Where only the tip is here: get some older commits, without trees. False where there is nothing to get."""
        if not self._partial_of or self._deepened:
            return False
        self._deepened = True
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", f"--deepen={OLDER_COMMITS}", "--filter=tree:0")
        self.git.run("fetch", *options, "origin", f"refs/heads/{self._partial_of}")
        return True

    def write(self, new: NewCommit) -> str:
        """Write blobs, trees and the commit, and return its id. No branch, index or file of a work tree is touched."""
        date = f"{int(time.time())} +0000"
        committer = f"{self.identity} {date}"
        author = f"{new.author or self.identity} {date}"
        scratch = f"refs/gitops/{secrets.token_hex(8)}"
        pieces = [
            f"feature done\ncommit {scratch}\nmark :1\nauthor {author}\ncommitter {committer}\n".encode(),
            _data(new.message.encode()),
            f"from {new.parent}\n".encode(),
        ]
        for path, file in new.files.items():
            name = _quoted_path(path).encode("utf-8", "surrogateescape")
            pieces += [b"M %b inline %b\n" % (file[0].encode(), name), _data(file[1])] if file else [b"D %b\n" % name]
        # The branch is only a place to build on: taken back before anyone can see it.
        nothing = "0" * len(new.parent)
        pieces.append(f"\nget-mark :1\nreset {scratch}\nfrom {nothing}\n\ndone\n".encode())
        commit = self._import(b"".join(pieces))
        return self._signed(commit, new, author) if self._signs else commit

    def _import(self, stream: bytes) -> str:
        """What fast-import answers to `stream`. Where it fails it leaves nothing, its crash report neither."""
        try:
            with _file_of(stream) as stdin:
                return self.git.run("fast-import", "--quiet", "--date-format=raw", stdin=stdin).decode().strip()
        except GitFailed as error:
            for name in re.findall(r"dumping crash report to (\S.*)$", error.stderr, re.MULTILINE):
                (self.git.directory / name).unlink(missing_ok=True)
            raise

    @cached_property
    def identity(self) -> str:
        """Who git takes the user for: "Name <address>". Raises `GitopsError` where it knows nobody."""
        try:
            return self.git.text("var", "GIT_COMMITTER_IDENT").rpartition(">")[0] + ">"
        except GitFailed as error:
            hint = 'git config --global user.name "…" and user.email …'
            raise GitopsError("git", "knows no name to commit with", hint) from error

    @cached_property
    def _signs(self) -> bool:
        try:
            return self.git.text("config", "--type=bool", "--get", "commit.gpgSign") == "true"
        except GitFailed:
            return False

    def _signed(self, commit: str, new: NewCommit, author: str) -> str:
        """The same commit with a signature, as git is set up to make it."""
        match = re.fullmatch(r"(.*?) ?<(.*)> (.*)", author)
        assert match
        env = {"GIT_AUTHOR_NAME": match[1], "GIT_AUTHOR_EMAIL": match[2], "GIT_AUTHOR_DATE": match[3]}
        with _file_of(new.message.encode()) as stdin:
            out = self.git.run(
                "commit-tree", "-S", "-p", new.parent, f"{commit}^{{tree}}", "-F", "-", stdin=stdin, env=env
            )
        return out.decode().strip()

    def fetch(self, remote: str, branch: str, into: str, *options: str) -> str:
        """Fetch `branch` of `remote` into the ref `into`, and return the commit that it is at."""
        refs = f"+refs/heads/{branch}:{into}"
        self.git.run("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *options, remote, refs)
        return self.commit_of(into)

    def use_sha256(self) -> None:
        """Make this repository, which is empty, one of SHA-256."""
        self.git.run("config", "core.repositoryFormatVersion", "1")
        self.git.run("config", "extensions.objectFormat", "sha256")

    def push(self, remote: str, branch: str, commit: str, expected: str) -> bool:
        """Move `branch` of `remote` from `expected` to `commit`. False where it is not at `expected` any more.

        An empty `expected` says that there is no such branch yet.
        """
        lease = f"--force-with-lease=refs/heads/{branch}:{expected}"
        try:
            self.git.run("push", "--quiet", "--no-follow-tags", lease, remote, f"{commit}:refs/heads/{branch}")
        except GitFailed as error:
            if _MOVED.search(error.stderr):
                return False
            raise
        return True

    def move_branch(self, branch: str, commit: str, expected: str) -> bool:
        """Move the local `branch` from `expected` to `commit`. False where it is not at `expected` any more."""
        try:
            self.git.run("update-ref", "-m", "gitops bump", f"refs/heads/{branch}", commit, expected)
        except GitFailed as error:
            if "cannot lock ref" in error.stderr:
                return False
            raise
        return True


def _too_large(entry: TreeEntry, size: int = 0) -> GitopsError:
    """What is said of a blob of `size` bytes; of one that was left at the remote nobody knows how many."""
    has = f"has {size:,} bytes, over" if size else "is over"
    return GitopsError(entry.path, f"{has} the limit of {BLOB_LIMIT:,}{'' if size else ' bytes'}", "split it")


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _quoted_path(path: str) -> str:
    """`path` as fast-import reads it: in C quotes, so that no name is taken for a command."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _blobs(stream: bytes) -> Iterator[bytes]:
    """The contents in the output of `git cat-file --batch`: a header line, the bytes, a newline."""
    position = 0
    while position < len(stream):
        end = stream.index(b"\n", position)
        size = int(stream[position:end].split()[2])
        yield stream[end + 1 : end + 1 + size]
        position = end + 1 + size + 1


@contextmanager
def _file_of(content: bytes) -> Iterator[BinaryIO]:
    """`content` as an open file, which is what a process can read its stdin from."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file


def scratch_repository(folder: Path, url: str) -> GitRepository:
    """A bare repository in the empty `folder`, whose remote `origin` is `url`. The URL is never written to disk."""
    address = https_url(url)
    env = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "remote.origin.url", "GIT_CONFIG_VALUE_0": address}
    git = GitRepository(folder, merged(env, url))
    git.run("init", "--quiet", "--bare")
    return git


def with_login(git: GitRepository) -> GitRepository:
    """`git`, logged in at CodeCommit with the role's credentials where its remote `origin` is there."""
    return GitRepository(git.directory, merged({}, git.address("origin")))
