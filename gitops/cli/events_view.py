"""What happens during a deploy, as it goes: rewritten on a terminal, a line with its time elsewhere."""

import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from gitops.apply.events import Event
from gitops.cli.output import Progress, echo, style

_COLORS = {"created": "green", "configured": "yellow", "replaced": "red", "deleted": "red", "failed": "red"}


def show(events: Iterable[Event], quiet: bool = False, now: Callable[[], float] = time.monotonic) -> float:
    """Show events until there are no more, unless `quiet`; gives the seconds that took."""
    started = now()
    live = sys.stdout.isatty()
    with Progress(now) as progress:
        for event in events:
            elapsed = now() - started
            if quiet or (event.ref is None and event.status != "log"):
                continue
            if event.status == "waiting" and live:
                progress.step(f"{event.ref}  {event.detail} · {elapsed:.0f} s")
                continue
            if live:
                progress.close()
            echo(line(event, elapsed, live))
    return now() - started


def line(event: Event, elapsed: float, live: bool) -> str:
    """One event as one line."""
    moment = f"{elapsed:5.1f} s" if live else datetime.now(UTC).strftime("%H:%M:%SZ")
    word = style(event.status.ljust(10), _COLORS[event.status]) if event.status in _COLORS else event.status.ljust(10)
    detail = f"  {event.detail}" if event.detail else ""
    return f"{moment}  {word}  {event.ref or ''}{detail}".rstrip()
