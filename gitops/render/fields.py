"""Field specs: which field of which kind a transformation touches, and the walk down to it."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

from gitops.render.problems import NotModelled, Place, RenderError
from gitops.render.resource import Resource, field_specs, group_version
from gitops.render.scalars import is_null

Set = Callable[[Any, Any], None]
"""Called with the map or list that holds the field, and its key or index there."""

MAP, SCALAR = "map", "scalar"


class FieldSpec(NamedTuple):
    """A field of a kind; empty group, version or kind is any. `create` makes the field where it is missing."""

    group: str
    version: str
    kind: str
    path: str
    create: bool

    def selects(self, group: str, version: str, kind: str) -> bool:
        return self.group in ("", group) and self.version in ("", version) and self.kind in ("", kind)


class Referral(NamedTuple):
    """The fields by which other objects name an object of a kind."""

    group: str
    version: str
    kind: str
    referrers: tuple[FieldSpec, ...]


def field_spec(entry: dict[str, Any]) -> FieldSpec:
    """A field spec as data. Raises `NotModelled` for a path that indexes lists."""
    spec = FieldSpec(
        entry.get("group") or "",
        entry.get("version") or "",
        entry.get("kind") or "",
        entry.get("path") or "",
        bool(entry.get("create")),
    )
    for part in split_path(spec.path):
        name = part.removesuffix("[]")
        if not name or name.lstrip("+-").isdigit() or name in "-*" or name[0] == "[" or name != name.strip():
            raise NotModelled(f"the path {spec.path}", "name fields only")
    return spec


@cache
def split_path(path: str, delimiter: str = "/") -> tuple[str, ...]:
    """The steps of a path; a backslash keeps the delimiter after it."""
    parts = path.split(delimiter)
    if len(parts) > 1 and not parts[0]:
        parts = parts[1:]
    steps = [parts[0]]
    for part in parts[1:]:
        if steps[-1].endswith("\\"):
            steps[-1] = steps[-1][:-1] + delimiter + part
        else:
            steps.append(part)
    return tuple(steps)


class Specs(NamedTuple):
    """The field specs of every transformation, defaults and configurations together."""

    fields: dict[str, tuple[FieldSpec, ...]]
    references: tuple[Referral, ...]


@cache
def default_specs() -> Specs:
    """What kustomize 5.8 applies without configurations, but for vars, whose fields are read where there are some."""
    data = field_specs()
    return specs_from({name: data[name] for name in SPEC_NAMES if name in data}, data["nameReference"])


SPEC_NAMES = (
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "templateLabels",
    "commonAnnotations",
    "images",
    "replicas",
    "varReference",
)


def specs_from(fields: dict[str, list[dict[str, Any]]], references: list[dict[str, Any]]) -> Specs:
    """Specs of their data, sorted as kustomize sorts them."""
    read = {name: tuple(field_spec(each) for each in fields.get(name) or ()) for name in SPEC_NAMES}
    referrals = (
        Referral(
            each.get("group") or "",
            each.get("version") or "",
            each.get("kind") or "",
            tuple(field_spec(spec) for spec in each.get("fieldSpecs") or ()),
        )
        for each in references
    )
    return Specs(read, tuple(sorted(referrals, key=_referral_order)))


def _referral_order(referral: Referral) -> tuple[int, str]:
    from gitops.render.order import rank

    return rank(referral.kind), f"{referral.group or '~G'}_{referral.version or '~V'}_{referral.kind or '~K'}"


def merge_specs(first: Specs, second: Specs, place: Place) -> Specs:
    """`first` with what `second` adds. Raises `RenderError` where they disagree about creating a field."""
    if second is first:
        return first
    fields = {name: merge_fields(first.fields[name], second.fields[name], place) for name in SPEC_NAMES}
    references = list(first.references)
    for referral in second.references:
        known = next((index for index, each in enumerate(references) if each[:3] == referral[:3]), None)
        if known is None:
            references.append(referral)
        else:
            merged = merge_fields(references[known].referrers, referral.referrers, place)
            references[known] = references[known]._replace(referrers=merged)
    return Specs(fields, tuple(sorted(references, key=_referral_order)))


def merge_fields(first: Iterable[FieldSpec], second: Iterable[FieldSpec], place: Place) -> tuple[FieldSpec, ...]:
    """`first`, then those of `second` that it does not cover."""
    merged = list(first)
    by_path: dict[str, list[FieldSpec]] = {}
    for each in merged:
        by_path.setdefault(each.path, []).append(each)
    for spec in second:
        same = [
            each
            for each in by_path.get(spec.path, ())
            if spec.group in ("", each.group) and spec.version in ("", each.version) and spec.kind in ("", each.kind)
        ]
        if not same:
            merged.append(spec)
            by_path.setdefault(spec.path, []).append(spec)
        elif same[0].create != spec.create:
            raise RenderError(place, f"field {spec.path} is both created and not", "agree on create:")
    return tuple(merged)


class Selected:
    """Specs narrowed to what applies to a kind, remembered for the next object of it."""

    def __init__(self, specs: Iterable[FieldSpec]) -> None:
        self._specs = tuple(specs)
        self._known: dict[tuple[str, str], list[tuple[tuple[str, ...], bool]]] = {}

    def of(self, resource: Resource) -> list[tuple[tuple[str, ...], bool]]:
        """Path and `create` of each spec for `resource`."""
        key = (resource.api_version, resource.kind)
        found = self._known.get(key)
        if found is None:
            group, version = group_version(key[0])
            chosen = [spec for spec in self._specs if spec.selects(group, version, key[1])]
            found = self._known[key] = [(split_path(spec.path), spec.create) for spec in chosen]
        return found


class _InScalar(Exception):
    """A scalar stands where a field's map or list should be; `str` is the rest of the way."""


def visit(resource: Resource, steps: tuple[str, ...], set_field: Set, create: str = "") -> None:
    """Call `set_field` for each field that `steps` lead to; lists on the way are gone through item by item.

    `create` says what a missing last field becomes: a map, a scalar; nothing is created where it is empty.
    """
    try:
        _visit(resource.body, steps, set_field, create)
    except _InScalar as error:
        problem = f"field {error} of {resource} is looked for in a scalar"
        raise RenderError(resource.place, problem, "make what holds it a map or a list") from error


def _visit(node: Any, steps: tuple[str, ...], set_field: Set, create: str) -> None:
    kind = node.__class__
    if kind is dict:
        _visit_map(node, steps, set_field, create)
    elif kind is list:
        for item in node:
            _visit(item, steps, set_field, create)
    elif not is_null(node):
        raise _InScalar("/".join(steps))


def _visit_map(node: dict[str, Any], steps: tuple[str, ...], set_field: Set, create: str) -> None:
    step = steps[0]
    name = step.removesuffix("[]")
    of_list = name is not step and name != step
    last = len(steps) == 1
    if name not in node:
        if not create or of_list:
            return
        node[name] = {} if not last or create == MAP else ""
    elif is_null(node[name]) and (of_list or create):
        node[name] = [] if of_list else {} if not last or create == MAP else ""
    if last:
        set_field(node, name)
    else:
        _visit(node[name], steps[1:], set_field, create)
