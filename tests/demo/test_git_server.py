"""The git server of the demo: clone and push as with any host, and what it refuses."""

import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitops.demo.git_server import GitServer

USER, PASSWORD = "robot@example", "p:w/ d"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served", {USER: PASSWORD}) as server:
        server.create("app")
        server.create("team/an app")
        yield server


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(directory), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def clone_with(server: GitServer, name: str, directory: Path, files: dict[str, bytes]) -> Path:
    git(directory.parent, "clone", "--quiet", server.url(name, USER, PASSWORD), str(directory))
    for path, data in files.items():
        (directory / path).write_bytes(data)
    git(directory, "add", "-A")
    git(directory, "commit", "--quiet", "-m", "Add files")
    return directory


def test_pushes_and_clones_back_what_was_pushed(server: GitServer, tmp_path: Path) -> None:
    big = os.urandom(3_000_000)  # over http.postBuffer, so that git sends it in chunks
    work = clone_with(server, "app", tmp_path / "work", {"big": big, "small": b"a\r\n" * 9000})
    git(work, "push", "--quiet", "origin", "HEAD:main")
    again = tmp_path / "again"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--filter=blob:none", server.url("app", USER, PASSWORD), str(again))
    assert (again / "big").read_bytes() == big
    assert git(again, "rev-parse", "HEAD") == git(work, "rev-parse", "HEAD")


def test_many_refs_make_a_compressed_request(server: GitServer, tmp_path: Path) -> None:
    work = clone_with(server, "app", tmp_path / "work", {"a": b"1"})
    git(work, "push", "--quiet", "origin", "HEAD:main")
    for number in range(40):
        git(work, "commit", "--quiet", "--allow-empty", "-m", str(number))
    git(work, "push", "--quiet", "origin", "HEAD:main")
    git(work, "reset", "--quiet", "--hard", "HEAD~40")
    for number in range(40):  # a negotiation of many 'have' lines, over the 1,024 bytes from which git compresses
        git(work, "commit", "--quiet", "--allow-empty", "-m", f"other {number}")
    git(work, "-c", "protocol.version=2", "fetch", "--quiet", "origin")
    assert len(git(work, "rev-list", "origin/main").splitlines()) == 41


def test_twenty_clients_at_once(server: GitServer, tmp_path: Path) -> None:
    work = clone_with(server, "app", tmp_path / "work", {"a": b"1" * 1000})
    git(work, "push", "--quiet", "origin", "HEAD:main")

    def client(number: int) -> None:
        mine = clone_with(server, "app", tmp_path / f"client-{number}", {f"{number}": b"x"})
        git(mine, "push", "--quiet", "origin", f"HEAD:branch-{number}")

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(client, range(20)))
    assert len(git(server.root / "app", "branch", "--list", "branch-*").splitlines()) == 20


def test_a_name_may_have_folders_and_spaces(server: GitServer) -> None:
    assert git(server.root, "ls-remote", server.url("team/an app", USER, PASSWORD)) == ""


@pytest.mark.parametrize(("user", "password"), [("", ""), (USER, "wrong"), ("nobody", PASSWORD)])
def test_refuses_wrong_credentials(server: GitServer, tmp_path: Path, user: str, password: str) -> None:
    done = subprocess.run(
        ["git", "ls-remote", server.url("app", user, password)],
        capture_output=True,
        text=True,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "LC_ALL": "C"},
        check=False,
    )
    assert done.returncode == 128
    assert "Authentication failed" in done.stderr or "could not read" in done.stderr


@pytest.mark.parametrize("path", ["nothing/info/refs", "app/../../etc/passwd", "%2e%2e/secret/HEAD"])
def test_serves_nothing_outside_of_its_repositories(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/HEAD").write_text("hidden")
    with GitServer(tmp_path / "served") as server:
        server.create("app")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/{path}")
        with caught.value as error:
            assert error.code in (403, 404, 500)
            assert b"hidden" not in error.read()
