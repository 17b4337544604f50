"""The real kustomize, for what this process does not model."""

from pathlib import Path

import yaml

from gitops.clients.kubectl import find_kubectl, find_kustomize, kustomize_build
from gitops.errors import GitopsError
from gitops.objects import KubeObject
from gitops.render.problems import NotModelled

_ELSE = "install kustomize or kubectl"


def render_by_kustomize(folder: str, overlay: str, unmodelled: NotModelled) -> list[KubeObject]:
    """The objects that kustomize makes of `folder`.

    Raises `GitopsError` that begins with the place of what is not modelled, where no kustomize is there.
    """
    if not (find_kustomize() or find_kubectl()):
        hint = f"{unmodelled.hint}; or {_ELSE}" if unmodelled.hint else _ELSE
        problem = f"{unmodelled.what} is rendered by kustomize only, and there is none"
        raise GitopsError(unmodelled.place or overlay, problem, hint) from unmodelled
    return objects_of(kustomize_build(Path(folder)), overlay)


def objects_of(text: str, overlay: str) -> list[KubeObject]:
    """The objects in kustomize's output."""
    objects = []
    for body in yaml.load_all(text, Loader=yaml.CSafeLoader):
        if not isinstance(body, dict) or not body.get("kind") or not body.get("apiVersion"):
            raise GitopsError(
                overlay, "renders to something that is no Kubernetes object", "give it apiVersion and kind"
            )
        objects.append(KubeObject(body, origin=overlay))
    return objects
