"""Checks of the images that pods run."""

import re
from collections.abc import Iterator

from gitops.config.model import UNRELEASED
from gitops.docker_hub import from_docker_hub
from gitops.objects import KubeObject
from gitops.validate.finding import Finding
from gitops.validate.scope import Overlay, value_at
from gitops.validate.sources import Path

ZEROS = f"@{UNRELEASED}"


def check_images(overlay: Overlay) -> Iterator[Finding]:
    """Findings in every container's image, and in the images that are mounted as volumes."""
    placeholders = {image.name for image in overlay.config.images}
    for pod in overlay.pods():
        for path, container in pod.containers:
            image = str(container.get("image", ""))
            for code, what in _problems(image, placeholders, overlay.version):
                file, line = _place(overlay, pod.owner, (*path, "image"), image)
                yield Finding(file, line, code, f"{pod.owner.ref}: {what}")
        for position, volume in enumerate(pod.spec.get("volumes") or []):
            image = str((volume.get("image") or {}).get("reference") or "")
            for code, what in _problems(image, placeholders, overlay.version) if image else ():
                yield overlay.finding(code, pod.owner, (*pod.path, "volumes", position, "image", "reference"), what)


def _problems(image: str, placeholders: set[str], version: str) -> Iterator[tuple[str, str]]:
    name, _, digest = image.partition("@")
    repository, tag = _split(name)
    if image in placeholders or repository in placeholders:
        yield "K005", f"the image is still called {image}"
    elif not digest and tag in ("", "latest"):
        yield "I001", f"{image} has {'the tag latest' if tag else 'no tag'}"
    elif not digest:
        yield "I002", f"{image} has no digest"
    if digest and not re.fullmatch(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", digest):
        yield "I008", f"{image} has a digest that is none"
    if repository.startswith(("k8s.gcr.io/", "gcr.io/google_containers/")):
        yield "I003", f"{repository} is frozen"
    if repository not in placeholders and from_docker_hub(repository):
        yield "I007", f"{repository} is pulled from Docker Hub"
    if re.search(r"/fluentd(-kubernetes-daemonset)?$", f"/{repository}"):
        yield "I006", f"{repository} is fluentd"
    if repository.endswith("/cluster-autoscaler") and _minor(tag) and _minor(tag) != version:
        yield "I004", f"{tag} is for Kubernetes {_minor(tag)}, the cluster has {version}"
    if repository.endswith("/metrics-server") and not _metrics_server_fits(tag, version):
        yield "I005", f"{tag} is not for Kubernetes {version}"


def _split(name: str) -> tuple[str, str]:
    head, colon, tag = name.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (name, "")


def _minor(tag: str) -> str:
    match = re.match(r"v?(\d+\.\d+)", tag)
    return match[1] if match else ""


def _metrics_server_fits(tag: str, version: str) -> bool:
    """0.9 needs 1.34, 0.8 needs 1.31: https://github.com/kubernetes-sigs/metrics-server#compatibility-matrix."""
    match = re.match(r"v?0\.(\d+)", tag)
    if not match:
        return True
    least = {9: 34, 8: 31, 7: 27}.get(int(match[1]), 8)
    return int(version.split(".")[1]) >= least


def _place(overlay: Overlay, obj: KubeObject, path: Path, image: str) -> tuple[str, int]:
    """The line that decides the image: the overlay's images entry where it has one, else the manifest."""
    document = overlay.sources.find(overlay.folder, obj)
    written = value_at(document.body, path) if document else None
    if written != image:
        for _, kustomization in overlay.sources.kustomizations(overlay.folder):
            for position, entry in enumerate(kustomization.body.get("images") or []):
                if (
                    isinstance(entry, dict)
                    and written
                    and entry.get("name") == _split(str(written).partition("@")[0])[0]
                ):
                    return kustomization.file, kustomization.line(("images", position, "newTag"))
    return overlay.place(obj, path)
