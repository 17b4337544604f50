"""What differs from the released revision, which manager changed it, and since when."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitops.objects import KubeObject, ObjectRef
from gitops.plan.diff import ITEM_KEYS
from gitops.plan.model import Action, Plan


@dataclass(frozen=True)
class Drift:
    """One field of one object; or a whole object that is not there (`path` is empty)."""

    ref: ObjectRef
    path: str
    released: Any
    live: Any
    manager: str = ""
    """Who owns the field now; empty where nobody says so."""
    since: str = ""
    """When that manager last wrote to the object, UTC."""


def drifts(plan: Plan) -> tuple[Drift, ...]:
    """The drift that `plan`, made for the released revision, would mend."""
    return tuple(
        drift for change in plan.pending for drift in _of(change.action, change.ref, change.live, change.fields)
    )


def _of(action: Action, ref: ObjectRef, live: KubeObject | None, fields: Any) -> Iterator[Drift]:
    if action is Action.CREATE:
        yield Drift(ref, "", "there", "deleted")
    elif live is not None and action in (Action.UPDATE, Action.REPLACE):
        owners = dict(_owners(live))
        for field in fields:
            manager, since = _owner(owners, field.path)
            yield Drift(ref, field.path, field.after, field.before, manager, since)


def _owner(owners: Mapping[str, tuple[str, str]], path: str) -> tuple[str, str]:
    """Who owns the field, or the nearest thing that contains it, or something in it."""
    around = [known for known in owners if path == known or path.startswith((f"{known}.", f"{known}["))]
    within = [known for known in owners if known.startswith((f"{path}.", f"{path}["))]
    found = max(around, key=len, default="") or next(iter(within), "")
    return owners.get(found, ("", ""))


def _owners(live: KubeObject) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each owned field, as a diff writes its path, with its manager and when that last wrote. Others before us: of a
    field that two own, the other one is news."""
    entries = [entry for entry in live.metadata.get("managedFields") or [] if not entry.get("subresource")]
    for entry in sorted(entries, key=lambda entry: entry.get("manager") != "gitops"):
        who = (str(entry.get("manager")), str(entry.get("time") or ""))
        yield from ((path, who) for path in _paths(entry.get("fieldsV1") or {}, ""))


def _paths(fields: Mapping[str, Any], path: str) -> Iterator[str]:
    inner = {key: value for key, value in fields.items() if key != "."}
    if not inner:
        yield path
    for key, value in inner.items():
        yield from _paths(value, path + _step(key, path))


def _step(selector: str, path: str) -> str:
    kind, _, text = selector.partition(":")
    if kind == "f":
        return f"[{text}]" if "." in text or "/" in text else f".{text}" if path else text
    if kind == "k":
        keys = json.loads(text)
        name = next((key for key in ITEM_KEYS if key in keys), next(iter(keys)))
        return f"[{keys[name]}]"
    return f"[{text}]"
