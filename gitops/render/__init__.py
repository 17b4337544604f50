"""An overlay -> its objects: kustomize's results in process, in linear time. Reads files only.

`render` is the way in. `build` follows a kustomization and what it is built on; each transformation has a module of its
own. What is not modelled goes to the real kustomize, where one is found (docs/render.md lists each field).
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gitops.errors import GitopsError

if TYPE_CHECKING:
    from gitops.objects import KubeObject
    from gitops.render.cache import Cache
    from gitops.render.problems import NotModelled
    from gitops.render.remotes import Remotes
    from gitops.render.sources import Sources

KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


class Bodies(NamedTuple):
    """What an overlay renders to, as data, and what that depends on.

    `inputs` are the files that were read, from the root, each with the SHA-256 of its content; `sought` those that were
    looked for and are not there. `warnings` name entries that probably mean something else: an image or a patch target
    that nothing has. `objects` are body and origin of each object. `by` is `gitops` or `kustomize`.
    """

    inputs: Mapping[str, str]
    sought: frozenset[str]
    warnings: tuple[str, ...]
    objects: list[tuple[dict[str, Any], str]]
    by: str = "gitops"


class Rendered(NamedTuple):
    """The same, with objects that the other stages work with."""

    objects: "tuple[KubeObject, ...]"
    inputs: Mapping[str, str]
    sought: frozenset[str]
    warnings: tuple[str, ...]
    by: str

    def depends_on(self, changed: set[str]) -> bool:
        """Whether one of the files `changed`, named from the root, could make another result."""
        return not changed.isdisjoint(self.inputs) or not changed.isdisjoint(self.sought)


def render(
    root: "str | os.PathLike[str]", overlay: str, cache: "Cache | None" = None, remotes: "Remotes | None" = None
) -> Rendered:
    """The objects of the kustomization in `root / overlay`, in kustomize's order; from `cache` where nothing changed.
    What other repositories it may build on, `remotes` says; none without.

    Raises `GitopsError` where there is no such overlay (with the nearest names), or where it cannot be rendered: with
    file, line, column, and the kustomizations that led there.
    """
    return rendered(render_bodies(root, overlay, cache, remotes))


def rendered(found: Bodies) -> Rendered:
    """`found` with objects, whose secrets nothing shows from here on."""
    from gitops.objects import KubeObject
    from gitops.plan.mask import remember_secrets

    objects = tuple(KubeObject(body, origin) for body, origin in found.objects)
    remember_secrets(objects)
    return Rendered(objects, found.inputs, found.sought, found.warnings, found.by)


def render_bodies(
    root: "str | os.PathLike[str]", overlay: str, cache: "Cache | None" = None, remotes: "Remotes | None" = None
) -> Bodies:
    """The same as data, for who has no use for more: objects are quicker made than what makes them is imported."""
    folder = _folder(root, overlay)
    real_root = os.path.realpath(root)
    name = cache_name(root, overlay, remotes)
    if cache and (kept := cache.find(real_root, name)):
        return Bodies(kept.inputs, frozenset(kept.sought), tuple(kept.warnings), kept.objects())
    from gitops.render.problems import NotModelled
    from gitops.render.sources import Sources

    sources = Sources(real_root, remotes)
    try:
        built = _built(sources, folder)
    except NotModelled as unmodelled:
        return _by_kustomize(sources, folder, overlay, unmodelled)
    if cache:
        cache.keep_objects(name, built)
    return built


def cache_name(root: "str | os.PathLike[str]", overlay: str, remotes: "Remotes | None") -> str:
    """What the rendering of an overlay is kept as."""
    folder = os.path.relpath(os.path.realpath(os.path.join(root, overlay)), os.path.realpath(root))
    return " ".join([folder, *(remotes.allowed if remotes else ())])


def _built(sources: "Sources", folder: str) -> Bodies:
    from gitops.render.build import build
    from gitops.render.problems import RenderError

    built = build(sources, folder)
    for each in built.resources:
        if not each.api_version:
            raise RenderError(each.place, f"{each} has no apiVersion", "give it one")
    bodies = [(each.body, str(each.file)) for each in built.resources]
    return Bodies(sources.inputs, frozenset(sources.sought), tuple(built.warnings), bodies)


def _by_kustomize(sources: "Sources", folder: str, overlay: str, unmodelled: "NotModelled") -> Bodies:
    from gitops.render.fallback import render_by_kustomize

    bodies = [(body, overlay) for body in render_by_kustomize(sources, folder, overlay, unmodelled)]
    return Bodies(_all_below(sources, folder), frozenset(sources.sought), (), bodies, "kustomize")


def _folder(root: "str | os.PathLike[str]", overlay: str) -> str:
    directory = os.path.join(os.path.realpath(root), overlay)
    if not any(os.path.isfile(os.path.join(directory, name)) for name in KUSTOMIZATION_FILES):
        raise GitopsError(overlay, "has no kustomization.yaml", _overlays_near(directory))
    return os.path.realpath(directory)


def _overlays_near(directory: str) -> str:
    from pathlib import Path

    from gitops.render.problems import closest

    names = sorted(found.parent.name for found in Path(directory).parent.glob("*/kustomization.y*ml"))
    return closest(os.path.basename(directory), names)


def _all_below(sources: "Sources", folder: str) -> dict[str, str]:
    """What a rendering by kustomize may have read: every file beside those that were read, and below them."""
    folders = {folder} | {os.path.dirname(os.path.join(sources.root, read)) for read in sources.inputs}
    for each in sorted(folders):
        for holder, _, names in os.walk(each):
            for name in names:
                sources.hash(os.path.join(holder, name))
    return sources.inputs
