"""A plan in one line, and the images that it releases."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gitops.objects import KubeObject
from gitops.plan.model import Action, Plan

_SAID = (Action.DELETE, Action.REPLACE, Action.UPDATE, Action.CREATE)


def counted(*plans: Plan) -> str:
    """ "1 update, 2 create", of all `plans` together; "no change" where there is none."""
    counts = {action: sum(plan.count()[action] for plan in plans) for action in _SAID}
    return ", ".join(f"{count} {action}" for action, count in counts.items() if count) or "no change"


def created(plan: Plan) -> tuple[KubeObject, ...]:
    """The objects that are not there yet."""
    return tuple(change.desired for change in plan.changes if change.action is Action.CREATE and change.desired)


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
