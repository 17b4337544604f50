"""What people read of a plan: its changes counted, a change's note, the images that it releases."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gitops.objects import KubeObject
from gitops.plan.model import Action, Change, Plan, Risk

_SAID = (Action.DELETE, Action.REPLACE, Action.UPDATE, Action.CREATE)


def counted(*plans: Plan) -> str:
    """ "1 update, 2 create", of all `plans` together; "no change" where there is none."""
    counts = {action: sum(plan.count()[action] for plan in plans) for action in _SAID}
    return ", ".join(f"{count} {action}" for action, count in counts.items() if count) or "no change"


def note(change: Change) -> str:
    """The change's note, after the risk that neither it nor the action says."""
    risky = change.risk is Risk.DATA_LOSS
    return " · ".join(part for part in (change.risk.value if risky else "", change.note) if part)


def coming(plan: Plan) -> tuple[KubeObject, ...]:
    """What other plans can build on, and cannot see yet: new objects, and definitions that change."""
    return tuple(
        change.desired
        for change in plan.pending
        if change.desired and (change.action is Action.CREATE or change.ref.kind == "CustomResourceDefinition")
    )


def images(plan: Plan) -> tuple[str, ...]:
    """Every image of the desired objects, once, sorted."""
    return images_of(change.desired for change in plan.changes if change.desired)


def images_of(objects: Iterable[KubeObject]) -> tuple[str, ...]:
    """Every image of the pod templates in `objects`, once, sorted."""
    return tuple(sorted({image for each in objects for image in _images(each.body)}))


def _images(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in ("containers", "initContainers") and isinstance(inner, list):
                yield from (str(item["image"]) for item in inner if isinstance(item, Mapping) and "image" in item)
            elif isinstance(inner, Mapping):
                yield from _images(inner)
