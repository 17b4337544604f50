"""`gitops validate` as a person and as a program sees it."""

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gitops.cli import run
from gitops.cli.overlays import overlays_of
from gitops.config import load_config
from gitops.validate import validate
from tests.generate.sample import ROOT
from tests.validate.repository import CONFIG, KUSTOMIZATION, SOUND, Defect, findings, workload

pytestmark = pytest.mark.kubectl
LATEST = workload(
    "image: registry.example/app:1.0@sha256:" + "1a" * 32, "image: registry.example/nginx:latest  #! I001"
)


def defective(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str = LATEST) -> Defect:
    defect = Defect("planted", text)
    defect.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return defect


def test_nothing_is_wrong_in_what_the_repository_carries() -> None:
    config = load_config(ROOT / "gitops.yaml")
    overlays, failed = overlays_of(config, ROOT)
    assert failed == []
    # Nothing was released from here: a note for each environment.
    assert [(f.severity, f.code, f.file) for f in validate(overlays)] == [
        ("note", "K006", "kustomize/overlays/prod/kustomization.yaml"),
        ("note", "K006", "kustomize/overlays/staging/kustomization.yaml"),
    ]


def test_a_person_sees_place_reason_and_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ((file, line, _),) = defective(tmp_path, monkeypatch).expected()
    assert run(["validate"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{file}:{line}: error I001 Deployment/shop/other: registry.example/nginx:latest has the tag latest",
        "  what runs depends on when a node pulled it; nothing says what it was; name the version and its digest",
        "1 error, 0 warnings · 1 overlay, 6 objects",
    ]


def test_a_sound_repository_exits_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    defective(tmp_path, monkeypatch, "")
    assert run(["validate"]) == 0
    assert capsys.readouterr().out == "valid · 1 overlay, 5 objects\n"


def test_a_pipe_is_not_waited_for_and_a_link_in_a_circle_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defective(tmp_path, monkeypatch, "")
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "circle.yaml").symlink_to("circle.yaml")
    assert run(["validate"]) == 0


def test_programs_get_json_sarif_and_junit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ((file, line, code),) = defective(tmp_path, monkeypatch).expected()
    assert run(["validate", "-o", "json"]) == 1
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["file"], entry["line"], entry["code"], entry["severity"]) == (file, line, code, "error")
    assert run(["validate", "-o", "sarif"]) == 1
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    location = result["locations"][0]["physicalLocation"]
    assert (location["artifactLocation"]["uri"], location["region"]["startLine"]) == (file, line)
    assert run(["validate", "-o", "junit"]) == 1
    suite = ElementTree.fromstring(capsys.readouterr().out)
    assert suite.get("failures") == "1"
    (failure,) = suite.findall("testcase/failure")
    assert failure.get("type") == code


def test_a_comment_leaves_a_finding_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    defective(tmp_path, monkeypatch, LATEST.replace("  #! I001", "  # gitops: ignore I001"))
    assert run(["validate"]) == 0


def test_a_comment_for_another_code_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    defective(tmp_path, monkeypatch, LATEST.replace("  #! I001", "  # gitops: ignore I002"))
    assert run(["validate"]) == 1


def test_broken_yaml_is_found_at_its_line(tmp_path: Path) -> None:
    Defect("broken", "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: a\n namespace: shop\n").write(tmp_path)
    found = {(f.file.rpartition("/")[2], f.line, f.code) for f in findings(tmp_path)}
    assert found == {("defect.yaml", 5, "K015"), ("kustomization.yaml", 1, "K001")}


def test_an_object_in_two_overlays_is_found(tmp_path: Path) -> None:
    Defect("twice").write(tmp_path)
    other = tmp_path / "kustomize/overlays/staging"
    other.mkdir()
    (other / "kustomization.yaml").write_text(KUSTOMIZATION.replace("  - defect.yaml\n", ""))
    (other / "sound.yaml").write_text(SOUND)
    (tmp_path / "gitops.yaml").write_text(CONFIG + "  - {name: staging, cluster: shop-cluster, namespace: shop}\n")
    found = [f for f in findings(tmp_path) if f.code == "O008"]
    assert len(found) == 5
    assert found[0].file == "kustomize/overlays/staging/sound.yaml"
    assert "kustomize/overlays/prod has it too" in found[0].what


def test_an_unknown_overlay_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    defective(tmp_path, monkeypatch)
    assert run(["validate", "prdo"]) == 2
    assert "no overlay 'prdo'\n  try: did you mean 'prod'? (prod)" in capsys.readouterr().err


def test_several_clusters_are_checked_each_for_its_own_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters = ("--cluster", "first", "--cluster", "second")
    assert run(["init", str(tmp_path), "--yes", "--no-git", "--monitoring", "manifests", *clusters]) == 0
    monkeypatch.chdir(tmp_path / "eks-work-manifests")
    capsys.readouterr()
    assert run(["validate"]) == 0
    assert "0 errors" in capsys.readouterr().out
    config = Path("gitops.yaml")
    config.write_text(config.read_text().replace('second, version: "1.36"', 'second, version: "1.35"'))
    assert run(["validate", "autoscaling@second"]) == 1
    assert "v1.36.1 is for Kubernetes 1.36, the cluster has 1.35" in capsys.readouterr().out
    assert run(["validate", "autoscaling@first"]) == 0
    assert run(["generate"]) == 0
    assert run(["validate", "autoscaling@second"]) == 0
