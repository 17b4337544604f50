"""The kinds that CustomResourceDefinitions among objects define."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gitops.objects import KubeObject


class Defined(NamedTuple):
    """One kind, as its definition says."""

    namespaced: bool
    schemas: Mapping[str, Mapping[str, Any]]
    """Each version that is served, and its schema."""

    @property
    def versions(self) -> tuple[str, ...]:
        return tuple(self.schemas)


def defined(objects: Iterable[KubeObject]) -> dict[tuple[str, str], Defined]:
    """Group and kind -> what is said of it. What is no whole definition defines nothing: the server refuses it."""
    found = {}
    for each in objects:
        spec = each.body.get("spec") if each.kind == "CustomResourceDefinition" else None
        names = spec.get("names") if isinstance(spec, Mapping) else None
        if isinstance(spec, Mapping) and isinstance(names, Mapping) and spec.get("group") and names.get("kind"):
            key = (str(spec["group"]), str(names["kind"]))
            found[key] = Defined(spec.get("scope") == "Namespaced", dict(_served(spec.get("versions"))))
    return found


def _served(versions: Any) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for version in versions if isinstance(versions, list) else ():
        if isinstance(version, Mapping) and version.get("served") and version.get("name"):
            schema = version.get("schema")
            structural = schema.get("openAPIV3Schema") if isinstance(schema, Mapping) else None
            yield str(version["name"]), structural if isinstance(structural, Mapping) else {}
