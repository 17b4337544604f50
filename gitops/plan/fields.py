"""Which fields of a live object a manager owns (managedFields), and whether an apply would change nothing.

An object whose every desired field is ours and has the desired value, and of which we own nothing else, is as it
should be: that is proved here without asking the server. Whatever is not proved is asked (a dry run), so a doubt costs
time and never correctness.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from gitops.objects import MANAGER, Body, KubeObject
from gitops.plan.diff import ITEM_KEYS

QUANTITIES = frozenset({"limits", "requests", "hard", "capacity", "max", "min", "default", "defaultRequest"})
"""Mappings whose values are quantities: "1000m" and "1" are the same."""
HAVE_QUANTITIES = frozenset({"", "apps", "batch"})
"""Groups whose kinds have such mappings. In a custom object, or the schema of one, nobody knows what the name means."""
KEY_DEFAULTS = {"protocol": "TCP"}
"""What the API server fills into the keys of a list before it tells its items apart."""

_ABSENT = object()
_SUFFIXES = {"": 0, "n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def managers(live: KubeObject) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Each manager of the object itself (not of its status): name, operation, and the fields it owns."""
    return [
        (str(entry.get("manager")), str(entry.get("operation")), entry.get("fieldsV1") or {})
        for entry in live.metadata.get("managedFields") or []
        if not entry.get("subresource")
    ]


def applied_fields(live: KubeObject, manager: str = MANAGER) -> Mapping[str, Any]:
    """What `manager` owns by server-side apply; empty where it never applied."""
    return next((fields for name, how, fields in managers(live) if name == manager and how == "Apply"), {})


def applied_version(live: KubeObject) -> str:
    """In which version of its kind we applied an object; empty where we never did."""
    ours = (
        str(entry.get("apiVersion"))
        for entry in live.metadata.get("managedFields") or []
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply"
    )
    return next(ours, "")


def is_applied(desired: KubeObject, live: KubeObject) -> bool:
    """Whether an apply of `desired` is sure to change nothing of `live`, not even who owns what."""
    if applied_version(live) != desired.api_version:
        return False
    return _same(_content(desired.body), live.body, applied_fields(live), _mappings_of_quantities(desired))


def in_live_notation(desired: KubeObject, live: KubeObject) -> KubeObject:
    """`desired` with each quantity that is the live one written as that is: the server takes another notation for
    another value, and so for a conflict with who else applied it."""
    names = _mappings_of_quantities(desired)
    return KubeObject(_in_notation(desired.body, live.body, names), desired.origin) if names else desired


def _in_notation(desired: Any, live: Any, names: frozenset[str], quantities: bool = False) -> Any:
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        return {
            key: _in_notation(value, live.get(key), names, quantities or _names_quantities(key, value, names))
            for key, value in desired.items()
        }
    if isinstance(desired, list) and isinstance(live, list):
        # Items in another place differ in value, or may as well be written alike.
        return [_in_notation(ours, theirs, names) for ours, theirs in zip_longest(desired, live[: len(desired)])]
    return live if quantities and _equal(desired, live, quantities) else desired


def _mappings_of_quantities(each: KubeObject) -> frozenset[str]:
    return QUANTITIES if each.group in HAVE_QUANTITIES else frozenset()


def _names_quantities(key: str, value: Any, names: frozenset[str]) -> bool:
    return key in names and isinstance(value, Mapping)


def _content(body: Body) -> dict[str, Any]:
    """The object without what identifies it: that is in no set of fields."""
    content = {key: value for key, value in body.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    metadata = {
        key: value
        for key, value in body["metadata"].items()
        if key not in ("name", "namespace", "creationTimestamp") and value not in (None, {})
    }
    return {**content, "metadata": metadata} if metadata else content


def _same(desired: Any, live: Any, fields: Mapping[str, Any], names: frozenset[str], quantities: bool = False) -> bool:
    inner = _inner(fields)
    if not inner:
        return _equal(desired, live, quantities)
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        return set(inner) == {f"f:{key}" for key in desired} and all(
            _same(
                value,
                live.get(key, _ABSENT),
                inner[f"f:{key}"],
                names,
                quantities or _names_quantities(key, value, names),
            )
            for key, value in desired.items()
        )
    if isinstance(desired, list) and isinstance(live, list) and len(desired) == len(inner):
        return _same_items(desired, live, inner, names)
    return False


def _same_items(desired: list[Any], live: list[Any], fields: Mapping[str, Any], names: frozenset[str]) -> bool:
    """Items told apart by a key (`k:{"name":"web"}`) or by value (`v:"x"`), in the same order as desired."""
    places: dict[int, tuple[int, Mapping[str, Any]]] = {}
    for selector, inner in fields.items():
        ours, theirs = item_at(desired, selector), item_at(live, selector)
        if ours is None or theirs is None or ours in places:
            return False
        places[ours] = (theirs, inner)
    order = [places[index][0] for index in sorted(places)]
    return order == sorted(order) and all(
        _same(_with_defaults(desired[ours], inner), live[theirs], inner, names)
        for ours, (theirs, inner) in places.items()
    )


def _with_defaults(item: Any, fields: Mapping[str, Any]) -> Any:
    """`item` with the defaulted keys that the server counts as ours once it has filled them in."""
    if not isinstance(item, Mapping):
        return item
    filled = {key: value for key, value in KEY_DEFAULTS.items() if f"f:{key}" in fields and key not in item}
    return {**item, **filled}


def item_at(items: list[Any], selector: str) -> int | None:
    """The index of the item that `selector` of a field set means."""
    kind, _, text = selector.partition(":")
    if kind == "i":
        return int(text) if int(text) < len(items) else None
    wanted = json.loads(text)
    for index, item in enumerate(items):
        if kind == "v" and item == wanted:
            return index
        if kind == "k" and isinstance(item, Mapping) and _has(item, wanted):
            return index
    return None


def _has(item: Mapping[str, Any], keys: Mapping[str, Any]) -> bool:
    return all(item.get(key, KEY_DEFAULTS.get(key)) == value for key, value in keys.items())


def _equal(desired: Any, live: Any, quantities: bool) -> bool:
    if type(desired) is type(live) and desired == live:
        # To Python, true is 1: in a list of either they are told apart as JSON.
        return not isinstance(desired, list | dict) or dumped(desired) == dumped(live)
    if quantities:
        ours, theirs = quantity(desired), quantity(live)
        return ours is not None and ours == theirs
    return False


def dumped(value: Any) -> str:
    """A value as JSON: the same text for what is the same there, and to Python may not be, or the other way round."""
    return json.dumps(value, sort_keys=True)


def quantity(value: Any) -> Decimal | None:
    """A Kubernetes quantity as a number; None where it is none."""
    match = re.fullmatch(r"([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(?:[eE]([+-]?\d{1,2})|([KMGTPE]i|[numkMGTPE]?))", str(value))
    if isinstance(value, bool) or not match:
        return None
    number, exponent, suffix = match.groups()
    if exponent:
        return Decimal(number).scaleb(int(exponent))
    if suffix in _BINARY:
        return Decimal(number) * Decimal(1024 ** _BINARY[suffix])
    return Decimal(number).scaleb(_SUFFIXES[suffix or ""])


def without(fields: Mapping[str, Any], taken: Mapping[str, Any]) -> dict[str, Any]:
    """The set `fields` less those in `taken`."""
    left: dict[str, Any] = {}
    for key, inner in fields.items():
        if key not in taken:
            left[key] = inner
        elif _inner(inner) and _inner(taken[key]):
            rest = without(inner, taken[key])
            if _inner(rest):
                left[key] = rest
    return left


def union(sets: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Every field of `sets`."""
    every: dict[str, Any] = {}
    for fields in sets:
        for key, inner in fields.items():
            every[key] = union([every[key], inner]) if key in every else inner
    return every


def removed(value: Any, fields: Mapping[str, Any]) -> Any:
    """`value` without `fields`, and without the mappings that are empty then: what an apply that gives them up does."""
    if isinstance(value, Mapping):
        kept = {}
        for key, inner in value.items():
            taken = fields.get(f"f:{key}")
            if taken is None:
                kept[key] = inner
            elif _inner(taken) and (rest := removed(inner, taken)) not in ({}, []):
                kept[key] = rest
        return kept
    if isinstance(value, list):
        places = {item_at(value, key): inner for key, inner in fields.items() if key != "."}
        return [
            removed(item, places[index]) if index in places else item
            for index, item in enumerate(value)
            if index not in places or "." not in places[index]
        ]
    return value


def owned(value: Any, fields: Mapping[str, Any]) -> Any:
    """`value` with only those fields that a set has; items of a list as they follow each other there."""
    inner = _inner(fields)
    if isinstance(value, Mapping) and inner:
        return {key: owned(each, inner[f"f:{key}"]) for key, each in value.items() if f"f:{key}" in inner}
    if isinstance(value, list) and inner:
        places = {index: inner[key] for key in inner if (index := item_at(value, key)) is not None}
        return [owned(value[index], places[index]) for index in sorted(places)]
    return value


def _inner(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != "."}


def paths(fields: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Each field of a set, as a diff writes its path."""
    inner = _inner(fields)
    if not inner and path:
        yield path
    for key, value in inner.items():
        yield from paths(value, path + step(key, path))


def step(selector: str, path: str) -> str:
    """A selector of managed fields, such as `f:name` or `k:{"name":"web"}`, as the next step of `path`."""
    kind, _, text = selector.partition(":")
    if kind == "f":
        return f"[{text}]" if "." in text or "/" in text else f".{text}" if path else text
    if kind == "k":
        keys = json.loads(text)
        name = next((key for key in ITEM_KEYS if key in keys), next(iter(keys)))
        return f"[{keys[name]}]"
    return f"[{text}]"
