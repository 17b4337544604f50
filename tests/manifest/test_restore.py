"""A rollback of the manifests: the overlay as it was, and a hold, in one commit."""

from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.manifest.bump import BumpOptions, bump
from gitops.manifest.hold import Hold, path_of
from gitops.manifest.place import Place, clone_place
from gitops.manifest.restore import restore
from tests.support.histories import build
from tests.support.manifests import git, kustomization, manifest_files, repository, write

PROD = "kustomize/overlays/prod"
HELD = Hold("prod", "2026-11-24T10:42:00Z", "Ann", "rollback of 2.1")


def place_of(directory: Path) -> Place:
    from gitops.config import load_config

    return clone_place(load_config(directory / "gitops.yaml"), directory)


def test_the_overlay_is_as_it_was_and_held(tmp_path: Path) -> None:
    local = repository(tmp_path / "local", manifest_files(["staging", "prod"]))
    good = git(local, "rev-parse", "main")
    place = place_of(local)
    place.write(bump(build(1), place.overlays(["staging", "prod"]), BumpOptions()))
    (local / PROD / "kustomization.yaml").chmod(0o755)
    write(local, {f"{PROD}/extra.yaml": b"x"})
    git(local, "add", "--all")
    git(local, "commit", "--quiet", "-m", "More")
    written = place.write(restore(PROD, good, HELD))
    assert (local / PROD / "kustomization.yaml").read_bytes() == kustomization()
    assert git(local, "diff", "--name-status", good, "HEAD", "--", PROD) == ""
    assert git(local, "show", "--name-status", "--format=%s", written.commit).split("\n") == [
        f"roll prod back to {good[:7]}",
        "",
        f"A\t{path_of('prod')}",
        f"D\t{PROD}/extra.yaml",
        f"M\t{PROD}/kustomization.yaml",
    ]
    with pytest.raises(GitopsError, match="prod: is held since"):
        place.write(bump(build(2), place.overlays(["prod"]), BumpOptions()))


def test_a_revision_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    local = repository(tmp_path / "local", manifest_files(["prod"]))
    with pytest.raises(GitopsError, match="is not among the commits of local main at hand"):
        place_of(local).write(restore(PROD, "f" * 40, HELD))
    with pytest.raises(GitopsError, match="kustomize/overlays/dev: was not there at"):
        place_of(local).write(restore("kustomize/overlays/dev", git(local, "rev-parse", "main"), HELD))
