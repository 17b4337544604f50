"""Trees of kustomizations as text: `##### name` begins a tree, `=== path` a file of it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CORPUS = Path(__file__).parent / "corpus"
_TREE = re.compile(r"^##### (\S+)(?: +(.*))?\n", re.MULTILINE)
_FILE = re.compile(r"^=== (\S+)\n", re.MULTILINE)


class Tree(NamedTuple):
    """`note` is empty, or says how we and kustomize differ: `fallback`, `refused`, `accepted`."""

    name: str
    note: str
    files: dict[str, str]

    def write(self, root: Path) -> None:
        for path, text in self.files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode("latin-1") if path.endswith(".bin") else text.encode())


def parse(text: str) -> Iterator[Tree]:
    """The trees of a corpus file. A tree without `=== overlay/kustomization.yaml` renders its top folder."""
    parts = _TREE.split(text)[1:]
    for name, note, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        pieces = _FILE.split(body)[1:]
        yield Tree(name, (note or "").strip(), dict(zip(pieces[::2], pieces[1::2], strict=True)))


def corpus() -> list[Tree]:
    """Every hand-made tree."""
    found = [tree for file in sorted(CORPUS.glob("*.trees")) for tree in parse(file.read_text())]
    assert len({tree.name for tree in found}) == len(found), "two trees have one name"
    return found
