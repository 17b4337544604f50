"""What a tag means, asked of the registry: digest, build time and platforms; checked before anything is written."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from gitops.clients.registry import Manifest
from gitops.config import Image
from gitops.errors import GitopsError, count_of
from gitops.manifest.bump import WantedImage
from gitops.manifest.history import moment
from gitops.manifest.policy import choose

CREATED, REVISION = "org.opencontainers.image.created", "org.opencontainers.image.revision"
"""Labels of the OCI image specification (annotations.md)."""


class Registry(Protocol):
    """What a bump asks of a registry. `gitops.clients.registry.RegistryClient` is one."""

    def tags(self, repository: str) -> list[str]: ...

    def manifest(self, repository: str, reference: str) -> Manifest | None: ...

    def image_config(self, repository: str, manifest: Manifest) -> Mapping[str, Any]: ...


def wanted_image(image: Image, repository: str, tag: str, registry: Registry, build_url: str = "") -> WantedImage:
    """The image that `tag` is of now. Raises `GitopsError` where the registry has none, or not for all platforms."""
    return _described(WantedImage(image.name, repository, tag, "", build_url=build_url), image, tag, registry)


def checked_image(wanted: WantedImage, image: Image, registry: Registry) -> WantedImage:
    """`wanted`, whose digest the registry has, for all platforms; with the build's time where that was not known.

    Raises `GitopsError` where it has not, or where the tag is of another digest now.
    """
    return _described(wanted, image, wanted.digest, registry)


def refuse_moved_tag(wanted: WantedImage, image: Image, registry: Registry) -> None:
    """Raise `GitopsError` where `wanted.tag` is not there, or is another image than `wanted.digest`."""
    found = registry.manifest(image.repository, wanted.tag) if wanted.tag else None
    if wanted.tag and (found is None or found.digest != wanted.digest):
        problem = f"is {found.digest}, not {wanted.digest}" if found else "is not in the registry"
        raise GitopsError(f"{wanted.repository}:{wanted.tag}", problem, "give the tag alone, or --unchecked")


def _described(wanted: WantedImage, image: Image, reference: str, registry: Registry) -> WantedImage:
    subject = f"{wanted.repository}{'@' if ':' in reference else ':'}{reference}"
    manifest = registry.manifest(image.repository, reference)
    if manifest is None:
        raise GitopsError(subject, "is not in the registry", "check it, or build it: gitops build")
    config = registry.image_config(image.repository, manifest)
    has = platforms(manifest) or _platforms_of([config])
    missing = [each for each in image.platforms if _plain(each) not in map(_plain, has)] if has else []
    if missing:
        raise GitopsError(subject, f"is not for {', '.join(missing)} but {', '.join(has)}", "build it for them")
    labels = _labels(config)
    return replace(
        wanted,
        digest=manifest.digest,
        revision=wanted.revision or labels.get(REVISION, ""),
        created=wanted.created or labels.get(CREATED, ""),
    )


def tag_by_policy(image: Image, policy: str, registry: Registry) -> str:
    """The tag of `image` that `policy` wants of those in the registry now. Raises `GitopsError` where none fits."""

    def built(tag: str) -> datetime | None:
        manifest = registry.manifest(image.repository, tag)
        created = _labels(registry.image_config(image.repository, manifest)).get(CREATED) if manifest else None
        return moment(created, f"{image.repository}:{tag}") if created else None

    tags = (tag for tag in registry.tags(image.repository) if not _OF_A_DIGEST.fullmatch(tag))
    return choose(policy, tags, built, image.repository)


_OF_A_DIGEST = re.compile(r"sha256-[0-9a-f]{64}(\.\w+)?")
"""Tags of what belongs to an image: cosign's signatures and attestations, and the index of its referrers."""


def _labels(config: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels in an image's config; none in that of an artifact which is no image."""
    inner = config.get("config")
    labels = inner.get("Labels") if isinstance(inner, dict) else None
    return labels if isinstance(labels, dict) else {}


def platforms(manifest: Manifest) -> list[str]:
    """The platforms that an index is for, as in linux/amd64; none for the manifest of one image, which does not say."""
    entries = json.loads(manifest.data).get("manifests") or []
    return _platforms_of([each.get("platform") or {} for each in entries])


def _platforms_of(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    names = ["/".join(filter(None, (p.get("os"), p.get("architecture"), p.get("variant")))) for p in documents]
    return [name for name in names if name and not name.startswith("unknown")]


def _plain(platform: str) -> str:
    """Without the variant that its architecture has anyway (containerd/platforms, normalizeArch)."""
    return {"linux/arm64/v8": "linux/arm64", "linux/arm/v7": "linux/arm"}.get(platform, platform)


def refuse_findings(image: Image, digest: str, findings: Callable[[str, str], Mapping[str, int] | None]) -> None:
    """Raise `GitopsError` where `image` has a scan gate, and the scan of `digest` has more findings than it allows.

    `findings` gives how many there are of each severity, by repository and digest; None where there was no scan.
    """
    if image.scan is None:
        return
    subject, counts = f"{image.repository}@{digest[:19]}", findings(image.repository, digest)
    if counts is None:
        raise GitopsError(subject, "has no finished scan, which its gate asks for", "wait for it, or start one in ECR")
    for severity, allowed in (("CRITICAL", image.scan.critical), ("HIGH", image.scan.high)):
        found = counts.get(severity, 0)
        if allowed is not None and found > allowed:
            problem = f"has {count_of(found, f'{severity.lower()} finding')}, over the {allowed} allowed"
            raise GitopsError(subject, problem, "mend the image, or change its scan gate in gitops.yaml")
