"""git without a work tree: what is read, what is written, and that nothing else is touched."""

import shutil
import subprocess
from pathlib import Path

import pytest

from gitops.clients.git import GitRepository
from gitops.clients.git_objects import GitObjects, NewCommit
from tests.support.manifests import git, repository, write


@pytest.fixture
def local(tmp_path: Path) -> Path:
    return repository(tmp_path / "local", {"a/b.yaml": b"1\n", "c.yaml": b"2\n"})


def commit(local: Path, files: dict[str, tuple[str, bytes] | None], author: str = "") -> str:
    return GitObjects(GitRepository(local)).write(NewCommit(git(local, "rev-parse", "HEAD"), files, "Say\n", author))


def test_a_commit_is_made_and_nothing_else_is_touched(local: Path) -> None:
    write(local, {"c.yaml": b"mine", "new.yaml": b"mine"})
    git(local, "add", "new.yaml")
    before = git(local, "status", "--porcelain"), git(local, "rev-parse", "HEAD")
    new = commit(local, {"a/b.yaml": ("100755", b"\x00binary\r\n"), "x/y/z": ("100644", b""), "c.yaml": None})
    assert (git(local, "status", "--porcelain"), git(local, "rev-parse", "HEAD")) == before
    assert git(local, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert git(local, "diff", "--name-status", "HEAD", new).split("\n") == ["M\ta/b.yaml", "D\tc.yaml", "A\tx/y/z"]
    assert GitRepository(local).run("show", f"{new}:a/b.yaml") == b"\x00binary\r\n"
    assert git(local, "log", "-1", "--format=%P %an %cn %s", new) == f"{before[1]} Test Test Say"


def test_what_is_read_is_what_was_committed(local: Path) -> None:
    objects = GitObjects(GitRepository(local))
    head = objects.commit_of("HEAD")
    entries = objects.entries(head, ["a/b.yaml", "nothing", "a/*"])
    assert sorted(entries) == ["a/b.yaml"]
    assert objects.read(head, [entries["a/b.yaml"]]) == {"a/b.yaml": b"1\n"}
    assert sorted(objects.files_below(head)) == ["a/b.yaml", "c.yaml"]
    assert sorted(objects.children(head, "")) == ["a", "c.yaml"]
    assert objects.commit_of("--all") == ""


def test_a_branch_is_moved_from_where_it_was_only(local: Path) -> None:
    objects = GitObjects(GitRepository(local))
    head = objects.commit_of("HEAD")
    new = commit(local, {"n": ("100644", b"")})
    git(local, "branch", "other")
    assert not objects.move_branch("other", new, new)
    assert objects.move_branch("other", new, head)
    assert git(local, "rev-parse", "other") == new


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not on PATH")
def test_commits_are_signed_where_git_is_set_up_to_sign(local: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (tmp_path / "allowed").write_text(f"test@example.invalid {key.with_suffix('.pub').read_text()}")
    for name, value in (
        ("gpg.format", "ssh"),
        ("user.signingKey", str(key)),
        ("gpg.ssh.allowedSignersFile", str(tmp_path / "allowed")),
        ("commit.gpgSign", "true"),
    ):
        git(local, "config", name, value)
    new = commit(local, {"n": ("100644", b"")}, author="Ann Other <ann@example.invalid>")
    assert git(local, "log", "-1", "--format=%G? %an <%ae> %s", new) == "G Ann Other <ann@example.invalid> Say"
