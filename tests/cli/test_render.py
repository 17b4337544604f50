"""`gitops render`: objects, the overlays that changed, inputs, and the comparison with kustomize."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gitops.cli import run
from gitops.clients.git import GitRepository

OVERLAY = "kustomize/overlays/prod"


@pytest.fixture
def manifests(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new manifest repository, which is where the commands run."""
    assert run(["init", str(tmp_path), "--yes"]) == 0
    monkeypatch.chdir(tmp_path / "eks-work-manifests")
    capsys.readouterr()
    return Path.cwd()


def test_prints_the_objects_as_yaml_or_json(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "prod"]) == 0
    as_yaml = list(yaml.safe_load_all(capsys.readouterr().out))
    assert run(["render", "prod", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == as_yaml
    assert "Deployment" in [each["kind"] for each in as_yaml]


def test_names_the_overlays_that_changed_and_no_other(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "--changed-since", "HEAD"]) == 0
    assert capsys.readouterr().out == ""
    file = manifests / OVERLAY / "kustomization.yaml"
    file.write_text(file.read_text() + "commonAnnotations: {changed: here}\n")
    assert run(["render", "--changed-since", "HEAD"]) == 0
    assert capsys.readouterr().out == f"{OVERLAY}\n"
    GitRepository(manifests).text("commit", "-qam", "Change prod")
    assert run(["render", "--changed-since", "HEAD"]) == 0
    assert capsys.readouterr().out == ""
    assert run(["render", "staging", "--changed-since", "HEAD~1"]) == 0
    assert capsys.readouterr().out == ""
    assert run(["render", "prod", "staging", "--changed-since", "HEAD~1"]) == 0
    assert capsys.readouterr().out == f"{OVERLAY}\n"


def test_a_change_of_the_base_is_a_change_of_every_overlay_on_it(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = next(manifests.glob("kustomize/base/*/deployment.yaml"))
    base.write_text(base.read_text() + "# changed\n")
    assert run(["render", "--changed-since", "HEAD"]) == 0
    assert capsys.readouterr().out == f"kustomize/overlays/staging\n{OVERLAY}\n"


def test_an_unknown_revision_is_an_error(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "--changed-since", "nothing"]) == 1
    assert "nothing" in capsys.readouterr().err


def test_inputs_are_the_files_and_their_hashes(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "prod", "--inputs"]) == 0
    printed = (line.split("  ") for line in capsys.readouterr().out.splitlines())
    lines = {path: digest for digest, path in printed}
    assert f"{OVERLAY}/kustomization.yaml" in lines
    assert all(len(digest) == 64 for digest in lines.values())


def test_an_image_that_nothing_has_is_warned_of_also_from_the_cache(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = manifests / OVERLAY / "kustomization.yaml"
    file.write_text(file.read_text().replace("images:\n", "images:\n  - {name: nowhere, newTag: x}\n"))
    for _ in range(2):
        assert run(["render", "prod"]) == 0
        assert "no object has image 'nowhere'" in capsys.readouterr().err


def test_without_an_environment_it_is_a_usage_error(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render"]) == 2
    assert capsys.readouterr().err.startswith(
        "gitops render: needs an environment\n  try: gitops render prod, or gitops render all"
    )


def program(*arguments: str) -> tuple[int, str, str]:
    """gitops as a process: code, stdout, stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "gitops", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_the_short_way_prints_what_the_command_prints(
    manifests: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = manifests / OVERLAY / "kustomization.yaml"
    image = file.read_text().replace("images:\n", "images:\n  - {name: nowhere, newTag: x}\n")
    for text in (file.read_text(), image, image + "commonAnnotations: {changed: here}\n"):
        file.write_text(text)
        assert run(["render", "prod", "staging", "--no-cache"]) == 0
        expected = capsys.readouterr()
        for flags in ((), (), ("--no-cache",)):
            assert program("render", "prod", "staging", *flags) == (0, expected.out, expected.err)


def test_the_short_way_leaves_every_mistake_to_the_command(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program("render", "prod")[0] == 0
    for wrong in (["prdo"], ["prod", "prdo"]):
        assert run(["render", *wrong]) == 1
        assert program("render", *wrong) == (1, "", capsys.readouterr().err)
    (manifests / OVERLAY / "kustomization.yaml").write_text("resource: []\n")
    assert run(["render", "prod"]) == 1
    assert program("render", "prod") == (1, "", capsys.readouterr().err)
    config = manifests / "gitops.yaml"
    config.write_text(config.read_text() + "odd: key\n")
    assert "unknown key 'odd'" in program("render", "prod")[2]


def test_the_short_way_survives_a_reader_that_goes_away(manifests: Path) -> None:
    with subprocess.Popen([sys.executable, "-m", "gitops", "render", "prod"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
    assert process.returncode == 0


@pytest.mark.kubectl
def test_verify_agrees_with_kustomize(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "prod", "--verify"]) == 0
    assert "as kustomize renders it" in capsys.readouterr().out


@pytest.mark.kubectl
def test_verify_shows_a_difference(
    manifests: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitops.render.images.set_images", lambda *_: None)
    assert run(["render", "prod", "--verify", "--no-cache"]) == 1
    out = capsys.readouterr().out
    assert "differs from kustomize" in out
    assert "\n+" in out


def test_values_of_secrets_are_shown_only_when_asked_for(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overlay = manifests / OVERLAY / "kustomization.yaml"
    overlay.write_text(overlay.read_text() + "secretGenerator: [{name: keys, literals: [password=hunter22]}]\n")
    for form in ("yaml", "json"):
        assert run(["render", "prod", "-o", form]) == 0
        masked = capsys.readouterr().out
        assert "aHVudGVyMjI=" not in masked
        assert list(yaml.safe_load_all(masked))
        assert run(["render", "prod", "-o", form, "--show-secrets"]) == 0
        assert capsys.readouterr().out == masked.replace('"***"' if form == "json" else "'***'", _quoted(form))


def _quoted(form: str) -> str:
    return '"aHVudGVyMjI="' if form == "json" else "aHVudGVyMjI="


def test_the_short_way_hides_what_the_command_hides(
    manifests: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    overlay = manifests / OVERLAY / "kustomization.yaml"
    before = overlay.read_text()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7")
    for said in (
        "secretGenerator: [{name: keys, literals: [password=hunter22]}]",
        "configMapGenerator: [{name: odd, literals: ['url=https://me:hunter22@example.com']}]",
        "configMapGenerator: [{name: odd, literals: [key=wJalrXUtnFEMI/K7]}]",
        "commonAnnotations: {example.com/token: hunter22}",
    ):
        overlay.write_text(f"{before}{said}\n")
        assert run(["render", "prod"]) == 0
        masked = capsys.readouterr().out
        assert "***" in masked
        for _ in range(2):
            assert program("render", "prod") == (0, masked, "")
