"""What a person sees: aligned text, colour on a terminal only, JSON for programs, progress that suits the place."""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, TextIO

from gitops import hidden

COLORS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}


class Terminal:
    """Whether to colour, decided once: by flag, else by NO_COLOR and by what stdout is."""

    def __init__(self) -> None:
        self._color: bool | None = None
        self.needed = True
        """Whether a command is pointless once nobody reads its output. One that changes things goes on without."""

    def use_color(self, wanted: bool | None) -> None:
        self._color = wanted

    @property
    def colored(self) -> bool:
        if self._color is not None:
            return self._color
        return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def style(self, text: str, *names: str) -> str:
        """`text` in the named colours, or as it is where colour is off."""
        if not names or not self.colored:
            return text
        return f"\x1b[{';'.join(COLORS[name] for name in names)}m{text}\x1b[0m"


TERMINAL = Terminal()
style = TERMINAL.style


def echo(text: str = "") -> None:
    """Print `text`, without what must not be shown, and the control characters that names from outside could carry."""
    _write(sys.stdout, printable(hidden.without(text)) + "\n")


def echo_error(text: str) -> None:
    """Print an error to stderr."""
    _write(sys.stderr, printable(hidden.without(text)) + "\n")


def echo_json(value: Any) -> None:
    """Print `value` as JSON, for programs."""
    _write(sys.stdout, json.dumps(hidden.within(value), indent=2, ensure_ascii=False) + "\n")


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        if TERMINAL.needed:
            raise
        silence(stream)


def silence(stream: TextIO) -> None:
    """Let what is still written go nowhere, as the reader of `stream` went away; else the interpreter complains at exit
    too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160)) if chr(code) not in "\n\t"}
_COLOR = re.compile(r"(\x1b\[[\d;]*m)")


def printable(text: str) -> str:
    """`text` with control characters spelled out; where colour is on, colours stay, and no other escape sequence: a
    container's log could move the cursor, or write to the clipboard."""
    pieces = _COLOR.split(text) if TERMINAL.colored else [text]
    return "".join(piece if _COLOR.fullmatch(piece) else piece.translate(_CONTROL) for piece in pieces)


def table(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    """Left-aligned columns, two spaces apart."""
    widths = [
        max(len(row[column]) for row in rows if column < len(row)) for column in range(max(map(len, rows), default=0))
    ]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows)
    return "\n".join(indent + line for line in lines)


NARROWEST = 8
"""Characters that a cell keeps however narrow the terminal is."""


def fitted(rows: Sequence[Sequence[str]], whole: Collection[int] = ()) -> str:
    """A `table` that fits the terminal: the widest columns, but for those that are to be `whole`, are cut as far as it
    takes; what is cut keeps its beginning and its end."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    can = [number for number in range(len(widths)) if number not in whole]
    while sum(widths) + 2 * (len(widths) - 1) > columns():
        widest = max(can, key=lambda number: widths[number], default=None)
        if widest is None or widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    return table([[shortened(cell, width, NARROWEST) for cell, width in zip(row, widths, strict=True)] for row in rows])


def shortened(text: str, width: int, least: int = 12) -> str:
    """`text` without its middle, where it is longer than `width`, or than `least`."""
    width = max(width, least)
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[-end:]}"


REPEAT_AFTER = 10.0
"""Seconds until a plain line that differs from the last one in numbers only is printed again."""


class Progress:
    """Long work shown as it goes: one rewritten line on a terminal, a plain line a step elsewhere."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._started = now()
        self._live = sys.stderr.isatty()
        self._last = ("", 0.0)

    def step(self, text: str) -> None:
        """Show that `text` is what happens now."""
        text = hidden.without(text)
        if self._live:
            _write(sys.stderr, "\r\x1b[K" + printable(text)[: columns() - 1])
        elif not self._is_repetition(text):
            _write(sys.stderr, f"[{self._now() - self._started:6.1f} s] {printable(text)}\n")

    def _is_repetition(self, text: str) -> bool:
        shape, now = re.sub(r"[\d.]+", "#", text), self._now()
        if shape == self._last[0] and now - self._last[1] < REPEAT_AFTER:
            return True
        self._last = (shape, now)
        return False

    def close(self) -> None:
        """Take the rewritten line away."""
        if self._live:
            _write(sys.stderr, "\r\x1b[K")

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def columns() -> int:
    """How wide the terminal is."""
    from shutil import get_terminal_size

    return get_terminal_size().columns
