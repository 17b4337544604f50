"""`gitops generate`: nothing twice, edits by hand kept, upgrades taken, conflicts shown."""

import io
import re
from pathlib import Path

import pytest

from gitops import generate
from gitops.cli import run
from gitops.config import Config
from gitops.generate import pins
from gitops.generate.texts import Files

TEN_EDITS = [
    ("base/backend-app/deployment.yaml", "revisionHistoryLimit: 5", "revisionHistoryLimit: 3"),
    ("base/backend-app/deployment.yaml", "sizeLimit: 64Mi", "sizeLimit: 1Gi"),
    ("base/backend-app/service.yaml", "      protocol: TCP\n", "      protocol: TCP\n      appProtocol: http\n"),
    ("base/backend-app/kustomization.yaml", "- LOG_LEVEL=info", "- LOG_LEVEL=debug"),
    ("base/backend-app/poddisruptionbudget.yaml", "maxUnavailable: 1", "maxUnavailable: 25%"),
    ("overlays/prod/kustomization.yaml", 'newTag: "unreleased"', 'newTag: "1.4.2"'),
    ("overlays/staging/kustomization.yaml", "# staging:", "# Our staging:"),
    ("overlays/logging/application.conf", "Refresh_Interval    10", "Refresh_Interval    5"),
    ("overlays/autoscaling/cluster-autoscaler.yaml", "--v=2", "--v=4"),
    ("overlays/security/eks-work/limits.yaml", "memory: 256Mi", "memory: 512Mi"),
]


@pytest.fixture
def manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    assert run(["init", str(tmp_path), "--yes", "--no-git", "--monitoring", "manifests"]) == 0
    capsys.readouterr()
    monkeypatch.chdir(tmp_path / "eks-work-manifests")
    return tmp_path / "eks-work-manifests"


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, (file, old)
    file.write_text(text.replace(old, new, 1))


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_right_after_init_there_is_nothing_to_do(manifests: Path) -> None:
    before = contents(manifests)
    assert run(["generate"]) == 0
    assert run(["generate", "--check"]) == 0
    assert contents(manifests) == before


def test_a_changed_config_arrives(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(manifests / "gitops.yaml", "max: 10", "max: 20")
    assert run(["generate", "--check"]) == 3
    assert "maxReplicas: 10" in (manifests / "kustomize/base/backend-app/horizontalpodautoscaler.yaml").read_text()
    assert run(["generate"]) == 0
    assert "maxReplicas: 20" in (manifests / "kustomize/base/backend-app/horizontalpodautoscaler.yaml").read_text()
    assert run(["generate", "--check"]) == 0


def test_ten_edits_by_hand_stay_while_an_upgrade_arrives(
    manifests: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, old, new in TEN_EDITS:
        edit(manifests / "kustomize" / path, old, new)
    _upgrade_every_text(monkeypatch)
    edit(manifests / "gitops.yaml", "autoscaling: {max: 10}", "health: /up, autoscaling: {max: 20}")
    assert run(["generate"]) == 0, capsys.readouterr().err
    for path, _, new in TEN_EDITS:
        text = (manifests / "kustomize" / path).read_text()
        assert new in text, path
        assert NEWER.decode() in text, path
    deployment = (manifests / "kustomize/base/backend-app/deployment.yaml").read_text()
    assert deployment.count("path: /up") == 3
    assert run(["generate", "--check"]) == 0


NEWER = b"# of a newer gitops\n"


def _upgrade_every_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a newer gitops had something to add to every file."""
    written = generate.tree.kustomize_tree

    def newer(config: Config, pins: bytes | None = None) -> Files:
        tree = written(config, pins)
        return {path: re.sub(rb"(?m)^(kind:|\[OUTPUT)", NEWER + rb"\1", text) for path, text in tree.items()}

    monkeypatch.setattr(generate.tree, "kustomize_tree", newer)


def test_a_conflict_is_refused_whole_and_named(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(manifests / "kustomize/base/backend-app/horizontalpodautoscaler.yaml", "maxReplicas: 10", "maxReplicas: 7")
    edit(manifests / "gitops.yaml", "max: 10", "max: 20, cpu: 80")
    before = contents(manifests)
    assert run(["generate"]) == 1
    assert contents(manifests) == before
    error = capsys.readouterr().err
    assert "horizontalpodautoscaler.yaml: edited by hand where gitops changes it too" in error
    assert run(["generate", "--force"]) == 0
    assert "maxReplicas: 20" in (manifests / "kustomize/base/backend-app/horizontalpodautoscaler.yaml").read_text()


class Keyboard(io.StringIO):
    """A terminal on which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "most"), [("keep", 7), ("", 7), ("take", 20)])
def test_on_a_terminal_a_conflict_is_shown_and_asked_about(
    manifests: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, most: int
) -> None:
    scaler = manifests / "kustomize/base/backend-app/horizontalpodautoscaler.yaml"
    edit(scaler, "maxReplicas: 10", "maxReplicas: 7")
    edit(manifests / "gitops.yaml", "max: 10", "max: 20")
    monkeypatch.setattr("sys.stdin", Keyboard(answer + "\n"))
    assert run(["generate"]) == 0
    assert "-  maxReplicas: 7\n+  maxReplicas: 20" in capsys.readouterr().out
    assert f"maxReplicas: {most}" in scaler.read_text()
    assert run(["generate"]) == 0
    assert f"maxReplicas: {most}" in scaler.read_text()


def test_what_is_no_longer_generated_goes_unless_it_was_edited(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = manifests / "kustomize/overlays/logging/host.conf"
    edit(edited, "Mem_Buf_Limit       5MB", "Mem_Buf_Limit       9MB")
    edit(manifests / "gitops.yaml", "security, logging, monitoring", "security, monitoring")
    assert run(["generate"]) == 0
    assert [path.name for path in (manifests / "kustomize/overlays/logging").iterdir()] == ["host.conf"]
    assert "edited, and no longer generated" in capsys.readouterr().out


def test_a_file_that_somebody_deleted_stays_deleted(manifests: Path) -> None:
    (manifests / "kustomize/overlays/autoscaling/headroom.yaml").unlink()
    assert run(["generate"]) == 0
    assert not (manifests / "kustomize/overlays/autoscaling/headroom.yaml").exists()


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("security, logging", "logging", "headroom runs in the namespace headroom, which the overlay security makes"),
        ('version: "1.36"', 'version: "1.37"', "no cluster-autoscaler is known for Kubernetes 1.37"),
        ('version: "1.36"', 'version: "1.36", autoMode: true', "runs in EKS Auto Mode"),
        ("[security, ", "[securty, ", "no platform overlay 'securty'"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    manifests: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, error: str
) -> None:
    edit(manifests / "gitops.yaml", old, new)
    before = contents(manifests)
    assert run(["generate"]) == 1
    assert error in capsys.readouterr().err
    assert contents(manifests) == before


def test_a_pin_of_the_repository_decides(manifests: Path) -> None:
    catalogue = manifests / pins.PINS
    edit(catalogue, "v1.36.1", "v1.36.9")
    assert run(["generate"]) == 0
    text = (manifests / "kustomize/overlays/autoscaling/cluster-autoscaler.yaml").read_text()
    assert "cluster-autoscaler:v1.36.9@" in text
