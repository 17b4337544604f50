"""Two states of an object compared field by field."""

from collections.abc import Iterator, Mapping
from typing import Any

from gitops.objects import REVISION, RUN, Body
from gitops.plan.model import FieldChange

SERVER_FIELDS = frozenset({"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"})
"""Metadata that the API server keeps for itself."""
STAMPS = frozenset({REVISION, RUN})
"""Annotations that follow a change and are none."""
ITEM_KEYS = ("name", "containerPort", "port", "mountPath", "devicePath", "topologyKey", "ip", "key", "type", "uid")
"""What tells the items of a list apart, tried in this order."""

_ABSENT = object()


def diff(before: Body, after: Body) -> tuple[FieldChange, ...]:
    """What differs between two states of one object, but for what only the server writes."""
    return tuple(_differences("", comparable(before), comparable(after)))


def comparable(body: Body) -> dict[str, Any]:
    """The object without status, without what the server writes, and without our stamps."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in SERVER_FIELDS}
    if annotations := metadata.get("annotations"):
        metadata["annotations"] = {key: value for key, value in annotations.items() if key not in STAMPS}
    return {**{key: value for key, value in body.items() if key != "status"}, "metadata": metadata}


def like(live: Any, desired: Any) -> Any:
    """`live`, with only those keys that `desired` has too."""
    if isinstance(live, Mapping) and isinstance(desired, Mapping):
        return {key: like(live[key], desired[key]) for key in desired if key in live}
    if isinstance(live, list) and isinstance(desired, list) and len(live) == len(desired):
        return [like(ours, theirs) for ours, theirs in zip(live, desired, strict=True)]
    return live


def _differences(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if before is after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*before, *(key for key in after if key not in before)]:
            step = f"{path}[{key}]" if "." in key or "/" in key else f"{path}.{key}" if path else key
            yield from _differences(step, before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif isinstance(before, list) and isinstance(after, list):
        ours, theirs = _named(before, after), _named(after, before)
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            yield from _differences(f"{path}[{key}]", ours.get(key, _ABSENT), theirs.get(key, _ABSENT))
        if list(ours) != list(theirs) and set(ours) == set(theirs):
            yield FieldChange(f"{path} (order)", ", ".join(ours), ", ".join(theirs))
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        # To Python, true is 1.
        yield FieldChange(path, _or_none(before), _or_none(after))


def _named(items: list[Any], others: list[Any]) -> dict[str, Any]:
    """Items by what tells them apart in both lists, or by their place."""
    for key in ITEM_KEYS:
        if all(isinstance(item, Mapping) and key in item for item in (*items, *others)):
            named = {str(item[key]): item for item in items}
            if len(named) == len(items) and len({str(item[key]) for item in others}) == len(others):
                return named
    return {str(index): item for index, item in enumerate(items)}


def _or_none(value: Any) -> Any:
    return None if value is _ABSENT else value
