"""An overlay -> its objects: kustomize's results in process, in linear time. Reads files only.

`render` is the way in. `build` follows a kustomization and what it is built on; each transformation has a module of its
own. What is not modelled goes to the real kustomize, where one is found (docs/render.md lists each field).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitops.errors import GitopsError
from gitops.objects import KubeObject
from gitops.render.build import build
from gitops.render.problems import NotModelled, RenderError, closest
from gitops.render.sources import Sources

KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True)
class Rendered:
    """What an overlay renders to, and what that depends on.

    `inputs` are the files that were read, from the root, each with the SHA-256 of its content. `warnings` name
    entries that probably mean something else: an image or a patch target that nothing has.
    """

    objects: tuple[KubeObject, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    by: str = "gitops"


def render(root: Path, overlay: str) -> Rendered:
    """The objects of the kustomization in `root / overlay`, in kustomize's order.

    Raises `GitopsError` where there is no such overlay (with the nearest names), or where it cannot be rendered: with
    file, line, column, and the kustomizations that led there.
    """
    folder = _folder(root, overlay)
    sources = Sources(root)
    try:
        built = build(sources, folder)
    except NotModelled as unmodelled:
        from gitops.render.fallback import render_by_kustomize

        return Rendered(
            tuple(render_by_kustomize(folder, overlay, unmodelled)), _all_below(sources, folder), (), "kustomize"
        )
    objects = tuple(KubeObject(each.body, origin=str(each.file)) for each in built.resources)
    for each in objects:
        if not each.body.get("apiVersion"):
            raise RenderError(each.origin, f"{each.body['kind']} has no apiVersion", "give it one")
    return Rendered(objects, sources.inputs, tuple(built.warnings))


def _folder(root: Path, overlay: str) -> str:
    directory = Path(os.path.realpath(root)) / overlay
    if not any((directory / name).is_file() for name in KUSTOMIZATION_FILES):
        siblings = sorted(found.parent.name for found in directory.parent.glob("*/kustomization.y*ml"))
        raise GitopsError(overlay, "has no kustomization.yaml", closest(directory.name, siblings))
    return os.path.realpath(directory)


def _all_below(sources: Sources, folder: str) -> dict[str, str]:
    """What a rendering by kustomize may have read: every file beside those that were read, and below them."""
    folders = {folder} | {os.path.dirname(os.path.join(sources.root, read)) for read in sources.inputs}
    for each in sorted(folders):
        for holder, _, names in os.walk(each):
            for name in names:
                sources.hash(os.path.join(holder, name))
    return sources.inputs
