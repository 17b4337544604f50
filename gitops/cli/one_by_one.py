"""What is asked of several environments: one that fails keeps none of the others from being seen."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gitops.errors import GitopsError, Problems

if TYPE_CHECKING:
    from gitops.config.overlays import Overlay


def one_by_one(overlays: "Sequence[Overlay]", see_to: "Callable[[Overlay], None]") -> None:
    """Call `see_to` for each of `overlays`. Raises at the end what failed; of several overlays, with their names."""
    failures: list[GitopsError] = []
    for overlay in overlays:
        try:
            see_to(overlay)
        except GitopsError as error:
            if len(overlays) == 1:
                raise
            for each in error.problems if isinstance(error, Problems) else (error,):
                each.subject = f"{overlay.name}: {each.subject}"
                failures.append(each)
    if failures:
        raise failures[0] if len(failures) == 1 else Problems(failures)
