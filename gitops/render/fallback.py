"""The real kustomize, for what this process does not model."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gitops.clients.kubectl import find_kubectl, find_kustomize, kustomize_build
from gitops.errors import GitopsError
from gitops.render.kustomization import FILE_NAMES
from gitops.render.problems import NotModelled
from gitops.render.reader import read_config, read_objects
from gitops.render.scalars import settled
from gitops.render.sources import Sources, is_remote, remote

_LONGEST_PATH = 1000
_NO_PATHS = frozenset(
    ["literals", "labels", "commonLabels", "commonAnnotations", "annotations", "images", "imageTags", "metadata"]
)
_ELSE = "install kustomize or kubectl"


def render_by_kustomize(sources: Sources, folder: str, overlay: str, unmodelled: NotModelled) -> list[dict[str, Any]]:
    """The bodies of the objects that kustomize makes of `folder`.

    Raises `GitopsError` that begins with the place of what is not modelled, where no kustomize is there; and where the
    overlay reaches for another host.
    """
    if not (find_kustomize() or find_kubectl()):
        hint = f"{unmodelled.hint}; or {_ELSE}" if unmodelled.hint else _ELSE
        problem = f"{unmodelled.what} is rendered by kustomize only, and there is none"
        raise GitopsError(unmodelled.place or overlay, problem, hint) from unmodelled
    refuse_remote(sources, folder)
    return bodies_of(kustomize_build(Path(folder)), overlay)


def refuse_remote(sources: Sources, folder: str) -> None:
    """Raises `RenderError` where a kustomization that leads on from `folder` names something on another host."""
    waiting, seen = [folder], {folder}
    while waiting:
        holder = waiting.pop()
        for name in FILE_NAMES:
            if not os.path.isfile(os.path.join(holder, name)):
                continue
            file = sources.relative(os.path.join(holder, name))
            for path in _texts(read_config(sources.read(holder, name, file), file)):
                if is_remote(path):
                    raise remote(path, file)
                below = sources.folder(holder, path, file) if len(path) < _LONGEST_PATH and "\n" not in path else None
                if below and below not in seen:
                    seen.add(below)
                    waiting.append(below)


def _texts(value: Any) -> Iterator[str]:
    """The texts of a kustomization that may be paths: what is generated or written somewhere is none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if key not in _NO_PATHS:
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def bodies_of(text: str, overlay: str) -> list[dict[str, Any]]:
    """The objects in kustomize's output."""
    bodies = [settled(document.value) for document in read_objects(text.encode(), overlay)]
    for body in bodies:
        if not isinstance(body, dict) or not body.get("kind") or not body.get("apiVersion"):
            raise GitopsError(
                overlay, "renders to something that is no Kubernetes object", "give it apiVersion and kind"
            )
    return bodies
