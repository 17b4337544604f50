"""From a revision to an image in the registry: built once for the same inputs, and never over an immutable tag."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gitops.clients.building import BuildOrder
from gitops.clients.git import GitRepository
from gitops.clients.registry import MANIFESTS, Manifest
from gitops.config import Image
from gitops.errors import GitopsError
from gitops.image import INPUTS_LABEL, BuildRequest, BuiltImage, build_image, content_key
from gitops.manifest.image_file import read_image_file
from gitops.source import open_source
from tests.support.sources import commit, source_repository

IMAGE = Image(name="backend-app-image", repository="k8sbook/backend-app", context="backend-app")
REQUEST = BuildRequest(IMAGE, "registry.example.invalid")
DOCUMENTED = {
    *("schemaVersion", "name", "repository", "tag", "digest", "revision", "dirty", "source", "version", "created"),
    *("platforms", "inputs", "skipped", "builtFrom"),
}
"""Keys of image.json."""
LOGIN = ("AWS", "secret")


class FakeRegistry:
    """A registry in memory: tags, and the labels of each manifest."""

    def __init__(self) -> None:
        self.tags: dict[str, Manifest] = {}
        self.labelled: dict[str, Mapping[str, str]] = {}

    def add(self, tag: str, labels: Mapping[str, str]) -> Manifest:
        body = json.dumps([len(self.labelled), dict(labels)]).encode()
        manifest = Manifest("sha256:" + hashlib.sha256(body).hexdigest(), MANIFESTS[0], body)
        self.tags[tag], self.labelled[manifest.digest] = manifest, labels
        return manifest

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        assert repository == IMAGE.repository
        return self.tags.get(reference)

    def labels(self, repository: str, manifest: Manifest) -> Mapping[str, str]:
        return self.labelled[manifest.digest]

    def tag(self, repository: str, manifest: Manifest, tag: str) -> None:
        assert manifest.digest in self.labelled
        self.tags[tag] = manifest


class FakeBuilder:
    """A builder that pushes to a `FakeRegistry` and keeps what it was given."""

    def __init__(self, registry: FakeRegistry, failure: GitopsError | None = None) -> None:
        self.registry = registry
        self.orders: list[BuildOrder] = []
        self.files: dict[str, str] = {}
        self.failure = failure

    def build(self, order: BuildOrder, report: Callable[[str], None], credentials: tuple[str, str] | None) -> None:
        assert credentials == LOGIN
        self.orders.append(order)
        self.files = {path.name: path.read_text() for path in order.context.iterdir()}
        if self.failure:
            raise self.failure
        self.registry.add(order.name.rpartition(":")[2], order.labels)


class Workshop:
    """A source repository, a registry and a builder."""

    def __init__(self, folder: Path) -> None:
        self.source = source_repository(folder / "app", origin="https://git.example.invalid/app")
        self.registry = FakeRegistry()
        self.builder = FakeBuilder(self.registry)
        self.immutable = False

    def build(self, request: BuildRequest = REQUEST, *, dirty: bool = False) -> BuiltImage:
        with open_source(self.source.directory, dirty=dirty) as source:
            return build_image(
                request,
                source,
                builder=self.builder,
                registry=self.registry,
                credentials=lambda: LOGIN,
                immutable=lambda tag: self.immutable,
                report=lambda line: None,
            )


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def test_a_commit_becomes_an_image_with_its_tag_and_the_registrys_digest(workshop: Workshop) -> None:
    built = workshop.build()
    head = workshop.source.head()
    assert (built.repository, built.tag) == ("registry.example.invalid/k8sbook/backend-app", head[:7])
    assert built.digest == workshop.registry.tags[head[:7]].digest
    assert not built.skipped
    assert sorted(workshop.builder.files) == ["Dockerfile", "app.py"]


def test_the_image_is_labelled_with_where_it_comes_from(workshop: Workshop) -> None:
    built = workshop.build(replace(REQUEST, version="1.4.2"))
    assert workshop.builder.orders[0].labels == {
        "org.opencontainers.image.revision": workshop.source.head(),
        "org.opencontainers.image.source": "https://git.example.invalid/app",
        "org.opencontainers.image.version": "1.4.2",
        "org.opencontainers.image.created": "2026-11-20T01:00:00Z",
        INPUTS_LABEL: built.inputs,
    }
    assert workshop.builder.orders[0].epoch == 1795136400


def test_a_version_is_the_tag_and_the_commit_stays_one(workshop: Workshop) -> None:
    built = workshop.build(replace(REQUEST, version="1.4.2"))
    assert built.tag == "1.4.2"
    assert {workshop.registry.tags[tag].digest for tag in ("1.4.2", workshop.source.head()[:7])} == {built.digest}


def test_what_was_pushed_is_not_built_again(workshop: Workshop) -> None:
    first = workshop.build()
    again = workshop.build()
    assert len(workshop.builder.orders) == 1
    assert again == replace(first, skipped=True)


def test_a_commit_that_changes_other_files_gets_its_tag_on_the_same_image(workshop: Workshop) -> None:
    first = workshop.build()
    commit(workshop.source, {"README.md": "Other words.\n"})
    again = workshop.build()
    assert len(workshop.builder.orders) == 1
    assert (again.digest, again.skipped) == (first.digest, True)
    assert (again.revision.commit, again.built_from) == (workshop.source.head(), first.revision.commit)
    assert workshop.registry.tags[again.tag].digest == first.digest


@pytest.mark.parametrize(
    "change",
    [{"dockerfile": "Other"}, {"build_args": {"A": "1"}}, {"platforms": ("linux/arm64",)}],
    ids=lambda change: next(iter(change)),
)
def test_what_else_decides_the_content_makes_another_image(workshop: Workshop, change: dict[str, object]) -> None:
    commit(workshop.source, {"backend-app/Other": "FROM scratch\n"})
    workshop.build()
    workshop.build(replace(REQUEST, image=replace(IMAGE, **change)))  # type: ignore[arg-type]
    assert len(workshop.builder.orders) == 2


def test_the_order_of_arguments_and_platforms_decides_nothing() -> None:
    one = replace(IMAGE, build_args={"A": "1", "B": "2"}, platforms=("linux/amd64", "linux/arm64"))
    other = replace(IMAGE, build_args={"B": "2", "A": "1"}, platforms=("linux/arm64", "linux/amd64"))
    assert content_key(one, "tree") == content_key(other, "tree")


def test_a_rebuild_builds_the_same_inputs_again_under_a_tag_of_its_own(workshop: Workshop) -> None:
    workshop.immutable = True
    first = workshop.build()
    again = workshop.build(replace(REQUEST, rebuild="r1"))
    assert again.tag == f"{first.tag}-r1"
    assert again.digest != first.digest
    assert workshop.registry.tags[first.tag].digest == first.digest


def test_a_dirty_build_says_so_in_tag_and_label(workshop: Workshop) -> None:
    (workshop.source.directory / "backend-app/app.py").write_text("changed\n")
    built = workshop.build(dirty=True)
    assert "-dirty-" in built.tag
    assert built.document()["dirty"] is True
    assert workshop.builder.orders[0].labels["org.opencontainers.image.revision"].endswith("-dirty")


def test_an_immutable_tag_of_another_image_is_refused_before_anything_is_built(workshop: Workshop) -> None:
    workshop.immutable = True
    workshop.registry.add("1.4.2", {})
    with pytest.raises(GitopsError, match=r"backend-app:1\.4\.2: exists with another digest .* immutable"):
        workshop.build(replace(REQUEST, version="1.4.2"))
    assert workshop.builder.orders == []
    assert list(workshop.registry.tags) == ["1.4.2"]


def test_a_mutable_tag_is_moved(workshop: Workshop) -> None:
    workshop.registry.add("1.4.2", {})
    built = workshop.build(replace(REQUEST, version="1.4.2"))
    assert workshop.registry.tags["1.4.2"].digest == built.digest


def test_an_immutable_repository_takes_the_same_build_twice(workshop: Workshop) -> None:
    workshop.immutable = True
    assert workshop.build().digest == workshop.build().digest


def test_a_failed_build_leaves_the_registry_as_it_was(workshop: Workshop) -> None:
    workshop.builder.failure = GitopsError("backend-app/Dockerfile", "step 1/2 failed")
    with pytest.raises(GitopsError, match="step 1/2 failed"):
        workshop.build()
    assert workshop.registry.tags == {}


def test_a_run_that_lost_the_race_goes_on_with_what_the_winner_pushed(workshop: Workshop) -> None:
    class SecondBuilder(FakeBuilder):
        def build(self, order: BuildOrder, report: Callable[[str], None], credentials: tuple[str, str] | None) -> None:
            super().build(order, report, credentials)
            raise GitopsError(order.name, "the tag exists with another digest, and its repository is immutable")

    workshop.builder = SecondBuilder(workshop.registry)
    built = workshop.build()
    assert workshop.registry.tags[built.tag].digest == built.digest


def test_a_contents_tag_that_was_moved_to_a_foreign_image_is_not_trusted(workshop: Workshop) -> None:
    built = workshop.build()
    content = next(tag for tag in workshop.registry.tags if tag.startswith("content-"))
    workshop.registry.add(content, {INPUTS_LABEL: "0" * 64})
    with pytest.raises(GitopsError, match="was not built from these inputs"):
        workshop.build()
    assert workshop.registry.tags[built.tag].digest == built.digest


def test_a_dockerfile_that_is_missing_is_an_error_before_the_registry_is_asked(workshop: Workshop) -> None:
    with pytest.raises(GitopsError, match="has no Missing in backend-app"):
        workshop.build(replace(REQUEST, image=replace(IMAGE, dockerfile="Missing")))


def test_image_json_is_what_a_bump_reads(workshop: Workshop) -> None:
    built = workshop.build(replace(REQUEST, version="1.4.2"))
    document = built.document()
    wanted = read_image_file(json.dumps(document).encode(), "image.json", IMAGE.name)
    assert (wanted.repository, wanted.tag, wanted.digest) == (built.repository, "1.4.2", built.digest)
    assert (wanted.revision, wanted.created) == (workshop.source.head(), "2026-11-20T01:00:00Z")
    assert set(document) == DOCUMENTED


def test_an_empty_source_is_an_error(tmp_path: Path) -> None:
    GitRepository(tmp_path).run("init", "--quiet")
    with pytest.raises(GitopsError, match="has no commit yet"), open_source(tmp_path):
        pass
