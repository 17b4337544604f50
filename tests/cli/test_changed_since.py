"""`--changed-since` of plan and deploy: exactly the overlays whose files changed; and the cache beneath them."""

import json
from pathlib import Path

import pytest

from gitops.cli import run
from gitops.clients.git import GitRepository
from gitops.render import build
from gitops.render.sources import Sources

OVERLAYS = "kustomize/overlays"


@pytest.fixture
def manifests(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest repository that releases to branches, every environment released."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert run(["init", str(tmp_path), "--yes", "--rendered"]) == 0
    monkeypatch.chdir(tmp_path / "eks-work-manifests")
    GitRepository(Path.cwd()).text("remote", "remove", "origin")
    assert run(["deploy", "staging", "prod", "--yes"]) == 0
    capsys.readouterr()
    return Path.cwd()


def change(manifests: Path, environment: str) -> None:
    file = manifests / OVERLAYS / environment / "kustomization.yaml"
    file.write_text(file.read_text() + "commonAnnotations: {changed: here}\n")
    GitRepository(manifests).text("commit", "-qam", f"Change {environment}")


def planned(capsys: pytest.CaptureFixture[str]) -> list[str]:
    found = json.loads(capsys.readouterr().out)
    return [each["environment"] for each in (found if isinstance(found, list) else [found])]


def test_only_what_changed_is_planned_and_deployed(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(manifests, "prod")
    assert run(["plan", "--changed-since", "HEAD~1", "-o", "json"]) == 0
    assert planned(capsys) == ["prod"]
    assert run(["plan", "--changed-since", "HEAD~1"]) == 0
    assert "gitops deploy prod" in capsys.readouterr().out
    assert run(["plan", "staging", "--changed-since", "HEAD~1"]) == 0
    assert capsys.readouterr() == ("", "no overlay changed since HEAD~1\n")
    assert run(["deploy", "--changed-since", "HEAD~1", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "prod: deployed" in out
    assert "staging" not in out


def test_nothing_is_deployed_where_nothing_changed(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy", "--changed-since", "HEAD", "--yes"]) == 0
    assert capsys.readouterr() == ("", "no overlay changed since HEAD\n")
    assert run(["deploy", "--changed-since", "nowhere", "--yes"]) == 1


@pytest.mark.parametrize("command", [["plan", "prod"], ["deploy", "prod", "--dry-run"], ["validate"]])
def test_what_was_rendered_is_not_rendered_again(
    command: list[str], manifests: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["validate"]) == 0
    rendered: list[str] = []
    real = build.build

    def noted(sources: Sources, folder: str) -> build.Built:
        rendered.append(folder)
        return real(sources, folder)

    monkeypatch.setattr(build, "build", noted)
    assert run(command) == 0
    assert rendered == []
    assert run([*command, "--no-cache"]) == 0
    assert rendered != []
