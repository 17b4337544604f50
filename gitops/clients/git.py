"""git, through GitPython: repositories, their state, and their commands, with git's failures in our words."""

import os
import re
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gitops.errors import GitopsError

if TYPE_CHECKING:
    import git

NETWORK_TIMEOUT = 120.0
"""Seconds that one git command may take before it is stopped. Remotes that do not answer must not hang a pipeline."""

LOW_SPEED_SECONDS = 20
"""Seconds without a byte after which git gives up on an HTTP transfer (`http.lowSpeedTime`)."""

_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "GCM_INTERACTIVE": "never",
    "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=15"),
}
STALE_LOCK = 10.0
"""Seconds that a lock of a ref may be old. git holds one for moments; one of this age is of a git that was killed."""

_REF_LOCK = re.compile(r"Unable to create '(.+/(?:refs/.+|packed-refs|shallow)\.lock)': File exists")
_NETWORK_COMMANDS = ("fetch", "push", "ls-remote")
_OPTIONS = ("-c", "http.lowSpeedLimit=1", "-c", f"http.lowSpeedTime={LOW_SPEED_SECONDS}", "-c", "core.quotePath=false")


class GitFailed(GitopsError):
    """A git command failed. Keeps its evidence: `status`, and `stderr` without credentials."""

    def __init__(self, subject: str, problem: str, hint: str, status: int, stderr: str) -> None:
        super().__init__(subject, problem, hint)
        self.status = status
        self.stderr = stderr


class GitRepository:
    """A repository on this machine: bare, or with a work tree, at `directory`. `env` is added to every command's."""

    def __init__(self, directory: Path, env: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.patience = NETWORK_TIMEOUT
        """Seconds that one command may take, where it is not said."""
        self._env = dict(env or {})

    @classmethod
    def discover(cls, start: Path) -> "GitRepository":
        """The repository that `start` is in. Raises `GitopsError` where it is in none."""
        import git

        try:
            with git.Repo(start, search_parent_directories=True) as repo:
                return cls(Path(repo.working_tree_dir or repo.git_dir))
        except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
            raise GitopsError(
                str(start), "is not in a git repository", "run git init there, or give another folder"
            ) from error

    @cached_property
    def _git(self) -> "git.Git":
        import git

        return git.Git(str(self.directory))

    def run(
        self,
        *arguments: str,
        stdin: BinaryIO | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> bytes:
        """Run `git ARGUMENTS` here and return its stdout. Raises `GitFailed`.

        A ref that is locked is waited for, and a lock that a killed git has left is taken away.
        """
        try:
            return self._run(arguments, stdin, env, timeout or self.patience)
        except GitFailed as error:
            lock = _REF_LOCK.search(error.stderr)
            if not lock:
                raise
            _outlive(Path(lock[1]))
            if stdin:
                stdin.seek(0)
            return self._run(arguments, stdin, env, timeout or self.patience)

    def _run(
        self, arguments: tuple[str, ...], stdin: BinaryIO | None, env: Mapping[str, str] | None, timeout: float
    ) -> bytes:
        import git

        try:
            out = self._git.execute(
                ["git", *_OPTIONS, *arguments],
                istream=stdin,
                env={**_ENVIRONMENT, **self._env, **(env or {})},
                kill_after_timeout=timeout,
                with_exceptions=True,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
            )
        except git.GitCommandNotFound as error:
            raise GitopsError("git", "is not on PATH", "install git 2.30 or later") from error
        except git.GitCommandError as error:
            raise self._failure(arguments, error) from error
        assert isinstance(out, bytes)
        return out

    def text(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """The stripped stdout of `git ARGUMENTS`."""
        return self.run(*arguments, env=env).decode("utf-8", "surrogateescape").strip()

    def _failure(self, arguments: tuple[str, ...], error: "git.GitCommandError") -> GitFailed:
        stderr = without_credentials(_plain(error.stderr))
        status = error.status if isinstance(error.status, int) else -1
        subject = next((without_credentials(a) for a in arguments if "://" in a), str(self.directory))
        command = next((a for a in arguments if a in _NETWORK_COMMANDS), arguments[0])
        if command in _NETWORK_COMMANDS and "origin" in arguments:
            subject = self.address("origin") or subject
        problem, hint = explain(stderr, command)
        return GitFailed(subject, problem, hint, status, stderr)

    def head(self) -> str:
        """The commit that HEAD is at. Raises `GitopsError` in a repository without commits."""
        try:
            return self.text("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        except GitFailed as error:
            raise GitopsError(str(self.directory), "has no commit yet", "commit something first") from error

    def branch(self) -> str:
        """The branch that is checked out; empty where HEAD is detached."""
        try:
            return self.text("symbolic-ref", "--quiet", "--short", "HEAD")
        except GitFailed:
            return ""

    def has_work_tree(self) -> bool:
        """It is not bare."""
        return self.text("rev-parse", "--is-bare-repository") == "false"

    def address(self, remote: str) -> str:
        """The URL of `remote`, without credentials; empty where there is no such remote."""
        try:
            return without_credentials(self.text("config", "--get", f"remote.{remote}.url"))
        except GitFailed:
            return ""

    def changed_files(self, *paths: str, untracked: bool = True) -> list[str]:
        """Files with uncommitted changes, relative to the work tree, under `paths` (default: all)."""
        mode = "--untracked-files=all" if untracked else "--untracked-files=no"
        out = self.run("status", "--porcelain=v1", "-z", "--no-renames", mode, "--", *paths)
        return [entry[3:] for entry in out.decode("utf-8", "surrogateescape").split("\0") if entry]


def _outlive(lock: Path) -> None:
    """Wait until `lock` is gone or another; remove it where it is the same and too old to be anybody's."""
    try:
        made, asked = lock.stat().st_mtime, time.monotonic()
        while time.time() - made < STALE_LOCK and time.monotonic() - asked < STALE_LOCK:
            time.sleep(0.05)
            if lock.stat().st_mtime != made:
                return
        lock.unlink()
    except FileNotFoundError:
        return


def _plain(text: object) -> str:
    """GitPython wraps stderr as "\\n  stderr: '…'"; give back what git printed."""
    match = re.match(r"\s*stderr: '(.*)'\s*\Z", str(text), re.DOTALL)
    return (match[1] if match else str(text)).strip()


def without_credentials(text: str) -> str:
    """`text` with the user and password of every URL left out."""
    return re.sub(r"(\w+://)[^/\s@']+@", r"\1", text)


_REFUSED = "refused the push"

_EXPLANATIONS = (
    (
        r"Authentication failed|could not read (Username|Password)|Access denied|error: 40[13]|Permission denied \(",
        "refused the credentials",
        "check the user and password, or the role's codecommit:GitPull and GitPush",
    ),
    (
        r"repository .* not found|does not appear to be a git repository|error: 404|does not exist",
        "is not a git repository that can be reached",
        "check the URL and the repository's name",
    ),
    (r"Could not resolve host", "cannot be found (name not resolved)", "check the host in the URL"),
    (
        r"No space left on device|Out of diskspace|Disk quota exceeded",
        "the disk is full",
        "free some space, then run it again",
    ),
    (
        r"Timeout: |too slow|timed out|Connection refused|Failed to connect|Network is unreachable",
        "does not answer",
        "check the network and the URL, then run it again",
    ),
    (
        r"Empty reply|early EOF|RPC failed|hung up|unexpected disconnect|Connection reset|Recv failure",
        "broke off",
        "check the network, and whether the remote's disk is full, then run it again",
    ),
    (
        r"pre-receive hook declined|hook declined|protected branch|denied updating|GH006",
        _REFUSED,
        "the branch may be protected: push to another, or ask for the right to",
    ),
)


def explain(stderr: str, command: str) -> tuple[str, str]:
    """What git's `stderr` means, and what to try; git's own last line where it is none of the known ones."""
    for pattern, problem, hint in _EXPLANATIONS:
        if re.search(pattern, stderr, re.IGNORECASE):
            said = re.search(r"^remote: (?!error: hook|\s*$)(.+?)\s*$", stderr, re.MULTILINE)
            return (f"{problem}: {said[1]}" if said and problem == _REFUSED else problem), hint
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith("hint:")]
    lines = [line for line in lines if line.startswith("fatal:")] or lines
    return f"git {command} failed: {lines[-1].strip() if lines else 'no message'}", ""


def start_repository(folder: Path, branch: str, message: str, origin: str | None) -> str | None:
    """Make `folder` a repository, with all its files in a first commit on `branch`, and `origin` to push to.

    Returns the commit, or None where git knows no author: then the files are staged only.
    """
    repository = GitRepository(folder)
    repository.run("init", "--quiet")
    repository.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    if origin:
        repository.run("remote", "add", "origin", origin)
    repository.run("add", "--all")
    try:
        repository.run("commit", "--quiet", "--no-verify", "-m", message)
    except GitFailed as error:
        if re.search(r"tell me who you are|empty ident|unable to auto-detect email", error.stderr, re.IGNORECASE):
            return None
        raise
    return repository.head()
