"""An entry in a component of an overlay: found, edited, and never changed under an environment that was not named."""

import json
from pathlib import Path

import pytest
import yaml

from gitops.cli import run
from gitops.clients.kubectl import find_kubectl
from tests.support.manifests import NEW, NEWER, OLD, git, manifest_files, repository, write

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


ENTRY = f"""images:
  - name: backend-app-image
    newName: r.example/team/backend-app
    newTag: 1.5.0
    digest: {NEWER}
"""
RENAMED = "images: [{name: backend-app-image, newName: r.example/team/backend-app}]\n"
OVER = f"images: [{{name: r.example/team/backend-app, newTag: 1.5.0, digest: '{NEWER}'}}]\n"
BACKEND = "components: [../../components/backend]\n"
PLACES = {
    "in the overlay": ({}, ENTRY),
    "in a component": ({"backend": ENTRY}, BACKEND),
    "in a component of a component": ({"backend": "components: [../deep]\n", "deep": ENTRY}, BACKEND),
    "in both": ({"backend": ENTRY}, BACKEND + ENTRY.replace("1.5.0", "1.4.0").replace(NEWER, OLD)),
    "in the overlay, for the name that a component gives": ({"backend": RENAMED}, BACKEND + OVER),
}
"""Where prod's image is said: the components' texts, and the overlay's."""
POD = "kind: Pod\napiVersion: v1\nmetadata: {name: p}\nspec: {containers: [{name: c, image: backend-app-image}]}\n"


def kustomized(local: Path, environment: str) -> str:
    """The image that kustomize gives the pod of an environment."""
    import subprocess

    kubectl = find_kubectl()
    assert kubectl
    path = f"kustomize/overlays/{environment}"
    built = subprocess.run([kubectl, "kustomize", path], cwd=local, capture_output=True, text=True, check=True).stdout
    return str(yaml.safe_load(built)["spec"]["containers"][0]["image"])


@pytest.fixture(params=PLACES)
def placed(request: pytest.FixtureRequest, local: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """prod says its image in one of `PLACES`; canary comes after it, with a component of its own."""
    components, text = PLACES[request.param]
    config = (local / "gitops.yaml").read_text().replace("  - {name: worker-image, repository: team/worker}\n", "")
    line = "  - {name: canary, cluster: eks-work-cluster, namespace: canary}\n"
    texts = {
        f"kustomize/components/{name}/kustomization.yaml": "kind: Component\n" + component
        for name, component in components.items()
    }
    change(
        local,
        {
            "gitops.yaml": config + line,
            "kustomize/base/kustomization.yaml": "resources: [p.yaml]\n",
            "kustomize/base/p.yaml": POD,
            overlay("prod"): "resources: [../../base]\n" + text,
            overlay("canary"): "resources: [../../base]\ncomponents: [../../components/canary]\n",
            "kustomize/components/canary/kustomization.yaml": COMPONENT,
            **texts,
        },
    )
    return local


@pytest.mark.kubectl
def test_images_verify_and_promote_say_what_kustomize_says(placed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = f"r.example/team/backend-app:1.5.0@{NEWER}"
    assert kustomized(placed, "prod") == image
    assert run(["images", "--json"]) == 0
    rows = {row["environment"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["prod"]["tag"], rows["prod"]["digest"]) == ("1.5.0", NEWER)
    assert run(["verify", "prod", "smoke"]) == 0
    checks = yaml.safe_load((placed / ".gitops/checks/prod.yaml").read_text())
    assert checks["smoke"]["images"]["backend-app-image"] == NEWER
    assert run(["promote", "prod", "canary"]) == 0
    assert kustomized(placed, "canary") == image
    assert (placed / overlay("canary")).read_text().endswith("components: [../../components/canary]\n")


def test_a_promotion_does_not_change_a_shared_component(local: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = (local / "gitops.yaml").read_text().replace("  - {name: worker-image, repository: team/worker}\n", "")
    line = "  - {name: canary, cluster: eks-work-cluster, namespace: canary}\n"
    entry = f"images:\n  - {{name: backend-app-image, newTag: '2', digest: '{NEW}'}}\n"
    change(local, {"gitops.yaml": config + line, overlay("staging"): entry, overlay("canary"): USES})
    assert run(["promote", "staging", "prod"]) == 1
    assert capsys.readouterr().err.startswith(f"{SHARED}: is a component of environment 'canary' too")
    assert (local / SHARED).read_text() == COMPONENT


def test_the_age_of_an_environment_is_that_of_its_component(local: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(local, {SHARED: COMPONENT.replace("1.4.1", "1.4.9").encode()})
    git(local, "commit", "--quiet", "-am", "Change", env={"GIT_COMMITTER_DATE": "2027-01-01T00:00:00Z"})
    assert run(["images", "--json"]) == 0
    rows = {row["environment"]: row["since"] for row in json.loads(capsys.readouterr().out)}
    assert rows["prod"] == "2027-01-01T00:00:00+00:00" > rows["staging"]
