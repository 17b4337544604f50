"""Several overlays: one after the other, and in processes as soon as one has taken long enough for that to pay."""

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gitops.hidden import holds_secret
from gitops.render import Bodies, cache_name, render_bodies

if TYPE_CHECKING:
    from gitops.render.cache import Cache
    from gitops.render.remotes import Remotes

PAYS_AFTER = 0.5
"""Seconds that an overlay takes before the others are rendered beside each other. To start a process and to hand its
objects over takes about a tenth of that."""
_MOST = 8


class _Renderer:
    """What a process needs; inherited by fork, as what fetches remote bases cannot be handed over."""

    arguments: "tuple[str, Cache | None, Remotes | None]"

    @classmethod
    def start(cls, *arguments: "str | Cache | Remotes | None") -> None:
        cls.arguments = arguments  # type: ignore[assignment]

    @classmethod
    def render(cls, overlay: str) -> Bodies:
        root, cache, remotes = cls.arguments
        return render_bodies(root, overlay, cache, remotes)


def render_all(root: str, overlays: Sequence[str], cache: "Cache | None", remotes: "Remotes | None") -> list[Bodies]:
    """Each of `overlays`, in order. Raises the `GitopsError` of the first that cannot be rendered."""
    found: list[Bodies] = []
    for index, overlay in enumerate(overlays):
        start = time.perf_counter()
        found.append(render_bodies(root, overlay, cache, remotes))
        rest = overlays[index + 1 :]
        if len(rest) > 1 and time.perf_counter() - start >= PAYS_AFTER and _processors() > 1:
            return found + _beside_each_other(root, rest, cache, remotes)
    return found


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def _beside_each_other(
    root: str, overlays: Sequence[str], cache: "Cache | None", remotes: "Remotes | None"
) -> list[Bodies]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    workers = min(_processors(), len(overlays), _MOST)
    with ProcessPoolExecutor(workers, get_context("fork"), _Renderer.start, (root, cache, remotes)) as pool:
        found = list(pool.map(_Renderer.render, overlays))
    if cache:
        _take_over(cache, {cache_name(root, name, remotes): each for name, each in zip(overlays, found, strict=True)})
    return found


def _take_over(cache: "Cache", found: Mapping[str, Bodies]) -> None:
    """Keep what processes made that are gone now, and kept in their memory alone."""
    for name, each in found.items():
        if each.by == "gitops" and any(holds_secret(body) for body, _ in each.objects):
            cache.keep_objects(name, each)
