"""YAML that somebody else wrote, within bounds: PyYAML's composer recurses in C and ends the process on deep nesting,
and a few lines of aliases stand for more values than memory holds."""

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.cyaml import CParser  # type: ignore[attr-defined]

MAX_DEPTH = 100
MAX_ALIASED = 200_000
"""How deep one document may nest, and how many values its aliases may make."""


def compose(data: bytes | str, loader: Any = yaml.CSafeLoader) -> yaml.Node | None:
    """The only document's root, as `loader` makes it. Raises `yaml.YAMLError`, for what is out of bounds too."""
    _check(data)
    root: yaml.Node | None = yaml.compose(data, Loader=loader)
    return root


def compose_all(data: bytes | str) -> Iterator[yaml.Node | None]:
    """The root of every document. Raises as `compose`, before the first."""
    _check(data)
    yield from yaml.compose_all(data, Loader=yaml.CSafeLoader)


def load(data: bytes | str) -> Any:
    """The only document's value. Raises as `compose`."""
    _check(data)
    return yaml.load(data, Loader=yaml.CSafeLoader)


def _check(data: bytes | str) -> None:
    """Walk the events, which are made without recursion, and refuse before anything is composed of them."""
    next_event = CParser(data).get_event
    values = aliased = 0
    above: list[tuple[str | None, int]] = []
    """Of each collection that is open: its anchor, and how many values stood before it."""
    sizes: dict[str | None, int] = {}
    """How many values each anchor stands for; of an open one it is not known yet."""
    event: Any
    while (event := next_event()) is not None:
        if isinstance(event, yaml.DocumentStartEvent):
            aliased, sizes = 0, {}
        elif isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in above):
                raise _refused(f"*{event.anchor} stands within what it stands for", event)
            size = sizes.get(event.anchor, 0)
            values, aliased = values + size, aliased + size
            if aliased > MAX_ALIASED:
                raise _refused(f"aliases make over {MAX_ALIASED:,} values", event)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = above.pop()
            if anchor:
                sizes[anchor] = values - before
        elif isinstance(event, yaml.NodeEvent):
            values += 1
            if isinstance(event, yaml.CollectionStartEvent):
                above.append((event.anchor, values - 1))
                if len(above) > MAX_DEPTH:
                    raise _refused(f"nests over {MAX_DEPTH} deep", event)
            elif event.anchor:
                sizes[event.anchor] = 1


def _refused(problem: str, event: Any) -> ComposerError:
    return ComposerError(None, None, problem, event.start_mark)
