"""What an apply would make of a live object, as far as that can be told without the server: where it does not try, as a
definition is about to change, the role may not ask, or what others did by hand stands in the way.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from gitops.objects import MANAGER, KubeObject
from gitops.plan.fields import KEY_DEFAULTS, item_at, managers, removed, union, without

_ABSENT = object()


def foreseen(desired: KubeObject, live: KubeObject, adopts: Collection[str] = ()) -> KubeObject:
    """`live` with the fields of `desired`, and without those that it lacks and that only we, or the managers `adopts`,
    own. What the server would fill in is not in it."""
    ours = [fields for name, how, fields in managers(live) if _is_ours(name, how, adopts)]
    others = [fields for name, how, fields in managers(live) if not _is_ours(name, how, adopts)]
    gone = without(lacking(union(ours), desired.body), union(others))
    body = _laid_over(removed(live.body, gone), desired.body, union([*ours, *others]))
    return KubeObject(body, desired.origin)


def _is_ours(name: str, operation: str, adopts: Collection[str]) -> bool:
    return name in adopts or (name, operation) == (MANAGER, "Apply")


def lacking(fields: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """Those of a set of fields that `value` does not have."""
    found: dict[str, Any] = {}
    for key, inner in fields.items():
        if key == ".":
            continue
        below = _below(value, key)
        # What an item is told apart by is there, be it by default.
        told = {f"f:{name}" for name in json.loads(key[2:])} if key.startswith("k:") else set()
        if below is _ABSENT:
            found[key] = inner
        elif rest := lacking({each: inner[each] for each in inner if each not in told}, below):
            found[key] = rest
    return found


def _below(value: Any, selector: str) -> Any:
    kind, _, name = selector.partition(":")
    if kind == "f":
        return value.get(name, _ABSENT) if isinstance(value, Mapping) else _ABSENT
    index = item_at(value, selector) if isinstance(value, list) else None
    return _ABSENT if index is None else value[index]


def _laid_over(live: Any, desired: Any, fields: Mapping[str, Any]) -> Any:
    """`live` with what is in `desired`; `fields` tell how the items of a list are told apart."""
    if isinstance(live, Mapping) and isinstance(desired, Mapping):
        inner = {key: _laid_over(live.get(key), value, fields.get(f"f:{key}") or {}) for key, value in desired.items()}
        return {**live, **inner}
    named = [(json.loads(key[2:]), inner) for key, inner in fields.items() if key.startswith("k:")]
    lists = isinstance(live, list) and isinstance(desired, list)
    if named and lists and all(isinstance(each, Mapping) for each in desired):
        return _items_laid_over(live, desired, named)
    return desired


def _items_laid_over(live: list[Any], desired: list[Any], named: list[tuple[dict[str, Any], Any]]) -> list[Any]:
    """Items told apart by the keys that the owned ones are `named` by."""
    items = list(live)
    for item in desired:
        keys = {key: item.get(key, KEY_DEFAULTS.get(key)) for key in named[0][0]}
        at = item_at(items, f"k:{json.dumps(keys)}")
        if at is None:
            items.append(item)
        else:
            items[at] = _laid_over(items[at], item, next((inner for name, inner in named if name == keys), {}))
    return items
