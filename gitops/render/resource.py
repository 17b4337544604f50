"""An object on its way through kustomizations: its body, what it was called before, and lists of these."""

import json
import os
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from gitops.render.problems import NotModelled, Place, RenderError
from gitops.render.scalars import is_null, text_of

NO_NAMESPACE = "_non_namespaceable_"
DEFAULT_NAMESPACE = "default"

ORIGIN = "config.kubernetes.io/origin"
"""The annotation that says where an object is from, with `buildMetadata`."""

TRANSFORMATIONS = "alpha.config.kubernetes.io/transformations"
"""The annotation that says which transformations an object went through, with `buildMetadata`."""

Id = tuple[str, str, str, str, str]
"""Group, version, kind, name, effective namespace: what must be unique."""


class Previous(NamedTuple):
    """What an object was called before a transformation."""

    name: str
    namespace: str
    kind: str


@cache
def group_version(api_version: str) -> tuple[str, str]:
    """The group ("" for the core one) and the version."""
    group, slash, version = api_version.partition("/")
    return (group, version) if slash else ("", api_version)


@cache
def field_specs() -> dict[str, Any]:
    """kustomize's default field specs, and the kinds that it knows to be cluster-scoped."""
    return read_data("field_specs.json")


def read_data(name: str) -> dict[str, Any]:
    """What a file beside this one says, as JSON."""
    with open(os.path.join(os.path.dirname(__file__), name), "rb") as file:
        return json.load(file)  # type: ignore[no-any-return]


@cache
def is_cluster_scoped(api_version: str, kind: str) -> bool:
    """Whether kustomize knows the kind, and knows that it has no namespace."""
    return f"{api_version} {kind}" in field_specs()["clusterScoped"]


class Resource:
    """One object. `body` belongs to it alone and is changed in place until the rendering ends."""

    __slots__ = ("behavior", "body", "file", "hashed", "line", "prefixes", "previous", "shared", "suffixes", "vars")

    def __init__(self, body: dict[str, Any], file: Place = "", line: int = 0) -> None:
        self.body = body
        self.file = file
        self.line = line
        self.previous: list[Previous] = []
        self.prefixes: list[str] = []
        self.suffixes: list[str] = []
        self.vars: list[str] = []
        self.hashed = False
        self.behavior = ""
        self.shared: list[tuple[str, list[dict[str, Any]], Any]] = []

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)

    @property
    def api_version(self) -> str:
        return text_of(self.body.get("apiVersion", ""))

    @property
    def kind(self) -> str:
        return text_of(self.body.get("kind", ""))

    @property
    def metadata(self) -> dict[str, Any]:
        found = self.body.get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def name(self) -> str:
        return _text(self.metadata.get("name"))

    @property
    def namespace(self) -> str:
        return _text(self.metadata.get("namespace"))

    @property
    def effective_namespace(self) -> str:
        if is_cluster_scoped(self.api_version, self.kind):
            return NO_NAMESPACE
        return self.namespace or DEFAULT_NAMESPACE

    @property
    def id(self) -> Id:
        group, version = group_version(self.api_version)
        return group, version, self.kind, self.name, self.effective_namespace

    @property
    def ids(self) -> list[Id]:
        """The current identity, after the previous ones."""
        group, version = group_version(self.api_version)
        before = [(group, version, each.kind, each.name, each.namespace) for each in self.previous]
        return [*before, self.id]

    @property
    def original(self) -> Previous:
        """What the object was called in its file."""
        return self.previous[0] if self.previous else Previous(self.name, self.effective_namespace, self.kind)

    def remember(self) -> None:
        """Keep what the object is called now as a previous name."""
        self.previous.append(Previous(self.name, self.effective_namespace, self.kind))

    def texts(self, field: str) -> dict[str, str]:
        """The labels or the annotations, as texts."""
        found = self.metadata.get(field)
        return {key: text_of(value) for key, value in found.items()} if isinstance(found, dict) else {}

    def annotate(self, name: str, text: str) -> None:
        """Add an annotation; the others become texts."""
        self.metadata["annotations"] = {**self.texts("annotations"), name: text}

    def __str__(self) -> str:
        namespace = "" if self.effective_namespace == NO_NAMESPACE else self.namespace
        return "/".join(part for part in (self.kind, namespace, self.name) if part)

    def propagate(self) -> None:
        """Give maps that share a label its new value.

        kustomize writes one label into several maps as one node, so that a later change of one changes all.
        """
        for index, (key, maps, value) in enumerate(self.shared):
            changed = [each[key] for each in maps if key in each and each[key] != value]
            if not changed:
                continue
            if any(other != changed[0] for other in changed):
                raise NotModelled(f"label {key}, which kustomize shares, with two new values", "", self.place)
            for each in maps:
                if key in each:
                    each[key] = changed[0]
            self.shared[index] = (key, maps, changed[0])


def _text(value: Any) -> str:
    if value.__class__ is str:
        return str(value)
    return "" if is_null(value) or isinstance(value, dict | list) else text_of(value)


class ResourceList:
    """Objects in kustomize's order, no two with the same identity; looked up by name without a scan."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self.items: list[Resource] = []
        self._ids: dict[Id, Resource] | None = {}
        self._by_name: dict[str, list[Resource]] | None = None
        for each in resources:
            self.append(each)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def changed(self) -> None:
        """Say that names, namespaces or kinds may have changed."""
        self._ids = self._by_name = None

    def append(self, resource: Resource) -> None:
        """Add `resource`. Raises `RenderError` where its identity is taken."""
        ids = self._known()
        if other := ids.get(resource.id):
            raise RenderError(
                resource.place, f"{resource} is also in {other.place}", "keep one of them, or make the other a patch"
            )
        ids[resource.id] = resource
        self.items.append(resource)
        if self._by_name is not None:
            self._by_name.setdefault(resource.name, []).append(resource)
            for name in {each.name for each in resource.previous} - {resource.name}:
                self._by_name.setdefault(name, []).append(resource)

    def extend(self, other: "ResourceList") -> None:
        for each in other.items:
            self.append(each)

    def _known(self) -> dict[Id, Resource]:
        if self._ids is None:
            self._ids = {each.id: each for each in self.items}
        return self._ids

    def named(self, name: str) -> list[Resource]:
        """Those that are, or were, called `name`, in order."""
        if self._by_name is None:
            self._by_name = {}
            for each in self.items:
                for called in dict.fromkeys([each.name, *(before.name for before in each.previous)]):
                    self._by_name.setdefault(called, []).append(each)
        return self._by_name.get(name, [])

    def with_any_id(self, wanted: Id) -> list[Resource]:
        """Those with the identity `wanted`, now or before."""
        return [each for each in self.named(wanted[3]) if wanted in each.ids]

    def replace(self, old: Resource, new: Resource) -> None:
        self.items[self.items.index(old)] = new
        self.changed()

    def check_unique(self, after: str) -> None:
        """Raises `RenderError` where two objects have come to the same identity."""
        seen: dict[Id, Resource] = {}
        for each in self.items:
            if other := seen.get(each.id):
                raise RenderError(each.place, f"{each} is also in {other.place} after {after}", "rename one of them")
            seen[each.id] = each

    def drop(self, gone: Iterable[Resource]) -> None:
        """Take objects out, by identity in memory."""
        dropped = {id(each) for each in gone}
        if dropped:
            self.items = [each for each in self.items if id(each) not in dropped]
            self.changed()
