"""A plan in one line, and the images that it releases."""

from collections.abc import Iterator, Mapping
from typing import Any

from gitops.plan.model import Action, Plan

_SAID = (Action.DELETE, Action.REPLACE, Action.UPDATE, Action.CREATE)


def counted(plan: Plan) -> str:
    """ "1 update, 2 create"; "no change" where there is none."""
    counts = plan.count()
    return ", ".join(f"{counts[action]} {action}" for action in _SAID if counts[action]) or "no change"


def images(plan: Plan) -> tuple[str, ...]:
    """Every image of the desired objects, once, sorted."""
    found = {image for change in plan.changes if change.desired for image in _images(change.desired.body)}
    return tuple(sorted(found))


def _images(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in ("containers", "initContainers") and isinstance(inner, list):
                yield from (str(item["image"]) for item in inner if isinstance(item, Mapping) and "image" in item)
            elif isinstance(inner, Mapping):
                yield from _images(inner)
