"""What a rendering can fail with: a mistake in a file, or something that only the real kustomize knows."""

from collections.abc import Sequence

from gitops.errors import GitopsError

_LISTED = 8


class Where:
    """A place, put into words only when a message needs it: to find a line means to read the file again."""

    __slots__ = ("_between", "_parts")

    def __init__(self, *parts: object, between: str = ": ") -> None:
        self._parts = parts
        self._between = between

    def __str__(self) -> str:
        return self._between.join(map(str, self._parts))


Place = object
"""Anything whose `str` is a place."""


class NotModelled(Exception):
    """Valid for kustomize perhaps, and not rendered in this process: the real kustomize is asked, where there is one.

    `what` names it ("helmCharts", "the unquoted value 2020-01-01"); `hint` says how to do without.
    """

    def __init__(self, what: str, hint: str = "", place: Place = "") -> None:
        place = str(place)
        super().__init__(what, hint, place)
        self.what = what
        self.hint = hint
        self.place = place

    def at(self, place: Place) -> "NotModelled":
        """The same with its place, where it has none yet."""
        return self if self.place else NotModelled(self.what, self.hint, place)


class RenderError(GitopsError):
    """A mistake in a file, which kustomize would refuse as well. `chain` lists the kustomizations that led there."""

    def __init__(self, subject: Place, problem: str, hint: str = "", chain: tuple[str, ...] = ()) -> None:
        super().__init__(str(subject), problem, hint)
        self.chain = chain

    def __str__(self) -> str:
        lines = [f"{self.subject}: {self.problem}"]
        lines += [f"  from {kustomization}" for kustomization in reversed(self.chain)]
        return "\n".join(lines + ([f"  try: {self.hint}"] if self.hint else []))


def closest(name: str, known: Sequence[str]) -> str:
    """Say which of `known` was probably meant by `name`; of many, a few."""
    from difflib import get_close_matches

    near = get_close_matches(name, known[:2000], n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    listed = ", ".join(known[:_LISTED]) + (f", … ({len(known)})" if len(known) > _LISTED else "")
    return f"known: {listed}" if listed else "none is there"
