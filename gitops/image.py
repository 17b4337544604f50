"""A `Revision` -> a built and pushed image, whose digest the registry has told.

What decides an image's content (files, Dockerfile, arguments, platforms) is hashed into a tag of its own, which is
pushed first: a build whose content was pushed already is found by it and skipped, and one that was cut off is taken up.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gitops.clients.building import BuildOrder
from gitops.clients.registry import Manifest
from gitops.config import Image
from gitops.errors import GitopsError
from gitops.source import Revision, Source

SCHEMA_VERSION = 1
"""Of image.json."""

INPUTS_LABEL = "dev.gitops.inputs"
"""Label of an image: the hash of all that decided its content."""

BUILD_FORMAT = "1"
"""Part of that hash; changed when this module builds the same inputs differently."""


class Builder(Protocol):
    """Builds an image and pushes it. `gitops.clients.docker.Docker` is one."""

    def build(self, order: BuildOrder, report: Callable[[str], None], credentials: tuple[str, str] | None) -> None: ...


class Registry(Protocol):
    """What a build asks of a registry. `gitops.clients.registry.RegistryClient` is one."""

    def manifest(self, repository: str, reference: str) -> Manifest | None: ...

    def labels(self, repository: str, manifest: Manifest) -> Mapping[str, str]: ...

    def tag(self, repository: str, manifest: Manifest, tag: str) -> None: ...


@dataclass(frozen=True)
class BuildRequest:
    """What is asked for."""

    image: Image
    host: str
    """host[:port] of the registry."""
    version: str = ""
    """A tag besides the commit's, such as 1.4.2."""
    network: str | None = None
    rebuild: str = ""
    """Not empty: build again what was pushed already, under tags that end so."""


@dataclass(frozen=True)
class BuiltImage:
    """An image in the registry: what image.json says."""

    name: str
    """The placeholder in the manifests."""
    repository: str
    """host/repository: what `newName` says."""
    tag: str
    digest: str
    revision: Revision
    version: str
    platforms: tuple[str, ...]
    inputs: str
    skipped: bool
    """The content was in the registry already; nothing was built."""
    built_from: str
    """The commit that the image was built from: an earlier one with the same content, where `skipped`."""

    def document(self) -> dict[str, object]:
        """As image.json has it."""
        return {
            "schemaVersion": SCHEMA_VERSION,
            "name": self.name,
            "repository": self.repository,
            "tag": self.tag,
            "digest": self.digest,
            "revision": self.revision.commit,
            "dirty": self.revision.dirty,
            "source": self.revision.origin,
            "version": self.version,
            "created": self.revision.created.isoformat().replace("+00:00", "Z"),
            "platforms": list(self.platforms),
            "inputs": self.inputs,
            "skipped": self.skipped,
            "builtFrom": self.built_from,
        }


def build_image(
    request: BuildRequest,
    source: Source,
    *,
    builder: Builder,
    registry: Registry,
    credentials: Callable[[], tuple[str, str] | None],
    immutable: Callable[[str], bool],
    report: Callable[[str], None],
) -> BuiltImage:
    """Build `request.image` from `source`, push it, and read its digest back; or find that this was done already.

    `credentials` are for the push, `immutable` tells whether a tag can never be moved, `report` hears of progress.
    Raises `GitopsError`; the registry then has at most the content's own tag more than before.
    """
    image, revision = request.image, source.revision
    source.check_file(image.context, image.dockerfile)
    inputs = content_key(image, source.subtree(image.context), request.rebuild)
    commit_tag = f"{revision.tag}-{request.rebuild}" if request.rebuild else revision.tag
    tags = [tag for tag in (request.version, commit_tag) if tag]
    found = registry.manifest(image.repository, content_tag(inputs))
    refuse_taken_tags(request, tags, found, registry, immutable)
    if found is None:
        order_and_push(request, source, inputs, builder, registry, credentials(), report)
    manifest = found or registry.manifest(image.repository, content_tag(inputs))
    if manifest is None:
        raise GitopsError(f"{request.host}/{image.repository}", "does not have what was just pushed", "run it again")
    labels = registry.labels(image.repository, manifest)
    refuse_foreign(request, labels, inputs)
    for tag in tags:
        at = registry.manifest(image.repository, tag)
        if at is None or at.digest != manifest.digest:
            registry.tag(image.repository, manifest, tag)
    return BuiltImage(
        name=image.name,
        repository=f"{request.host}/{image.repository}",
        tag=tags[0],
        digest=manifest.digest,
        revision=revision,
        version=request.version,
        platforms=image.platforms,
        inputs=inputs,
        skipped=found is not None,
        built_from=labels.get("org.opencontainers.image.revision", ""),
    )


def content_key(image: Image, tree: str, rebuild: str = "") -> str:
    """The hash of all that decides the image: git's hash of its files, the Dockerfile's name, arguments, platforms.

    What a base image's tag stands for is not in it: to follow that, ask for a rebuild.
    """
    decides = [BUILD_FORMAT, tree, image.dockerfile, dict(sorted(image.build_args.items())), sorted(image.platforms)]
    decides += [rebuild] if rebuild else []
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()


def content_tag(inputs: str) -> str:
    """The tag that an image with this content key has, whatever else it is called."""
    return f"content-{inputs[:32]}"


def refuse_taken_tags(
    request: BuildRequest,
    tags: list[str],
    found: Manifest | None,
    registry: Registry,
    immutable: Callable[[str], bool],
) -> None:
    """Raise `GitopsError` where a tag is another image's for good, before anything is built."""
    for tag in tags:
        taken = registry.manifest(request.image.repository, tag)
        if taken and (found is None or taken.digest != found.digest) and immutable(tag):
            raise GitopsError(
                f"{request.host}/{request.image.repository}:{tag}",
                f"exists with another digest ({taken.digest[:19]}…), and the repository is immutable",
                "give another --version, or commit the change that you build",
            )


def refuse_foreign(request: BuildRequest, labels: Mapping[str, str], inputs: str) -> None:
    """Raise `GitopsError` where the content's tag stands for an image that says that it is made of something else."""
    if labels.get(INPUTS_LABEL) != inputs:
        raise GitopsError(
            f"{request.host}/{request.image.repository}:{content_tag(inputs)}",
            "stands for an image that was not built from these inputs",
            "somebody moved that tag: delete it, or build with --rebuild",
        )


def order_and_push(
    request: BuildRequest,
    source: Source,
    inputs: str,
    builder: Builder,
    registry: Registry,
    credentials: tuple[str, str] | None,
    report: Callable[[str], None],
) -> None:
    """Build the committed files, and push them under the content's tag."""
    image = request.image
    subject = f"{image.context}/{image.dockerfile}".removeprefix("./")
    with source.files(image.context) as context:
        order = BuildOrder(
            context=context,
            dockerfile=image.dockerfile,
            name=f"{request.host}/{image.repository}:{content_tag(inputs)}",
            labels=labels_of(source.revision, request.version, inputs),
            build_args=image.build_args,
            platforms=image.platforms,
            epoch=int(source.revision.created.timestamp()),
            network=request.network,
            subject=subject,
        )
        try:
            builder.build(order, report, credentials)
        except GitopsError:
            # Another run may have pushed the same inputs meanwhile: in an immutable repository the first one wins.
            if registry.manifest(image.repository, content_tag(inputs)) is None:
                raise


def labels_of(revision: Revision, version: str, inputs: str) -> dict[str, str]:
    """The image's labels: OCI's annotations (image-spec, annotations.md), and our content key."""
    labels = {
        "org.opencontainers.image.revision": revision.commit + ("-dirty" if revision.dirty else ""),
        "org.opencontainers.image.source": revision.origin,
        "org.opencontainers.image.version": version or revision.tag,
        "org.opencontainers.image.created": revision.created.isoformat().replace("+00:00", "Z"),
        INPUTS_LABEL: inputs,
    }
    return {key: value for key, value in labels.items() if value}
