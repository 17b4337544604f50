"""The kinds that CustomResourceDefinitions among objects define."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gitops.objects import KubeObject


class Defined(NamedTuple):
    """One kind, as its definition says."""

    namespaced: bool
    versions: tuple[str, ...]
    """Those that are served."""


def defined(objects: Iterable[KubeObject]) -> dict[tuple[str, str], Defined]:
    """Group and kind -> what is said of it. What is no whole definition defines nothing: the server refuses it."""
    found = {}
    for each in objects:
        spec = each.body.get("spec") if each.kind == "CustomResourceDefinition" else None
        names = spec.get("names") if isinstance(spec, Mapping) else None
        if isinstance(spec, Mapping) and isinstance(names, Mapping) and spec.get("group") and names.get("kind"):
            key = (str(spec["group"]), str(names["kind"]))
            found[key] = Defined(spec.get("scope") == "Namespaced", tuple(_served(spec.get("versions"))))
    return found


def _served(versions: Any) -> Iterable[str]:
    for version in versions if isinstance(versions, list) else ():
        if isinstance(version, Mapping) and version.get("served") and version.get("name"):
            yield str(version["name"])
