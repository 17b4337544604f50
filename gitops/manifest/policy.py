"""Which tag an environment wants: `semver:^1.4`, `newest-build` or `alphabetical`, of the tags that there are. Pure."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime

from gitops.errors import GitopsError

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?")

Version = tuple[int, int, int]


def choose(policy: str, tags: Iterable[str], built: Callable[[str], datetime | None], subject: str) -> str:
    """The tag that `policy` wants of `tags`; `built` tells when a tag's image was built, and is asked where needed.

    Raises `GitopsError` about `subject` where none fits.
    """
    if policy.startswith("semver:"):
        chosen = newest_version(policy.removeprefix("semver:"), tags)
    elif policy == "alphabetical":
        chosen = max(tags, default="")
    else:
        times = [(time, tag) for tag in tags if (time := built(tag))]
        chosen = max(times)[1] if times else ""
    if not chosen:
        raise GitopsError(subject, f"has no tag that '{policy}' wants", "build one, or name a tag: --tag")
    return chosen


def newest_version(wanted: str, tags: Iterable[str]) -> str:
    """The greatest of `tags` in the range `wanted`; empty where none is. Releases only: `-rc.1` and the like are not.

    `^1.4` takes 1.4.0 up to 2.0.0, `~1.4` up to 1.5.0, `1.4` only 1.4.x; `^0.3` up to 0.4.0 (semver.org, and npm's
    ranges).
    """
    low, high = bounds(wanted)
    versions = ((version, tag) for tag in tags if (version := _release(tag)) and low <= version < high)
    return max(versions, default=((0, 0, 0), ""))[1]


def _release(tag: str) -> Version | None:
    match = _VERSION.fullmatch(tag)
    return (int(match[1]), int(match[2]), int(match[3])) if match and not match[4] else None


def bounds(wanted: str) -> tuple[Version, Version]:
    """The first version of a range, and the first one above it."""
    sign, numbers = wanted[0] if wanted[0] in "^~" else "", [int(part) for part in wanted.lstrip("^~").split(".")]
    low = (*numbers, 0, 0)[:3]
    if sign == "^":
        # The first number that is not 0 must stay.
        stays = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
    else:
        stays = min(len(numbers), 2) - 1 if sign == "~" else len(numbers) - 1
    high = [*low[: stays + 1], 0, 0][:3]
    high[stays] += 1
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])
