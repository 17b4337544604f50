"""`gitops init`: two repositories to push right away, and never a file overwritten unasked."""

import subprocess
import sys
from pathlib import Path

import pytest

from gitops.cli import run
from gitops.clients.git import GitRepository
from gitops.config import load_config


def init(directory: Path, *arguments: str) -> int:
    return run(["init", str(directory), "--yes", *arguments])


def contents(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def started(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert init(tmp_path) == 0
    capsys.readouterr()
    return tmp_path


def test_writes_two_repositories_with_a_commit_each(started: Path) -> None:
    for name in ("eks-work-app", "eks-work-manifests"):
        repository = GitRepository(started / name)
        assert repository.branch() == "main"
        assert repository.changed_files() == []
        assert repository.text("log", "--format=%s") == f"Start {name}"
        assert repository.text("remote", "get-url", "origin").endswith(f"/v1/repos/{name}")
    assert load_config(started / "eks-work-manifests/gitops.yaml").name == "eks-work"


def test_a_second_run_changes_nothing(started: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(started)
    assert init(started) == 0
    assert contents(started) == before
    assert [line for line in capsys.readouterr().out.splitlines() if "unchanged" in line] == [
        f"{started}/eks-work-app · unchanged, 7 files",
        f"{started}/eks-work-manifests · unchanged, {len(before) - 7 - 2} files",
    ]


def test_an_edit_stays_and_is_told(started: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = started / "eks-work-app/README.md"
    readme.write_text("mine\n")
    assert init(started) == 0
    assert readme.read_text() == "mine\n"
    assert "keep  README.md  edited by hand" in capsys.readouterr().out


def test_an_edit_is_overwritten_with_force(started: Path) -> None:
    readme = started / "eks-work-app/README.md"
    before = readme.read_text()
    readme.write_text("mine\n")
    assert init(started, "--force") == 0
    assert readme.read_text() == before


def test_a_file_of_someone_else_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "eks-work-manifests/README.md"
    other.parent.mkdir()
    other.write_text("not ours\n")
    assert init(tmp_path) == 1
    assert contents(tmp_path) == {"eks-work-manifests/README.md": b"not ours\n"}
    assert f"{other}: is there already, and was not generated" in capsys.readouterr().err


def test_edits_and_new_answers_are_joined(started: Path) -> None:
    file = started / "eks-work-manifests/gitops.yaml"
    file.write_text(file.read_text() + "# a note of mine\n")
    assert init(started, "--region", "eu-central-1") == 0
    text = file.read_text()
    assert "region: eu-central-1" in text
    assert text.endswith("# a note of mine\n")


def test_a_wrong_answer_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(tmp_path / "new", "--account", "12") == 2
    assert not (tmp_path / "new").exists()
    assert capsys.readouterr().err.startswith("--account: cannot be '12'\n  try: AWS account, quoted; it must match")


def test_without_git_only_files_are_written(tmp_path: Path) -> None:
    assert init(tmp_path, "--no-git") == 0
    assert not (tmp_path / "eks-work-app/.git").exists()


def test_without_an_identity_the_files_are_staged(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / ".gitconfig").write_text("[user]\n  useConfigOnly = true\n")
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    assert init(tmp_path) == 0
    assert "not committed, no identity" in capsys.readouterr().out


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "d/eks-work-manifests").mkdir(parents=True)
    (tmp_path / "d/eks-work-manifests/kustomize").symlink_to(outside)
    assert init(tmp_path / "d") == 1
    assert list(outside.iterdir()) == []
    assert "leads out of the folder by a symbolic link" in capsys.readouterr().err


def test_the_application_passes_its_own_tests(started: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "unittest"]
    result = subprocess.run(
        command, cwd=started / "eks-work-app/backend-app", capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert "Ran 4 tests" in result.stderr


@pytest.mark.parametrize("more", [(), ("--rendered",), ("--monitoring", "manifests")])
def test_what_it_writes_has_no_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert init(tmp_path, *more) == 0
    monkeypatch.chdir(tmp_path / "eks-work-manifests")
    capsys.readouterr()
    assert run(["validate"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("0 errors, 0 warnings")
