"""An overlay -> its objects. Reads files only."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from gitops.clients.kubectl import kustomize_build
from gitops.errors import GitopsError, nearest
from gitops.objects import KubeObject

KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True)
class Rendered:
    """What an overlay renders to."""

    objects: tuple[KubeObject, ...]


def render(root: Path, overlay: str) -> Rendered:
    """The objects of the kustomization in `root / overlay`, in kustomize's order.

    Raises `GitopsError` where there is no such overlay (with the nearest names), or where it cannot be rendered.
    """
    directory = root / overlay
    if not any((directory / name).is_file() for name in KUSTOMIZATION_FILES):
        siblings = sorted(found.parent.name for found in directory.parent.glob("*/kustomization.y*ml"))
        raise GitopsError(overlay, "has no kustomization.yaml", nearest(directory.name, siblings))
    return Rendered(tuple(_objects(kustomize_build(directory), overlay)))


def _objects(text: str, overlay: str) -> list[KubeObject]:
    objects = []
    for body in yaml.load_all(text, Loader=yaml.CSafeLoader):
        if not isinstance(body, dict) or not body.get("kind") or not body.get("apiVersion"):
            raise GitopsError(
                overlay, "renders to something that is no Kubernetes object", "give it apiVersion and kind"
            )
        objects.append(KubeObject(body, origin=overlay))
    return objects
