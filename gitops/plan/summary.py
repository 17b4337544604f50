"""A plan in one line, and the images that it releases."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gitops.objects import KubeObject
from gitops.plan.model import Action, Plan

_SAID = (Action.DELETE, Action.REPLACE, Action.UPDATE, Action.CREATE)


def counted(plan: Plan) -> str:
    """ "1 update, 2 create"; "no change" where there is none."""
    counts = plan.count()
    return ", ".join(f"{counts[action]} {action}" for action in _SAID if counts[action]) or "no change"


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
