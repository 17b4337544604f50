"""How many requests may be under way at once: more while the server keeps up, half as many when it says 429."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Pace:
    """A limit that adapts: additive increase, multiplicative decrease, as TCP does."""

    def __init__(self, start: int = 16, most: int = 32) -> None:
        self.limit = float(start)
        self.most = most
        self._busy = 0
        self._changed = threading.Condition()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for room, and hold it."""
        with self._changed:
            self._changed.wait_for(lambda: self._busy < int(self.limit))
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify()

    def faster(self) -> None:
        """A request was answered in time."""
        with self._changed:
            self.limit = min(self.most, self.limit + 1 / self.limit)

    def slower(self) -> None:
        """The server asked for less."""
        with self._changed:
            self.limit = max(1.0, self.limit / 2)
