"""Promotion: what was proved in one environment, all of it, in the declared order."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.manifest.bump import BumpOptions, BumpProposal, bump
from gitops.manifest.checks import record_check
from gitops.manifest.hold import Hold, hold
from gitops.manifest.images import read_images
from gitops.manifest.overview import overview
from gitops.manifest.place import Place, clone_place, remote_place
from gitops.manifest.promote import duration, promote, promotion
from gitops.manifest.repository import Written
from tests.support.histories import build, digest
from tests.support.manifests import CONFIG, git, kustomization, manifest_files, repository

RULES = "  - {name: %s, cluster: eks-work-cluster, namespace: %s, promotion: {soak: 30m, checks: [smoke, load]}}\n"
DEV, PROD = "kustomize/overlays/dev", "kustomize/overlays/prod"


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """dev, staging and prod, with build 1 of both images in dev."""
    files = manifest_files(["dev", "staging", "prod"])
    files["gitops.yaml"] = (CONFIG + "".join(RULES % (name, name) for name in ("dev", "staging", "prod"))).encode()
    directory = repository(tmp_path / "local", files)
    place = place_of(directory)
    for name in ("backend-app-image", "worker-image"):
        place.write(bump(build(1, name), place.overlays(["dev"]), BumpOptions()))
    return directory


def place_of(directory: Path) -> Place:
    from gitops.config import load_config

    return clone_place(load_config(directory / "gitops.yaml", "gitops.yaml"), directory)


def promoted(
    place: Place,
    source: str = "dev",
    target: str = "staging",
    *,
    after: timedelta = timedelta(hours=1),
    options: BumpOptions | None = None,
    unproved: bool = False,
    skip: bool = False,
) -> Written:
    wish = promotion(place.config, source, target, options or BumpOptions(), unproved=unproved, skip=skip)
    intent = promote(wish, datetime.now(UTC) + after, no_gate, config_file="gitops.yaml", prefix=place.prefix)
    return place.write(intent)


def no_gate(read: Callable[[str], bytes], image: str, digest: str) -> None:
    pass


def pass_check(place: Place, check: str, environment: str = "dev") -> Written:
    intent = record_check(
        check,
        environment,
        place.folder(environment),
        "2026-11-24T00:00:00Z",
        place.config.image_repositories(),
        fields=place.config.environment(environment).fields,
        config_file="gitops.yaml",
    )
    return place.write(intent)


def images_of(directory: Path, environment: str) -> dict[str, tuple[str, str]]:
    data = (directory / f"kustomize/overlays/{environment}/kustomization.yaml").read_bytes()
    return {entry.name: (entry.new_tag, entry.digest) for entry in read_images(data, environment)}


def test_all_images_of_a_release_go_together_in_one_commit(local: Path) -> None:
    place = place_of(local)
    for check in ("smoke", "load"):
        assert pass_check(place, check).commit
    before = int(git(local, "rev-list", "--count", "main"))
    written = promoted(place)
    assert isinstance(written.proposal, BumpProposal)
    assert images_of(local, "staging") == images_of(local, "dev")
    assert images_of(local, "prod")["backend-app-image"][0] == "1.4.1"
    assert int(git(local, "rev-list", "--count", "main")) == before + 1
    assert git(local, "log", "-1", "--format=%B") == (
        "promote dev to staging\n\nbackend-app-image: 1.4.1 -> 2.1\nworker-image: 7 -> 2.1\n\n"
        f"Image: r.example/team/backend-app:2.1@{digest(1)}\nImage-Created: 2026-11-01T00:01:00+00:00\n"
        f"Image: r.example/team/backend-app:2.1@{digest(1)}\nImage-Created: 2026-11-01T00:01:00+00:00\n"
        "Environment: staging"
    )
    assert not promoted(place).commit


@pytest.mark.parametrize(
    ("source", "target", "error"),
    [
        ("dev", "prod", "gitops.yaml: from 'dev' to 'prod' leaves out staging"),
        ("prod", "dev", "gitops.yaml: 'dev' does not come after 'prod'"),
        ("dev", "dev", "gitops.yaml: 'dev' does not come after 'dev'"),
        ("dev", "prdo", "gitops.yaml: no environment 'prdo'"),
    ],
)
def test_the_declared_order_is_kept(local: Path, source: str, target: str, error: str) -> None:
    with pytest.raises(GitopsError) as caught:
        promoted(place_of(local), source, target)
    assert str(caught.value).startswith(error)


def test_a_stage_can_be_skipped_when_told(local: Path) -> None:
    assert promoted(place_of(local), "dev", "prod", unproved=True, skip=True).commit
    assert images_of(local, "prod") == images_of(local, "dev")


def test_images_must_have_soaked(local: Path) -> None:
    with pytest.raises(
        GitopsError, match=r"dev: has its images for 10 min of 30m\n  try: wait until .*, or --unproved"
    ):
        promoted(place_of(local), after=timedelta(minutes=10, seconds=5))


def test_checks_must_have_passed_with_exactly_these_images(local: Path) -> None:
    place = place_of(local)
    pass_check(place, "smoke")
    with pytest.raises(GitopsError, match="dev: has not passed load with these images\n  try: gitops verify dev load"):
        promoted(place)
    pass_check(place, "load")
    place.write(bump(build(2), place.overlays(["dev"]), BumpOptions()))
    with pytest.raises(GitopsError, match="dev: has not passed smoke, load with these images"):
        promoted(place)
    assert promoted(place, unproved=True).commit


def test_a_check_is_recorded_once(local: Path) -> None:
    place = place_of(local)
    assert pass_check(place, "smoke").commit
    assert not pass_check(place, "smoke").commit


def test_a_held_target_is_left_alone(local: Path) -> None:
    place = place_of(local)
    place.write(hold(Hold("staging", "2026-11-24T10:42:00Z", "Ann", "a look")))
    with pytest.raises(GitopsError, match="staging: is held since 2026-11-24T10:42:00Z by Ann: a look"):
        promoted(place, unproved=True)
    assert promoted(place, unproved=True, options=BumpOptions(despite_hold=True)).commit


def test_a_target_with_a_newer_build_is_left_alone(local: Path) -> None:
    place = place_of(local)
    place.write(bump(build(9), place.overlays(["staging"]), BumpOptions()))
    with pytest.raises(GitopsError, match="staging: has a newer build of backend-app-image"):
        promoted(place, unproved=True)
    assert images_of(local, "staging")["worker-image"][0] == "7"


def test_an_image_without_a_digest_is_not_promoted(tmp_path: Path) -> None:
    local = repository(tmp_path / "local", manifest_files(["dev", "staging"]))
    with pytest.raises(GitopsError, match="has no digest for worker-image"):
        promoted(place_of(local), unproved=True)


def test_works_without_a_clone(local: Path, tmp_path: Path) -> None:
    from gitops.demo.git_server import GitServer

    with GitServer(tmp_path / "served") as server:
        bare = server.create("manifests")
        git(local, "push", "--quiet", server.url("manifests"), "main")
        with remote_place(server.url("manifests"), "main", ("dev", "staging")) as place:
            for check in ("smoke", "load"):
                pass_check(place, check)
                git(bare, "rev-parse", "main")
        with remote_place(server.url("manifests"), "main", ("dev", "staging")) as place:
            with pytest.raises(GitopsError, match="dev: has its images for 0 min of 30m"):
                promoted(place, after=timedelta(0))
            assert promoted(place).commit
        assert "newTag: '2.1'" in git(bare, "show", "main:kustomize/overlays/staging/kustomization.yaml")


def test_the_overview_says_what_is_where_and_how_far_behind(local: Path) -> None:
    place = place_of(local)
    place.write(bump(build(2), place.overlays(["dev"]), BumpOptions()))
    promoted(place, "dev", "staging", unproved=True)
    place.write(bump(build(3), place.overlays(["dev"]), BumpOptions()))
    rows = [row for row in overview(place.tree(), place.config) if row.image == "backend-app-image"]
    assert [(row.environment, row.tag, row.behind) for row in rows] == [
        ("dev", "2.3", 0),
        ("staging", "2.2", 1),
        ("prod", "1.4.1", None),
    ]
    assert rows[1].built == datetime(2026, 11, 1, 0, 2, tzinfo=UTC)
    assert rows[1].since is not None


@pytest.mark.parametrize(
    ("text", "length"), [("45s", timedelta(seconds=45)), ("30m", timedelta(minutes=30)), ("2d", timedelta(days=2))]
)
def test_durations(text: str, length: timedelta) -> None:
    assert duration(text) == length


def test_every_kustomization_keeps_its_other_bytes(local: Path) -> None:
    place = place_of(local)
    promoted(place, unproved=True)
    promoted_bytes = (local / "kustomize/overlays/staging/kustomization.yaml").read_bytes()
    dev = (local / "kustomize/overlays/dev/kustomization.yaml").read_bytes()
    assert promoted_bytes == dev
    assert kustomization().count(b"\r\n") == promoted_bytes.count(b"\r\n") - 2


def test_fields_and_plain_manifests_of_the_target_are_written(local: Path) -> None:
    text = (local / "gitops.yaml").read_text().replace("  - {name: worker-image, repository: team/worker}\n", "")
    fields = "fields: [{file: values.yaml, path: app.tag, image: backend-app-image, part: tag}], "
    text = text.replace("namespace: staging, ", f"namespace: staging, {fields}")
    (local / "gitops.yaml").write_text(text)
    (local / "values.yaml").write_text("app: {tag: '1'}  # Helm's\n")
    pod = "kind: Pod\nspec: {containers: [{name: c, image: r.example/team/backend-app:1}]}\n"
    (local / PROD / "kustomization.yaml").unlink()
    (local / PROD / "pod.yaml").write_text(pod)
    git(local, "add", "--all")
    git(local, "commit", "--quiet", "-m", "Other places")
    place = place_of(local)
    promoted(place, unproved=True)
    assert (local / "values.yaml").read_text() == "app: {tag: '2.1'}  # Helm's\n"
    promoted(place, "staging", "prod", unproved=True)
    assert f"image: r.example/team/backend-app:2.1@{digest(1)}" in (local / PROD / "pod.yaml").read_text()


def test_plain_manifests_are_promoted_from(local: Path) -> None:
    text = (local / "gitops.yaml").read_text().replace("  - {name: worker-image, repository: team/worker}\n", "")
    (local / "gitops.yaml").write_text(text)
    (local / DEV / "kustomization.yaml").unlink()
    one, other = (f"r.example/team/backend-app:{tag}@{digest(tag)}" for tag in (7, 8))
    pods = [f"kind: Pod\nspec: {{containers: [{{name: c, image: '{image}'}}]}}\n" for image in (one, other)]
    (local / DEV / "pod.yaml").write_text("---\n".join(pods))
    git(local, "add", "--all")
    git(local, "commit", "--quiet", "-m", "Other places")
    place = place_of(local)
    with pytest.raises(GitopsError, match="runs backend-app-image as 7 and as 8"):
        promoted(place, unproved=True)
    (local / DEV / "pod.yaml").write_text(pods[0])
    git(local, "commit", "--quiet", "-am", "One")
    promoted(place, unproved=True)
    data = (local / "kustomize/overlays/staging/kustomization.yaml").read_bytes()
    assert read_images(data, "k")[0].digest == digest(7)


def test_an_image_that_only_stands_in_helm_values_is_seen_checked_and_promoted(local: Path) -> None:
    path = "{file: values.yaml, path: worker.%s, image: worker-image, part: %s}"
    fields = ", ".join(path % (part, part) for part in ("name", "tag"))
    text = (local / "gitops.yaml").read_text().replace("namespace: dev, ", f"namespace: dev, fields: [{fields}], ")
    (local / "gitops.yaml").write_text(text)
    (local / "values.yaml").write_text("worker: {name: r.example/team/worker, tag: '7'}\n")
    entry = f"{{name: backend-app-image, newName: r.example/team/backend-app, newTag: '2.1', digest: {digest(1)}}}"
    (local / DEV / "kustomization.yaml").write_text(f"images: [{entry}]\n")
    (local / DEV / "marked.yaml").write_text(f'a: {digest(7)}  # {{"$gitops": "worker-image:digest"}}\n')
    git(local, "add", "--all")
    git(local, "commit", "--quiet", "-m", "Helm")
    place = place_of(local)
    dev = {each.image: (each.tag, each.digest) for each in overview(place.tree(), place.config)[:2]}
    assert dev == {"backend-app-image": ("2.1", digest(1)), "worker-image": ("7", digest(7))}
    assert all(pass_check(place, check) for check in ("smoke", "load"))
    promoted(place, after=timedelta(hours=1))
    assert images_of(local, "staging")["worker-image"] == ("7", digest(7))
    assert images_of(local, "staging")["backend-app-image"] == ("2.1", digest(1))


def test_a_field_that_is_not_there_is_said_by_its_file(local: Path) -> None:
    named = "fields: [{file: values.yaml, path: worker.tag, image: worker-image, part: tag}], "
    text = (local / "gitops.yaml").read_text().replace("namespace: dev, ", f"namespace: dev, {named}")
    (local / "gitops.yaml").write_text(text)
    (local / DEV / "kustomization.yaml").write_text("images: []\n")
    git(local, "commit", "--quiet", "-am", "No values")
    place = place_of(local)
    with pytest.raises(GitopsError, match=r"^values.yaml: is not in "):
        overview(place.tree(), place.config)
    (local / "values.yaml").write_text("worker: {name: x}\n")
    git(local, "add", "--all")
    git(local, "commit", "--quiet", "-m", "Values")
    with pytest.raises(GitopsError, match=r"^values.yaml: has nothing at worker.tag"):
        overview(place.tree(), place.config)


def test_what_was_never_released_is_neither_promoted_nor_checked(local: Path) -> None:
    zeros = "sha256:" + "0" * 64
    (local / DEV / "kustomization.yaml").write_bytes(kustomization("unreleased", zeros))
    git(local, "commit", "--quiet", "-am", "As generated")
    place = place_of(local)
    with pytest.raises(GitopsError, match=r"has no release of backend-app-image yet\n  try: bump one into it"):
        promoted(place, unproved=True)
    with pytest.raises(GitopsError, match="has no released image to check"):
        pass_check(place, "smoke")
