"""How long an object may take to be ready, where it says so itself."""

import re

from gitops.errors import GitopsError
from gitops.objects import KubeObject

TIMEOUT = "gitops/timeout"
"""Annotation: `90s`, `15m`, `1h`. This object may take so long, whatever the release as a whole may."""
_UNITS = {"s": 1, "m": 60, "h": 3600}


def own_deadline(each: KubeObject) -> float | None:
    """Seconds; None where the object does not say. Raises `GitopsError` where what it says cannot be read."""
    text = each.annotations.get(TIMEOUT)
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})([smh])", str(text).strip())
    if not match or int(match[1]) == 0:
        raise GitopsError(str(each.ref), f"its annotation {TIMEOUT} is {str(text)[:40]!r}", "such as 90s, 15m or 1h")
    return float(int(match[1]) * _UNITS[match[2]])
