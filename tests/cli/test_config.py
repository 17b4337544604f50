"""`gitops config check`, and how gitops.yaml is named wherever it was found."""

from pathlib import Path

import pytest

from gitops.cli import run
from gitops.config import load_config
from gitops.errors import count_of
from gitops.generate.tree import generated_files
from gitops.template.stacks import templates
from tests.support.manifests import config


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "m" / "deep").mkdir(parents=True)
    (tmp_path / "m" / "gitops.yaml").write_bytes(config(["prod"]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_is_said_otherwise_than_many(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--config", "m/gitops.yaml", "config", "check"]) == 0
    assert capsys.readouterr().out == "m/gitops.yaml: valid · 2 images, 1 environment\n"
    assert [count_of(number, "file") for number in (0, 1, 2, 1000)] == ["0 files", "1 file", "2 files", "1,000 files"]


@pytest.mark.parametrize(
    ("start", "options", "shown"),
    [
        (".", ["--config", "m/gitops.yaml"], "m/gitops.yaml"),
        (".", ["--config", "{0}/m/gitops.yaml"], "{0}/m/gitops.yaml"),
        ("m", [], "gitops.yaml"),
        ("m/deep", [], "../gitops.yaml"),
        (".", ["-C", "m/deep"], "../gitops.yaml"),
    ],
)
def test_errors_name_the_file_as_it_was_given(
    folder: Path,
    start: str,
    options: list[str],
    shown: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = (folder / "m" / "gitops.yaml").read_text().replace("region:", "regon:")
    (folder / "m" / "gitops.yaml").write_text(broken)
    monkeypatch.chdir(folder / start)
    assert run([*(each.format(folder) for each in options), "config", "check"]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("  try: ")]
    assert [line.split(" ", 1)[0] for line in lines] == [f"{shown.format(folder)}:{at}:1:" for at in (1, 3)]


def test_an_environment_that_is_not_there_names_it_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--config", "m/gitops.yaml", "plan", "prdo"]) == 1
    assert capsys.readouterr().err.startswith("m/gitops.yaml: no environment 'prdo'\n")


def test_what_is_generated_does_not_depend_on_where_it_is_seen_from(folder: Path) -> None:
    near, far = (load_config(folder / "m" / "gitops.yaml", called) for called in ("gitops.yaml", ""))
    assert generated_files(near) == generated_files(far)
    assert templates(near) == templates(far)
