"""What differs from the released revision, which manager changed it, and since when.

Fields that controllers, webhooks and defaults add are no drift: nobody released them, and nobody has changed what was.
What a person added with kubectl is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gitops.objects import MANAGER, KubeObject, ObjectRef
from gitops.plan.adoption import added_by_hand
from gitops.plan.fields import item_at, paths, step
from gitops.plan.mask import Mask
from gitops.plan.model import Action, Change, FieldChange, Plan
from gitops.plan.planner import UNREAD


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
    """How the live state differs from the released revision that `plan` was made for."""
    return tuple(drift for change in plan.changes for drift in _of(change))


def dated(plan: Plan, found: Iterable[Drift], scaled_at: Callable[[KubeObject], str]) -> tuple[Drift, ...]:
    """`found`, with the time where a Deployment was scaled, which its own fields do not tell and `scaled_at` does."""
    live = {change.ref: change.live for change in plan.changes if change.live and change.ref.kind == "Deployment"}
    scaled = [each for each in found if each.path == "spec.replicas" and each.manager and not each.since]
    times = {each.ref: scaled_at(live[each.ref]) for each in scaled if each.ref in live}
    return tuple(
        replace(each, since=times[each.ref]) if each in scaled and each.ref in times else each for each in found
    )


def unread(plan: Plan) -> tuple[Change, ...]:
    """What the role may not read, and so was not compared."""
    return tuple(change for change in plan.changes if change.note.startswith(UNREAD))


def _of(change: Change) -> Iterator[Drift]:
    if change.action is Action.CREATE:
        yield Drift(change.ref, "", "there", "deleted")
    elif change.live is not None and change.desired is not None:
        owners = dict(_owners(change.live))
        for field in (*change.fields, *_added(change.live, change.fields)):
            who = _owner(owners, field.path) or (_last_writer(change.live) if field.before is None else None)
            yield Drift(change.ref, field.path, field.after, field.before, *(who or ("", "")))


def _added(live: KubeObject, known: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
    """What somebody added by hand, save what is known to differ anyhow."""
    paths = [field.path for field in known]
    found = (FieldChange(path, value, None) for path, value in _values(added_by_hand(live), live.body, ""))
    new = [each for each in found if not any(each.path == path or _is_within(each.path, path) for path in paths)]
    return Mask([live]).changes(live.kind, new)


def _values(fields: Mapping[str, Any], value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The fields of a set, with their live values; an item of a list that is in it as a whole is one."""
    for key, inner in fields.items():
        kind, _, name = key.partition(":")
        if key == ".":
            continue
        if kind == "f":
            found = value.get(name) if isinstance(value, Mapping) else None
        else:
            index = item_at(value, key) if isinstance(value, list) else None
            found = None if index is None else value[index]
        if found is None:
            continue
        whole = not inner or (kind == "k" and "." in inner)
        yield from [(path + step(key, path), found)] if whole else _values(inner, found, path + step(key, path))


def _is_within(path: str, outer: str) -> bool:
    return path.startswith((f"{outer}.", f"{outer}["))


def _last_writer(live: KubeObject) -> tuple[str, str] | None:
    """Who took a field away cannot be known from who owns what is left: unless only one other has written since us."""
    entries = [entry for entry in live.metadata.get("managedFields") or [] if entry.get("subresource") != "status"]
    ours = max((str(entry.get("time") or "") for entry in entries if entry.get("manager") == MANAGER), default="")
    others = [entry for entry in entries if entry.get("manager") != MANAGER]
    since = {(str(each.get("manager")), str(each.get("time") or "")) for each in others}
    later = [each for each in since if each[1] >= ours]
    return later[0] if len(later) == 1 else None


def _owner(owners: Mapping[str, tuple[str, str]], path: str) -> tuple[str, str] | None:
    """Who owns the field, or the nearest thing that contains it, or something in it."""
    around = [known for known in owners if path == known or _is_within(path, known)]
    within = [known for known in owners if _is_within(known, path)]
    found = max(around, key=len, default="") or next(iter(within), "")
    return owners.get(found)


def _owners(live: KubeObject) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each owned field, as a diff writes its path, with its manager and when that last wrote. Others before us: of a
    field that two own, the other one is news."""
    entries = [entry for entry in live.metadata.get("managedFields") or [] if entry.get("subresource") != "status"]
    for entry in sorted(entries, key=lambda entry: entry.get("manager") != "gitops"):
        who = (str(entry.get("manager")), str(entry.get("time") or ""))
        yield from ((path, who) for path in paths(entry.get("fieldsV1") or {}))
