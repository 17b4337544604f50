"""An overlay -> its objects: kustomize's results in process, in linear time. Reads files only.

`render` is the way in. `build` follows a kustomization and what it is built on; each transformation has a module of its
own. What is not modelled goes to the real kustomize, where one is found (docs/render.md lists each field).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.errors import GitopsError
from gitops.objects import KubeObject
from gitops.plan.mask import remember_secrets
from gitops.render.problems import NotModelled, RenderError, closest
from gitops.render.sources import Sources

if TYPE_CHECKING:
    from gitops.render.cache import Cache

KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True)
class Rendered:
    """What an overlay renders to, and what that depends on.

    `inputs` are the files that were read, from the root, each with the SHA-256 of its content; `sought` those that were
    looked for and are not there. `warnings` name entries that probably mean something else: an image or a patch target
    that nothing has. `by` is `gitops` or `kustomize`.
    """

    objects: tuple[KubeObject, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    sought: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    by: str = "gitops"

    def depends_on(self, changed: set[str]) -> bool:
        """Whether one of the files `changed`, named from the root, could make another result."""
        return not changed.isdisjoint(self.inputs) or not changed.isdisjoint(self.sought)


def render(root: Path, overlay: str, cache: "Cache | None" = None) -> Rendered:
    """The objects of the kustomization in `root / overlay`, in kustomize's order; from `cache` where nothing changed.

    Raises `GitopsError` where there is no such overlay (with the nearest names), or where it cannot be rendered: with
    file, line, column, and the kustomizations that led there.
    """
    folder = _folder(root, overlay)
    sources = Sources(root)
    name = sources.relative(folder)
    if cache and (kept := cache.find(str(sources.root), name)):
        objects = tuple(KubeObject(body, origin) for body, origin in kept.objects)
        remember_secrets(objects)
        return Rendered(objects, kept.inputs, frozenset(kept.sought), tuple(kept.warnings))
    try:
        rendered = _built(sources, folder)
    except NotModelled as unmodelled:
        return _by_kustomize(sources, folder, overlay, unmodelled)
    if cache:
        from gitops.render.cache import Entry

        bodies = [(dict(each.body), each.origin) for each in rendered.objects]
        cache.keep(name, Entry(sources.inputs, sorted(sources.sought), list(rendered.warnings), bodies))
    return rendered


def _built(sources: Sources, folder: str) -> Rendered:
    from gitops.render.build import build

    built = build(sources, folder)
    for each in built.resources:
        if not each.api_version:
            raise RenderError(each.place, f"{each} has no apiVersion", "give it one")
    objects = tuple(KubeObject(each.body, origin=str(each.file)) for each in built.resources)
    remember_secrets(objects)
    return Rendered(objects, sources.inputs, frozenset(sources.sought), tuple(built.warnings))


def _by_kustomize(sources: Sources, folder: str, overlay: str, unmodelled: NotModelled) -> Rendered:
    from gitops.render.fallback import render_by_kustomize

    objects = tuple(render_by_kustomize(sources, folder, overlay, unmodelled))
    remember_secrets(objects)
    return Rendered(objects, _all_below(sources, folder), frozenset(sources.sought), (), "kustomize")


def _folder(root: Path, overlay: str) -> str:
    directory = os.path.join(os.path.realpath(root), overlay)
    if not any(os.path.isfile(os.path.join(directory, name)) for name in KUSTOMIZATION_FILES):
        parent = Path(directory).parent
        siblings = sorted(found.parent.name for found in parent.glob("*/kustomization.y*ml"))
        raise GitopsError(overlay, "has no kustomization.yaml", closest(os.path.basename(directory), siblings))
    return os.path.realpath(directory)


def _all_below(sources: Sources, folder: str) -> dict[str, str]:
    """What a rendering by kustomize may have read: every file beside those that were read, and below them."""
    folders = {folder} | {os.path.dirname(os.path.join(sources.root, read)) for read in sources.inputs}
    for each in sorted(folders):
        for holder, _, names in os.walk(each):
            for name in names:
                sources.hash(os.path.join(holder, name))
    return sources.inputs
