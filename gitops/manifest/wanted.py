"""What a tag means, asked of the registry: digest, build time and platforms; checked before anything is written."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from gitops.clients.registry import Manifest
from gitops.config import Image
from gitops.errors import GitopsError
from gitops.manifest.bump import WantedImage
from gitops.manifest.history import moment
from gitops.manifest.policy import choose

CREATED, REVISION = "org.opencontainers.image.created", "org.opencontainers.image.revision"
"""Labels of the OCI image specification (annotations.md)."""


class Registry(Protocol):
    """What a bump asks of a registry. `gitops.clients.registry.RegistryClient` is one."""

    def tags(self, repository: str) -> list[str]: ...

    def manifest(self, repository: str, reference: str) -> Manifest | None: ...

    def labels(self, repository: str, manifest: Manifest) -> Mapping[str, str]: ...


def wanted_image(image: Image, repository: str, tag: str, registry: Registry, build_url: str = "") -> WantedImage:
    """The image that `tag` is of now. Raises `GitopsError` where the registry has none, or not for all platforms."""
    manifest = registry.manifest(image.repository, tag)
    if manifest is None:
        raise GitopsError(f"{repository}:{tag}", "is not in the registry", "check the tag, or build it: gitops build")
    missing = [each for each in image.platforms if each not in platforms(manifest)] if platforms(manifest) else []
    if missing:
        has = ", ".join(platforms(manifest))
        raise GitopsError(f"{repository}:{tag}", f"is not for {', '.join(missing)} but {has}", "build it for them")
    labels = registry.labels(image.repository, manifest)
    return WantedImage(
        image.name,
        repository,
        tag,
        manifest.digest,
        labels.get(REVISION, ""),
        labels.get(CREATED, ""),
        build_url,
    )


def tag_by_policy(image: Image, policy: str, registry: Registry) -> str:
    """The tag of `image` that `policy` wants of those in the registry now. Raises `GitopsError` where none fits."""

    def built(tag: str) -> datetime | None:
        manifest = registry.manifest(image.repository, tag)
        created = registry.labels(image.repository, manifest).get(CREATED) if manifest else None
        return moment(created, f"{image.repository}:{tag}") if created else None

    return choose(policy, registry.tags(image.repository), built, image.repository)


def platforms(manifest: Manifest) -> list[str]:
    """The platforms that an index is for, as in linux/amd64; none for the manifest of one image, which does not say."""
    entries = json.loads(manifest.data).get("manifests") or []
    found = (each.get("platform") or {} for each in entries)
    names = ["/".join(filter(None, (p.get("os"), p.get("architecture"), p.get("variant")))) for p in found]
    return [name for name in names if name and not name.startswith("unknown")]


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
            problem = f"has {found} {severity.lower()} findings, over the {allowed} allowed"
            raise GitopsError(subject, problem, "mend the image, or change its scan gate in gitops.yaml")
