"""An entry in a component of an overlay: found, edited, and never changed under an environment that was not named."""

from pathlib import Path

import pytest

from gitops.cli import run
from gitops.clients.kubectl import find_kubectl
from tests.support.manifests import NEW, OLD, git, manifest_files, repository, write

SHARED = "kustomize/components/backend/kustomization.yaml"
DEEP = "kustomize/components/deep/kustomization.yaml"
COMPONENT = f"""apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
  - name: backend-app-image   # the one place
    newName: r.example/team/backend-app
    newTag: 1.4.1
    digest: {OLD}
"""
USES = "resources: [../../base]\ncomponents:\n  - ../../components/backend\n  - https://example.invalid/other?ref=v1\n"
IMAGE = ("--tag", "1.4.2", "--digest", NEW, "--unchecked")


def overlay(environment: str) -> str:
    return f"kustomize/overlays/{environment}/kustomization.yaml"


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """prod uses the component, staging has an entry of its own."""
    files = manifest_files(["staging", "prod"])
    local = repository(tmp_path / "local", {**files, overlay("prod"): USES.encode(), SHARED: COMPONENT.encode()})
    monkeypatch.chdir(local)
    return local


def change(local: Path, files: dict[str, str]) -> None:
    write(local, {path: text.encode() for path, text in files.items()})
    git(local, "add", "--all")
    git(local, "commit", "--quiet", "-m", "Change")


def expected() -> str:
    return COMPONENT.replace("1.4.1", "1.4.2").replace(OLD, NEW)


def test_the_component_of_an_overlay_is_edited(local: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bump", "backend-app", "-e", "prod", *IMAGE]) == 0
    assert (local / SHARED).read_text() == expected()
    assert (local / overlay("prod")).read_text() == USES
    assert f"  {SHARED}:6   newTag: 1.4.2" in capsys.readouterr().out
    assert git(local, "diff", "--name-only", "HEAD~1") == SHARED
    assert run(["bump", "backend-app", "-e", "prod", *IMAGE]) == 0
    assert "nothing to change" in capsys.readouterr().out


def test_a_component_of_a_component_is_edited(local: Path) -> None:
    uses = "kind: Component\ncomponents: [../deep]\n"
    change(local, {SHARED: uses, DEEP: COMPONENT + "components: [../backend]\n"})
    assert run(["bump", "backend-app", "-e", "prod", *IMAGE]) == 0
    assert (local / DEEP).read_text() == expected() + "components: [../backend]\n"


def test_an_entry_in_both_is_changed_in_both(local: Path) -> None:
    own = USES + f"images:\n- name: backend-app-image\n  newTag: 1.4.0\n  digest: {OLD}\n"
    change(local, {overlay("prod"): own})
    assert run(["bump", "backend-app", "-e", "prod", *IMAGE]) == 0
    assert (local / SHARED).read_text() == expected()
    assert "newTag: 1.4.2" in (local / overlay("prod")).read_text()


def test_what_another_environment_shares_is_refused_until_that_is_named(
    local: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(local, {overlay("staging"): USES})
    before = git(local, "rev-parse", "HEAD")
    assert run(["bump", "backend-app", "-e", "prod", *IMAGE]) == 1
    assert capsys.readouterr().err == (
        f"{SHARED}: is a component of environment 'staging' too, which would change with it\n"
        "  try: bump it as well: --env staging\n"
    )
    assert git(local, "rev-parse", "HEAD") == before
    assert run(["bump", "backend-app", "-e", "prod", "-e", "staging", *IMAGE]) == 0
    assert (local / SHARED).read_text() == expected()
    assert git(local, "rev-list", "--count", "HEAD") == "3"


def test_a_held_environment_keeps_what_it_shares(local: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(local, {overlay("staging"): USES})
    assert run(["hold", "staging", "--reason", "tests"]) == 0
    capsys.readouterr()
    assert run(["bump", "backend-app", "-e", "prod", "-e", "staging", *IMAGE]) == 1
    assert capsys.readouterr().err.startswith("staging: is held")
    assert (local / SHARED).read_text() == COMPONENT


def test_all_edits_components_as_kustomizations_of_their_own(local: Path) -> None:
    assert run(["bump", "backend-app", "--all", *IMAGE]) == 0
    assert (local / SHARED).read_text() == expected()
    assert git(local, "diff", "--name-only", "HEAD~1").split() == [SHARED, overlay("staging")]


def test_a_component_outside_of_the_repository_is_refused(local: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(local, {overlay("prod"): "components: [../../../../outside]\n"})
    assert run(["bump", "backend-app", "-e", "prod", *IMAGE]) == 1
    assert capsys.readouterr().err.startswith(f"{overlay('prod')}:1: is a component outside of the repository")


@pytest.mark.kubectl
def test_kustomize_gives_the_wished_image(local: Path) -> None:
    import subprocess

    base = "kind: Pod\napiVersion: v1\nmetadata: {name: p}\nspec: {containers: [{name: c, image: backend-app-image}]}\n"
    change(
        local,
        {
            "kustomize/base/kustomization.yaml": "resources: [p.yaml]\n",
            "kustomize/base/p.yaml": base,
            overlay("prod"): USES.replace("  - https://example.invalid/other?ref=v1\n", ""),
        },
    )
    assert run(["bump", "backend-app", "-e", "prod", *IMAGE]) == 0
    kubectl = find_kubectl()
    assert kubectl
    built = subprocess.run(
        [kubectl, "kustomize", "kustomize/overlays/prod"], capture_output=True, text=True, check=True
    )
    assert f"image: r.example/team/backend-app:1.4.2@{NEW}" in built.stdout
