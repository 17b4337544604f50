"""What happens during a deploy, as it goes: rewritten on a terminal while it waits; elsewhere lines with their time."""

import sys
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from gitops.apply.events import Event
from gitops.cli.output import Progress, columns, echo, shortened, style
from gitops.objects import ObjectRef

_COLORS = {"created": "green", "configured": "yellow", "replaced": "red", "deleted": "red", "failed": "red"}
REFRESH, REMINDER = 1.0, 30.0
"""Seconds after which what is waited for is shown again: on a terminal, elsewhere."""

STATE = 36
"""Characters of a terminal's line that tell what an object waits for, at least; its name is shortened for that."""


def show(events: Iterable[Event], quiet: bool = False, now: Callable[[], float] = time.monotonic) -> float:
    """Show events until there are no more, unless `quiet`; gives the seconds that took."""
    started = now()
    if quiet:
        for _ in events:
            pass
        return now() - started
    with _Display(started, now) as display:
        for event in events:
            if event.ref is not None or event.status in ("log", "failed"):
                display.tell(event)
    return now() - started


class _Display:
    """What was done, line by line, and below it what is still waited for, within `with`."""

    def __init__(self, started: float, now: Callable[[], float]) -> None:
        self._started = started
        self._now = now
        self._live = sys.stdout.isatty()
        self._progress = Progress(now)
        self._waiting: dict[ObjectRef, str] = {}
        self._told = now()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_telling, daemon=True, name="progress")

    def __enter__(self) -> "_Display":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._progress.close()

    def tell(self, event: Event) -> None:
        """Show that something happened."""
        with self._lock:
            if event.ref is not None:
                self._waiting.pop(event.ref, None)
            if event.ref is None and event.status == "failed":
                self._waiting.clear()
            if event.ref is not None and event.status == "waiting":
                self._waiting[event.ref] = event.detail
            if self._live:
                self._progress.close()
            if event.status != "waiting" or not self._live:
                echo(line(event, self._now() - self._started, self._live))
            self._told = self._now()
            if self._live:
                self._remind()

    def _keep_telling(self) -> None:
        while not self._stop.wait(REFRESH):
            with self._lock:
                if self._live or self._now() - self._told >= REMINDER:
                    self._remind()

    def _remind(self) -> None:
        """Show what is waited for: the object that changed last, and how many there are."""
        if not self._waiting:
            return
        ref, detail = list(self._waiting.items())[-1]
        others = f"  (and {len(self._waiting) - 1} more)" if len(self._waiting) > 1 else ""
        elapsed = self._now() - self._started
        if self._live:
            start, state = f"{elapsed:5.0f} s  waiting     ", f"{others}  {detail}"
            room = columns() - len(start) - min(len(state), STATE)
            self._progress.step(f"{start}{shortened(str(ref), room)}{state}")
        else:
            echo(line(Event(ref, "waiting", f"{detail}{others} · {elapsed:.0f} s"), elapsed, live=False))
            self._told = self._now()


def line(event: Event, elapsed: float, live: bool) -> str:
    """One event as one line."""
    moment = f"{elapsed:5.1f} s" if live else datetime.now(UTC).strftime("%H:%M:%SZ")
    word = style(event.status.ljust(10), _COLORS[event.status]) if event.status in _COLORS else event.status.ljust(10)
    # Of a failure the first line; the whole of it is told at the end.
    said = event.detail.partition("\n")[0]
    about = "  ".join(part for part in (str(event.ref or ""), said) if part)
    return f"{moment}  {word}  {about}".rstrip()
