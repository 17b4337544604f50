"""What a bump does not do: change what is held, or go back to an older build unasked."""

import json
from pathlib import Path

import pytest

from gitops.clients.git import GitRepository
from gitops.errors import GitopsError
from gitops.manifest.bump import BumpOptions, BumpProposal, WantedImage, bump
from gitops.manifest.hold import Hold, hold, path_of, unhold
from gitops.manifest.images import read_images
from gitops.manifest.place import Place, clone_place, remote_place
from gitops.manifest.repository import Written
from tests.support.histories import build, digest
from tests.support.manifests import git, kustomization, manifest_files, repository, write

PROD, STAGING = "kustomize/overlays/prod/kustomization.yaml", "kustomize/overlays/staging/kustomization.yaml"
HELD = Hold("prod", "2026-11-24T10:42:00Z", "Ann <ann@example.invalid>", "rollback of 1.4.2")


def place_of(clone: Path) -> Place:
    from gitops.config import load_config

    return clone_place(load_config(clone / "gitops.yaml"), clone)


def bumped(
    place: Place, image: WantedImage, *environments: str, options: BumpOptions | None = None
) -> tuple[Written, BumpProposal]:
    written = place.write(bump(image, place.overlays(environments), options or BumpOptions(), place.prefix))
    assert isinstance(written.proposal, BumpProposal)
    return written, written.proposal


def tag_in(bare: Path, path: str, name: str = "backend-app-image") -> str:
    data = GitRepository(bare).run("show", f"main:{path}")
    return next(entry.new_tag for entry in read_images(data, path) if entry.name == name)


def test_a_held_environment_is_an_error_that_names_who_and_why(clone: Path, bare: Path) -> None:
    place = place_of(clone)
    place.write(hold(HELD))
    before = git(bare, "rev-parse", "main")
    with pytest.raises(GitopsError) as caught:
        bumped(place, build(1), "prod")
    assert str(caught.value) == (
        "prod: is held since 2026-11-24T10:42:00Z by Ann <ann@example.invalid>: rollback of 1.4.2\n"
        "  try: gitops unhold prod, or --despite-hold"
    )
    assert git(bare, "rev-parse", "main") == before


def test_what_a_build_asks_for_passes_a_held_environment_over(clone: Path, bare: Path) -> None:
    place = place_of(clone)
    place.write(hold(HELD))
    _, proposal = bumped(place, build(1), "staging", "prod", options=BumpOptions(strict=False))
    assert [bool(change.kept) for change in proposal.images] == [False, True]
    assert (tag_in(bare, STAGING), tag_in(bare, PROD)) == ("2.1", "1.4.1")
    assert "in staging" in git(bare, "log", "-1", "--format=%s", "main")


def test_a_hold_can_be_overruled_and_taken_away(clone: Path, bare: Path) -> None:
    place = place_of(clone)
    assert place.write(hold(HELD)).commit
    assert not place.write(hold(HELD)).commit
    bumped(place, build(1), "prod", options=BumpOptions(despite_hold=True))
    assert tag_in(bare, PROD) == "2.1"
    assert place.write(unhold("prod")).commit
    assert not place.write(unhold("prod")).commit
    assert path_of("prod") not in git(bare, "ls-tree", "-r", "--name-only", "main")
    bumped(place, build(2), "prod")
    assert tag_in(bare, PROD) == "2.2"


def test_a_hold_that_comes_between_is_obeyed(clone: Path, url: str, bare: Path) -> None:
    """The push is refused as the branch moved; on the new tip the environment is held."""
    place = place_of(clone)
    inner = bump(build(1), place.overlays(["prod"]), BumpOptions())
    tips: list[str] = []

    def racing(tree):  # type: ignore[no-untyped-def]
        proposal = inner(tree)
        if not tips:
            with remote_place(url, "main") as other:
                other.write(hold(HELD))
        tips.append(tree.commit)
        return proposal

    with pytest.raises(GitopsError, match="prod: is held since"):
        place.write(racing)
    assert tag_in(bare, PROD) == "1.4.1"


def test_an_older_build_does_not_replace_a_newer_one(clone: Path, bare: Path) -> None:
    place = place_of(clone)
    bumped(place, build(5), "prod")
    with pytest.raises(
        GitopsError, match=r"prod: has a newer build of backend-app-image, of 2026-11-01T00:05:00\+00:00"
    ):
        bumped(place, build(4), "prod")
    written, proposal = bumped(place, build(4), "prod", options=BumpOptions(strict=False))
    assert (written.commit, proposal.images[0].kept) == ("", "has a newer build, of 2026-11-01T00:05:00+00:00")
    assert tag_in(bare, PROD) == "2.5"
    bumped(place, build(4), "prod", options=BumpOptions(allow_older=True))
    assert tag_in(bare, PROD) == "2.4"


def test_the_age_of_a_build_is_found_behind_other_commits_without_a_clone(clone: Path, url: str, bare: Path) -> None:
    with remote_place(url, "main") as place:
        bumped(place, build(5), "prod")
    git(clone, "pull", "--quiet")
    for number in range(3):
        git(clone, "commit", "--quiet", "--allow-empty", "-m", f"Other work {number}")
    git(clone, "push", "--quiet")
    with remote_place(url, "main") as place, pytest.raises(GitopsError, match="prod: has a newer build"):
        bumped(place, build(4), "prod")
    assert tag_in(bare, PROD) == "2.5"


def test_only_the_environments_with_a_newer_build_are_passed_over(clone: Path, bare: Path) -> None:
    place = place_of(clone)
    bumped(place, build(5), "staging")
    bumped(place, build(4), "staging", "prod", options=BumpOptions(strict=False))
    assert (tag_in(bare, STAGING), tag_in(bare, PROD)) == ("2.5", "2.4")


def test_a_hold_file_that_is_no_yaml_still_holds_nothing_silently(tmp_path: Path) -> None:
    local = repository(tmp_path / "local", manifest_files(["prod"]) | {path_of("prod"): b"a: [\n"})
    with pytest.raises(GitopsError, match=r".gitops/holds/prod.yaml: is not YAML\n  try: gitops unhold prod"):
        bumped(place_of(local), build(1), "prod")
    place_of(local).write(unhold("prod"))
    bumped(place_of(local), build(1), "prod")


def test_everywhere_is_each_kustomization_that_has_the_image(tmp_path: Path) -> None:
    files = manifest_files(["staging", "prod"]) | {
        "apps/other/kustomization.yml": kustomization(),
        "apps/without/kustomization.yaml": b"images:\n- name: worker-image\n",
        "apps/mentions/kustomization.yaml": b"# backend-app-image\nresources: []\n",
        "docs/kustomization.md": kustomization(),
    }
    local = repository(tmp_path / "local", files)
    place = place_of(local)
    options = BumpOptions(where_used=True)
    written = place.write(bump(build(1), place.everywhere(), options, place.prefix))
    assert isinstance(written.proposal, BumpProposal)
    assert [change.environment for change in written.proposal.images] == ["apps/other", "prod", "staging"]
    assert git(local, "rev-list", "--count", "main") == "2"
    missing = WantedImage("nothing-image", "", "1", digest(1))
    with pytest.raises(GitopsError, match="local main: has no kustomization with an images entry 'nothing-image'"):
        place.write(bump(missing, place.everywhere(), options, place.prefix))


def test_of_many_kustomizations_all_are_edited_or_none(tmp_path: Path) -> None:
    folders = [f"kustomize/overlays/e{number:02}" for number in range(40)]
    files = manifest_files(["prod"]) | {f"{folder}/kustomization.yaml": kustomization() for folder in folders}
    local = repository(tmp_path / "local", files)
    place = place_of(local)
    place.write(bump(build(1), place.everywhere(), BumpOptions(where_used=True), place.prefix))
    assert {tag_in(local, f"{folder}/kustomization.yaml") for folder in folders} == {"2.1"}
    write(local, {f"{folders[7]}/kustomization.yaml": b"images:\n- name: backend-app-image\n  newTag: {{ x }}\n"})
    git(local, "commit", "--quiet", "-am", "Break one")
    before = git(local, "rev-parse", "main")
    with pytest.raises(GitopsError, match=f"{folders[7]}/kustomization.yaml:3: is a mapping"):
        place.write(bump(build(2), place.everywhere(), BumpOptions(where_used=True), place.prefix))
    assert git(local, "rev-parse", "main") == before


def test_the_proposal_can_be_printed_as_json(clone: Path) -> None:
    from dataclasses import asdict

    _, proposal = bumped(place_of(clone), build(1), "prod")
    assert json.loads(json.dumps(asdict(proposal.images[0])))["after"]["new_tag"] == "2.1"


VALUES = b"backend:\n  image: {tag: 1.4.1} # by gitops\n"
MARKED = b'a: x:1 # {"$gitops": "backend-app-image"}\nb: 7 # {"$gitops": "worker-image:tag"}\n'


def test_marked_scalars_and_configured_fields_go_with_the_overlay(tmp_path: Path) -> None:
    files = manifest_files(["prod"]) | {"charts/prod.yaml": VALUES, "kustomize/overlays/prod/patches/p.yaml": MARKED}
    field = "{file: charts/prod.yaml, path: backend.image.tag, image: backend-app-image, part: tag}"
    files["gitops.yaml"] = files["gitops.yaml"].replace(
        b"namespace: prod", f"namespace: prod, fields: [{field}]".encode()
    )
    local = repository(tmp_path / "local", files)
    place = place_of(local)
    written = place.write(bump(build(1), place.overlays(["prod"]), BumpOptions(), place.prefix, place.fields(["prod"])))
    assert [edit.entry.path for edit in written.proposal.changed] == [
        PROD,
        "charts/prod.yaml",
        "kustomize/overlays/prod/patches/p.yaml",
    ]
    assert (local / "charts/prod.yaml").read_bytes() == VALUES.replace(b"1.4.1", b'"2.1"')
    patched = (local / "kustomize/overlays/prod/patches/p.yaml").read_text()
    assert patched == MARKED.decode().replace("x:1", f"r.example/team/backend-app:2.1@{digest(1)}")


def test_an_overlay_without_an_entry_may_have_a_marker_instead(tmp_path: Path) -> None:
    files = manifest_files(["prod"]) | {PROD: b"resources: [d.yaml]\n", "kustomize/overlays/prod/d.yaml": MARKED}
    local = repository(tmp_path / "local", files)
    written, _ = bumped(place_of(local), build(1), "prod")
    assert [edit.entry.path for edit in written.proposal.changed] == ["kustomize/overlays/prod/d.yaml"]


def test_a_configured_field_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    files = manifest_files(["prod"])
    field = "{file: charts/prod.yaml, path: a, image: backend-app-image, part: tag}"
    files["gitops.yaml"] = files["gitops.yaml"].replace(
        b"namespace: prod", f"namespace: prod, fields: [{field}]".encode()
    )
    local = repository(tmp_path / "local", files)
    place = place_of(local)
    with pytest.raises(GitopsError, match=r"charts/prod.yaml: is not in local main"):
        place.write(bump(build(1), place.overlays(["prod"]), BumpOptions(), place.prefix, place.fields(["prod"])))


def test_a_folder_of_plain_manifests_is_edited_in_every_container_of_the_image(tmp_path: Path) -> None:
    container = "spec: {template: {spec: {containers: [{name: a, image: %s}]}}} # keep\n"
    files = manifest_files([]) | {
        "gitops.yaml": manifest_files(["prod"])["gitops.yaml"],
        "kustomize/overlays/prod/a.yaml": (container % "r.example/team/backend-app:1.4.1").encode(),
        "kustomize/overlays/prod/b.yaml": (container % "r.example/team/other:1").encode(),
    }
    local = repository(tmp_path / "local", files)
    written, _ = bumped(place_of(local), build(1), "prod")
    assert [edit.entry.path for edit in written.proposal.changed] == ["kustomize/overlays/prod/a.yaml"]
    said = (local / "kustomize/overlays/prod/a.yaml").read_text()
    assert said == container % f"r.example/team/backend-app:2.1@{digest(1)}"
