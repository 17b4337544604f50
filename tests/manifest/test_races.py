"""Many writers on one branch, killed writers, and a remote that says no: nothing is lost, nothing is half done."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from gitops.demo.git_server import GitServer
from gitops.manifest.images import read_images
from tests.manifest.conftest import *  # noqa: F403 - the fixtures
from tests.support.histories import REPOSITORY, build, digest
from tests.support.manifests import git, manifest_files, repository

WRITERS = 50


def overlay(environment: str) -> str:
    return f"kustomize/overlays/{environment}/kustomization.yaml"


def image_file(folder: Path, number: int) -> Path:
    """The image.json of build `number`."""
    import json

    image = build(number)
    fields = {"name": image.name, "repository": image.repository, "tag": image.tag, "digest": image.digest}
    path = folder / f"image-{number}.json"
    path.write_text(json.dumps({**fields, "created": image.created, "revision": image.revision}))
    return path


def start(url: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gitops", "bump", "backend-app", "--repository", url, *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def finish(processes: Sequence[subprocess.Popen[str]]) -> tuple[list[str], list[float]]:
    """Wait for all; what each printed, and when it ended, in seconds from now."""
    started = time.monotonic()
    outs, ends = [""] * len(processes), [0.0] * len(processes)

    def wait(place: int) -> None:
        outs[place] = processes[place].communicate(timeout=500)[0]
        ends[place] = time.monotonic() - started

    threads = [threading.Thread(target=wait, args=(place,)) for place in range(len(processes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outs, ends


def served(server: GitServer, tmp_path: Path, environments: list[str]) -> Path:
    """Replace what is served by a repository with these environments."""
    bare = server.create("many")
    seed = repository(tmp_path / "many", manifest_files(environments))
    git(seed, "push", "--quiet", server.url("many", "robot", "secret"), "main")
    return bare


class UnrelatedWriter(threading.Thread):
    """Pushes commits of another file, pulling before each, until it is stopped."""

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(daemon=True)
        self.stopped = threading.Event()
        self.pushed = 0
        self.folder = folder
        git(folder.parent, "clone", "--quiet", url, str(folder))

    def run(self) -> None:
        while not self.stopped.wait(0.2):
            (self.folder / "notes.txt").write_text(f"note {self.pushed}\n")
            git(self.folder, "add", "notes.txt")
            git(self.folder, "commit", "--quiet", "-m", f"Note {self.pushed}")
            while not self.stopped.is_set():
                git(self.folder, "pull", "--quiet", "--rebase")
                push = subprocess.run(["git", "-C", str(self.folder), "push", "--quiet"], capture_output=True)
                if push.returncode == 0:
                    self.pushed += 1
                    break


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fifty_bumps_of_fifty_overlays_beside_another_writer_all_land(
    server: GitServer, tmp_path: Path, record_property: pytest.FixtureRequest
) -> None:
    environments = [f"e{number:02}" for number in range(WRITERS)]
    bare = served(server, tmp_path, environments)
    url = server.url("many", "robot", "secret")
    writer = UnrelatedWriter(url, tmp_path / "writer")
    writer.start()
    processes = [
        start(url, "-e", name, "--tag", f"2.{number}", "--unchecked", "--digest", digest(number))
        for number, name in enumerate(environments)
    ]
    outs, ends = finish(processes)
    writer.stopped.set()
    writer.join()
    assert [process.returncode for process in processes] == [0] * WRITERS, outs
    for number, name in enumerate(environments):
        data = git(bare, "show", f"main:{overlay(name)}").encode()
        assert read_images(data, name)[0].new_tag == f"2.{number}"
    assert writer.pushed > 0
    assert int(git(bare, "rev-list", "--count", "main")) == 1 + WRITERS + writer.pushed
    assert git(bare, "rev-list", "--merges", "main") == ""
    assert git(bare, "fsck", "--strict", "--no-dangling") == ""
    p95 = sorted(ends)[int(0.95 * WRITERS)]
    print(f"{WRITERS} writers, {writer.pushed} other commits: p95 {p95:.1f} s, all in {max(ends):.1f} s")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_of_fifty_bumps_of_one_image_the_newest_build_stands(server: GitServer, tmp_path: Path) -> None:
    bare = served(server, tmp_path, ["prod"])
    url = server.url("many", "robot", "secret")
    order = random.Random(7).sample(range(WRITERS), WRITERS)
    processes = [
        start(url, "-e", "prod", "--unchecked", "--from", str(image_file(tmp_path, number))) for number in order
    ]
    outs, ends = finish(processes)
    assert [process.returncode for process in processes] == [0] * WRITERS, outs
    entry = read_images(git(bare, "show", f"main:{overlay('prod')}").encode(), "prod")[0]
    assert (entry.new_name, entry.new_tag, entry.digest) == (REPOSITORY, f"2.{WRITERS - 1}", digest(WRITERS - 1))
    tags = [line.rsplit("-> ", 1)[1] for line in git(bare, "log", "--format=%b", "main").splitlines() if "->" in line]
    numbers = [int(tag.removeprefix("2.")) for tag in tags]
    assert numbers == sorted(numbers, reverse=True), "each build that landed was newer than the one before"
    print(f"one image: {len(numbers)} landed, {WRITERS - len(numbers)} were overtaken, all in {max(ends):.1f} s")


def files_of(clone: Path) -> dict[str, bytes]:
    """What is in the work tree."""
    paths = (path for path in clone.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(clone).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_any_point_clone_and_remote_are_whole_and_the_next_run_works(
    clone: Path, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kills gitops and every git that it started, later and later, until a run gets through."""
    monkeypatch.chdir(clone)
    (clone / "mine.txt").write_text("not committed")
    killed = 0
    for step in range(1, 200):
        command = [sys.executable, "-m", "gitops", "bump", "backend-app", "-e", "prod", "--tag", f"3.{step}"]
        process = subprocess.Popen(
            [*command, "--unchecked", "--digest", digest(step)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(timeout=0.02 * step)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
        assert (clone / "mine.txt").read_text() == "not committed"
        for folder in (clone, bare):
            assert "error" not in git(folder, "fsck", "--strict", "--no-dangling")
        if process.returncode == 0:
            break
    assert killed > 5
    last = subprocess.run(
        [*command[:-1], "9.9", "--unchecked", "--digest", digest(99)], capture_output=True, text=True, check=False
    )
    assert last.returncode == 0, last.stderr
    assert read_images(git(bare, "show", f"main:{overlay('prod')}").encode(), "prod")[0].new_tag == "9.9"
    assert git(bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_a_lock_that_a_killed_git_left_is_outlived(clone: Path, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gitops.cli import run

    monkeypatch.chdir(clone)
    for lock in ("refs/remotes/origin/main.lock", "refs/heads/main.lock"):
        (clone / ".git" / lock).touch()
        os.utime(clone / ".git" / lock, (0, 0))
    assert run(["bump", "backend-app", "-e", "prod", "--tag", "3.1", "--unchecked", "--digest", digest(1)]) == 0
    assert git(clone, "rev-parse", "HEAD") == git(bare, "rev-parse", "main")
    held = clone / ".git/refs/remotes/origin/main.lock"
    held.touch()
    letting_go = threading.Timer(0.5, held.unlink)
    letting_go.start()
    assert run(["bump", "backend-app", "-e", "prod", "--tag", "3.2", "--unchecked", "--digest", digest(2)]) == 0
    letting_go.join()


def test_a_fast_forward_that_was_cut_off_does_not_block_the_next_run(
    clone: Path, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run killed while git updates the work tree leaves the file new, and the index and HEAD old."""
    from gitops.cli import run

    monkeypatch.chdir(clone)
    assert run(["bump", "backend-app", "-e", "prod", "--tag", "3.1", "--unchecked", "--digest", digest(1)]) == 0
    pushed = (clone / overlay("prod")).read_bytes()
    git(clone, "reset", "--quiet", "--hard", "HEAD~1")
    (clone / overlay("prod")).write_bytes(pushed)
    assert run(["bump", "backend-app", "-e", "prod", "--tag", "3.2", "--unchecked", "--digest", digest(2)]) == 0
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "rev-parse", "HEAD") == git(bare, "rev-parse", "main")


def bump_at(url: str) -> list[str]:
    return [
        "bump",
        "backend-app",
        "-e",
        "prod",
        "--tag",
        "1.4.2",
        "--unchecked",
        "--digest",
        digest(1),
        "--repository",
        url,
    ]


def refused(capsys: pytest.CaptureFixture[str], url: str) -> str:
    from gitops.cli import run

    arguments = bump_at(url)
    assert run(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 2, captured.err
    return captured.err.splitlines()[0].split(": ", 1)[1]


def hook(bare: Path, name: str, script: str) -> None:
    path = bare / "hooks" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_hook_that_says_no_is_one_clear_error(bare: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    hook(bare, "pre-receive", "echo 'no releases on Fridays' >&2; exit 1")
    before = git(bare, "rev-parse", "main")
    assert refused(capsys, url) == "refused the push: no releases on Fridays"
    assert git(bare, "rev-parse", "main") == before


def test_a_protected_branch_is_one_clear_error(bare: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    hook(bare, "update", "echo 'GH006: Protected branch update failed for refs/heads/main.' >&2; exit 1")
    assert refused(capsys, url).startswith("refused the push: GH006: Protected branch update failed")


def test_a_full_disk_at_the_remote_is_one_clear_error(bare: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    hook(bare, "pre-receive", "echo 'fatal: write error: No space left on device' >&2; exit 1")
    assert refused(capsys, url) == "the disk is full"


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file system of three megabytes."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() or not mount or not umount:
        pytest.skip("mounting a file system needs root, and mount and umount on PATH")
    arguments = [mount, "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if subprocess.run(arguments, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system")
    yield folder
    os.chdir(tmp_path)
    subprocess.run([umount, str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room that there is."""
    path = folder / "filler"
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return path


def test_a_disk_that_is_really_full_at_either_end(small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gitops.cli import run

    with GitServer(small_disk / "served") as server:
        bare = server.create("m")
        seed = repository(small_disk / "seed", manifest_files(["staging", "prod"]))
        git(seed, "push", "--quiet", server.url("m"), "main")
        git(small_disk, "clone", "--quiet", server.url("m"), "clone")
        before, filler = git(bare, "rev-parse", "main"), fill(small_disk)
        assert refused(capsys, server.url("m")) in ("broke off", "the disk is full")
        arguments = ["bump", "backend-app", "-e", "prod", "--tag", "1.4.2", "--unchecked", "--digest", digest(1)]
        assert run(["-C", str(small_disk / "clone"), *arguments]) == 1
        assert "the disk is full" in capsys.readouterr().err
        filler.unlink()
        assert git(bare, "rev-parse", "main") == before
        assert run(["-C", str(small_disk / "clone"), *arguments]) == 0
        for folder in (bare, small_disk / "clone"):
            assert git(folder, "fsck", "--strict", "--no-dangling") == ""
        assert git(small_disk / "clone", "status", "--porcelain") == ""


def test_a_repository_that_is_gone_is_one_clear_error(
    server: GitServer, bare: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bare.rename(bare.parent / "elsewhere")
    assert refused(capsys, url) == "is not a git repository that can be reached"


def test_a_push_whose_answer_is_lost_is_not_made_twice(
    server: GitServer, bare: Path, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is cut after the remote has moved the branch: the branch is asked, and it landed."""
    from gitops.cli import run
    from gitops.clients.git import GitFailed
    from gitops.clients.git_objects import GitObjects

    real = GitObjects.push

    def cut(self: GitObjects, remote: str, branch: str, commit: str, expected: str) -> bool:
        real(self, remote, branch, commit, expected)
        raise GitFailed("http://x", "does not answer", "", 128, "RPC failed; curl 56 reset")

    monkeypatch.setattr(GitObjects, "push", cut)
    arguments = bump_at(url)
    assert run(arguments) == 0
    assert "pushed" in capsys.readouterr().out
    assert git(bare, "rev-list", "--count", "main") == "2"


def test_a_network_that_is_cut_during_the_push_is_one_clear_error(
    bare: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server dies in the middle of receiving: nothing moved."""
    hook(bare, "pre-receive", "kill -9 $PPID")
    before = git(bare, "rev-parse", "main")
    assert refused(capsys, url) == "broke off"
    assert git(bare, "rev-parse", "main") == before
    assert git(bare, "fsck", "--strict", "--no-dangling") == ""


@pytest.mark.parametrize(
    ("repository", "branch"),
    [
        ("--upload-pack=touch evil", "main"),
        ("ext::sh -c 'touch evil'", "main"),
        ("-x", "main"),
        ("http://127.0.0.1:1/a\nb", "main"),
        ("http://127.0.0.1:1/$(touch evil)", "main"),
        ("{url}", "--upload-pack=touch evil"),
        ("{url}", "main:refs/heads/other"),
        ("{url}", "../../evil"),
        ("{url}", "a b"),
        ("{url}", "main\nother"),
    ],
)
def test_hostile_repository_and_branch_names_are_refused(
    repository: str, branch: str, bare: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gitops.cli import run

    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    address = repository.replace("{url}", url)
    arguments = ["bump", "backend-app", "-e", "prod", "--tag", "1", "--unchecked", "--digest", digest(1)]
    assert run([*arguments, f"--repository={address}", f"--branch={branch}"]) in (1, 2)
    assert list((tmp_path / "empty").iterdir()) == []
    assert git(bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert git(bare, "rev-list", "--count", "main") == "1"
