"""Renderings kept on disk: found again by the content of every file that they read, without parsing any."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from gitops import __version__

FORMAT = "1"
MAX_BYTES = 256 * 1024 * 1024
"""What the cache may take on disk; the oldest go first."""
_EACH = 4
"""Renderings kept of one overlay, so that to go back to a branch is a hit too."""


class Entry(NamedTuple):
    """A rendering as data: what it read, what it sought in vain, what it warns of; body and origin of each object."""

    inputs: dict[str, str]
    sought: list[str]
    warnings: list[str]
    objects: list[tuple[dict[str, Any], str]]


class Cache:
    """A folder of renderings. Several processes may use it at once: each file is written whole, then named."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hashes: dict[str, str] = {}
        self._written = 0

    def find(self, root: str, overlay: str) -> Entry | None:
        """The rendering of `overlay` below `root` whose inputs are all as they were; None where there is none."""
        for file in self._kept(overlay):
            with suppress(OSError, ValueError, KeyError, TypeError):
                if entry := self._read(file, root):
                    os.utime(file)
                    return entry
        return None

    def _read(self, file: str, root: str) -> Entry | None:
        with open(file, "rb") as kept:
            digest, head, rest = kept.read().split(b"\n", 2)
        described = json.loads(head)
        if not self._is_current(root, described["inputs"], described["sought"]):
            return None
        if sha256(head + rest).hexdigest().encode() != digest:
            return None
        objects = [(body, origin) for body, origin in json.loads(rest)]
        return Entry(described["inputs"], described["sought"], described["warnings"], objects)

    def _is_current(self, root: str, inputs: dict[str, str], sought: list[str]) -> bool:
        if any(self._hash(os.path.join(root, name)) != known for name, known in inputs.items()):
            return False
        return not any(os.path.lexists(os.path.join(root, name)) for name in sought)

    def _hash(self, file: str) -> str:
        found = self._hashes.get(file)
        if found is None:
            with open(os.path.realpath(file), "rb") as content:
                found = self._hashes[file] = sha256(content.read()).hexdigest()
        return found

    def keep(self, overlay: str, entry: Entry) -> None:
        """Write `entry`. A cache that cannot be written is none: the rendering is there all the same."""
        head = json.dumps({"inputs": entry.inputs, "sought": entry.sought, "warnings": entry.warnings}).encode()
        rest = json.dumps(entry.objects).encode()
        name = sha256(json.dumps(sorted(entry.inputs.items())).encode()).hexdigest()[:32]
        folder = self._of(overlay)
        with suppress(OSError):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            part = os.path.join(folder, f".{name}.{os.getpid()}")
            with open(part, "wb") as file:
                file.write(b"\n".join((sha256(head + rest).hexdigest().encode(), head, rest)))
            os.replace(part, os.path.join(folder, name))
            for old in list(self._kept(overlay))[_EACH:]:
                os.unlink(old)
            self._bound()

    def _of(self, overlay: str) -> str:
        key = sha256(f"{FORMAT}\n{__version__}\n{overlay}".encode()).hexdigest()[:32]
        return os.path.join(self._folder, key)

    def _kept(self, overlay: str) -> Iterator[str]:
        """The files of an overlay, the latest first."""
        try:
            found = [each for each in os.scandir(self._of(overlay)) if not each.name.startswith(".")]
        except OSError:
            return
        for each in sorted(found, key=lambda each: each.stat().st_mtime_ns, reverse=True):
            yield each.path

    def _bound(self) -> None:
        """Take the oldest away where the cache has grown too large; looked at once for many that are written."""
        self._written += 1
        if self._written % 64 != 1:
            return
        found = [(file.stat().st_mtime_ns, file.stat().st_size, file) for file in self._folder.glob("*/*")]
        total = sum(size for _, size, _ in found)
        for _, size, file in sorted(found):
            if total <= MAX_BYTES:
                break
            file.unlink(missing_ok=True)
            total -= size


def default_folder() -> Path:
    """`$XDG_CACHE_HOME/gitops/render`, else below `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "gitops" / "render"
