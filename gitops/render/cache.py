"""Renderings kept on disk: found again by the content of every file that they read, without parsing any."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from gitops import __version__
from gitops.hidden import holds_secret, without

if TYPE_CHECKING:
    from gitops.render import Bodies

FORMAT = "3"
MAX_BYTES = 256 * 1024 * 1024
"""What the cache may take on disk; the oldest go first."""
_ELSEWHERE = ("https://", "ssh://", "http://")
_CURRENT = f"{FORMAT}-"
_EACH = 4
"""Renderings kept of one overlay, so that to go back to a branch is a hit too."""


class Entry(NamedTuple):
    """Something kept, with what it depends on: files by their content, files that must not be there, warnings."""

    inputs: dict[str, str]
    sought: list[str]
    warnings: list[str]
    content: bytes

    def objects(self) -> list[tuple[dict[str, Any], str]]:
        """Body and origin of each object, for an entry that `keep_objects` wrote."""
        return [(body, origin) for body, origin in json.loads(self.content)]


_WITHHELD: dict[str, Entry] = {}
"""Renderings that hold a secret, by where they would be kept: no secret rests on disk."""


class Cache:
    """A folder of renderings. Several processes may use it at once: each file is written whole, then named."""

    def __init__(self, folder: "str | os.PathLike[str]") -> None:
        self._folder = os.fspath(folder)
        self._hashes: dict[str, str] = {}
        self._written = 0
        self._program = ""

    def find(self, root: str, name: str) -> Entry | None:
        """What is kept as `name` and read files below `root` that are all as they were; None where there is none."""
        withheld = _WITHHELD.get(self._of(name))
        if withheld and self._is_current(root, withheld.inputs, withheld.sought):
            return withheld
        for file in self._kept(name):
            with suppress(OSError, ValueError, KeyError, TypeError):
                if entry := self._read(file, root):
                    os.utime(file)
                    return entry
        return None

    def _read(self, file: str, root: str) -> Entry | None:
        with open(file, "rb") as kept:
            digest, head, content = kept.read().split(b"\n", 2)
        described = json.loads(head)
        if not self._is_current(root, described["inputs"], described["sought"]):
            return None
        if sha256(head + content).hexdigest().encode() != digest:
            return None
        return Entry(described["inputs"], described["sought"], described["warnings"], content)

    def _is_current(self, root: str, inputs: dict[str, str], sought: list[str]) -> bool:
        """Whether each input is as it was. A file of another repository is: its name has the commit."""
        here = ((name, known) for name, known in inputs.items() if not name.startswith(_ELSEWHERE))
        if any(self._hash(os.path.join(root, name)) != known for name, known in here):
            return False
        return not any(os.path.lexists(os.path.join(root, name)) for name in sought)

    def _hash(self, file: str) -> str:
        found = self._hashes.get(file)
        if found is None:
            with open(os.path.realpath(file), "rb") as content:
                found = self._hashes[file] = sha256(content.read()).hexdigest()
        return found

    def keep_objects(self, name: str, rendered: "Bodies") -> None:
        """Keep a rendering; in memory alone where something of it is hidden when it is shown."""
        content = json.dumps(rendered.objects)
        described = dict(rendered.inputs), sorted(rendered.sought), list(rendered.warnings)
        if any(holds_secret(body) for body, _ in rendered.objects) or without(content) != content:
            _WITHHELD[self._of(name)] = Entry(*described, content.encode())
        else:
            self.keep(name, *described, content.encode())

    def keep(
        self, name: str, inputs: Mapping[str, str], sought: Iterable[str], warnings: Iterable[str], content: bytes
    ) -> None:
        """Write an entry. A cache that cannot be written is none: what was to be kept is there all the same."""
        described = {"inputs": dict(inputs), "sought": sorted(sought), "warnings": list(warnings)}
        head = json.dumps(described).encode()
        file = sha256(json.dumps(sorted(inputs.items())).encode()).hexdigest()[:32]
        folder = self._of(name)
        with suppress(OSError):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            part = os.path.join(folder, f".{file}.{os.getpid()}")
            with open(part, "wb") as written:
                written.write(b"\n".join((sha256(head + content).hexdigest().encode(), head, content)))
            os.replace(part, os.path.join(folder, file))
            for old in list(self._kept(name))[_EACH:]:
                os.unlink(old)
            self._bound()

    def _of(self, name: str) -> str:
        self._program = self._program or _program()
        key = sha256(f"{self._program}\n{name}".encode()).hexdigest()[:32]
        return os.path.join(self._folder, f"{_CURRENT}{key}")

    def _kept(self, name: str) -> Iterator[str]:
        """The files of a name, the latest first."""
        try:
            found = [each for each in os.scandir(self._of(name)) if not each.name.startswith(".")]
        except OSError:
            return
        for each in sorted(found, key=lambda each: each.stat().st_mtime_ns, reverse=True):
            yield each.path

    def _bound(self) -> None:
        """Take the oldest away where the cache has grown too large; looked at once for many that are written."""
        self._written += 1
        if self._written % 64 != 1:
            return
        self._clear_earlier()
        files = [each for folder in os.scandir(self._folder) if folder.is_dir() for each in os.scandir(folder)]
        found = [(each.stat().st_mtime_ns, each.stat().st_size, each.path) for each in files]
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= MAX_BYTES:
                break
            with suppress(FileNotFoundError):
                os.unlink(path)
            total -= size

    def _clear_earlier(self) -> None:
        """Take away what is of an earlier format: that held secrets too."""
        from shutil import rmtree

        for folder in os.scandir(self._folder):
            if not folder.name.startswith(_CURRENT):
                rmtree(folder, ignore_errors=True)


def _program() -> str:
    """What names this renderer: another one may render otherwise, one that is being worked on too."""
    files = sorted((each.name, each.stat()) for each in os.scandir(os.path.dirname(__file__)) if each.is_file())
    states = [f"{name} {state.st_mtime_ns} {state.st_size}" for name, state in files]
    return "\n".join([FORMAT, __version__, sys.version, *states])


def default_folder() -> str:
    """`$XDG_CACHE_HOME/gitops/render`, else below `~/.cache`."""
    return os.path.join(_base(), "render")


def trees_folder() -> str:
    """Beside it: the files of other repositories, by commit."""
    return os.path.join(_base(), "trees")


def _base() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "gitops")
