"""What was written last, what is there now, what would be written -> what to do with each file. Pure.

The three are compared line by line, so that edits by hand stay while what gitops changes arrives; where both changed
the same lines, the file is a conflict and a person decides.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher, unified_diff

from gitops.errors import GitopsError

REMEMBERED = ".gitops/generated.json"
"""What was written last, line by line; committed, so that everyone's next upgrade knows it. One file, so that nothing
that looks for manifests finds them twice."""


@dataclass(frozen=True)
class FileChange:
    """What to do with one file.

    `action` is create, update, merge, delete, unchanged, keep (an edit by hand stays) or conflict. `content` is what
    the file is to hold (None: no file), `current` what it holds, `generated` what gitops would have written.
    """

    path: str
    action: str
    content: bytes | None
    current: bytes | None
    generated: bytes | None
    detail: str = ""

    @property
    def writes(self) -> bool:
        """Whether the file itself changes."""
        return self.action in ("create", "update", "merge", "delete")


def upgrade(
    generated: Mapping[str, bytes], current: Mapping[str, bytes], remembered: Mapping[str, bytes]
) -> tuple[FileChange, ...]:
    """A change for each path of `generated` and `remembered`, in order of path."""
    paths = sorted(generated.keys() | remembered.keys())
    return tuple(_decide(path, generated.get(path), current.get(path), remembered.get(path)) for path in paths)


def _decide(path: str, new: bytes | None, now: bytes | None, last: bytes | None) -> FileChange:
    def change(action: str, content: bytes | None, detail: str = "") -> FileChange:
        return FileChange(path, action, content, now, new, detail)

    if now == new:
        return change("unchanged", new)
    if new is None:
        return change("delete", None) if now == last else change("keep", now, "edited, and no longer generated")
    if now is None:
        return change("create", new) if last is None else change("keep", None, "deleted by hand")
    if now == last:
        return change("update", new)
    if new == last:
        return change("keep", now, "edited by hand")
    if last is None:
        return change("conflict", now, "is there already, and was not generated")
    merged = merge(last, now, new)
    if merged is None:
        return change("conflict", now, "edited by hand where gitops changes it too")
    return change("keep" if merged == now else "merge", merged, "with your edits")


def take_generated(change: FileChange) -> FileChange:
    """A conflict or kept file decided for what gitops writes."""
    action = "create" if change.current is None else "delete" if change.generated is None else "update"
    return replace(change, action=action, content=change.generated, detail="")


def keep_current(change: FileChange) -> FileChange:
    """A conflict decided for what is there; it is asked about again when gitops changes the file again."""
    return replace(change, action="keep", content=change.current, detail="as you decided")


def conflict_diff(change: FileChange) -> str:
    """From what is there to what gitops would write, as a unified diff."""
    now, new = _lines(change.current), _lines(change.generated)
    return "\n".join(
        line.rstrip("\r\n") for line in unified_diff(now, new, change.path, f"{change.path} (generated)", n=2)
    )


def merge(base: bytes, mine: bytes, theirs: bytes) -> bytes | None:
    """`mine` with the changes from `base` to `theirs`; None where both changed the same lines.

    Line endings of `mine` are kept: a file saved with CRLF stays one.
    """
    ending = b"\r\n" if b"\r\n" in mine else b"\n"
    texts = [text.replace(b"\r\n", b"\n").decode("utf-8", "surrogateescape") for text in (base, mine, theirs)]
    chunks = list(_chunks(*(text.splitlines(keepends=True) for text in texts)))
    if any(chunk is None for chunk in chunks):
        return None
    joined = "".join(line for chunk in chunks if chunk is not None for line in chunk)
    return joined.encode("utf-8", "surrogateescape").replace(b"\n", ending)


def _chunks(base: list[str], mine: list[str], theirs: list[str]) -> Iterator[list[str] | None]:
    """The merged text piece by piece; None is a conflict."""
    at_base = at_mine = at_theirs = 0
    for length, in_base, in_mine, in_theirs in _stable(base, mine, theirs):
        yield _choose(base[at_base:in_base], mine[at_mine:in_mine], theirs[at_theirs:in_theirs])
        yield base[in_base : in_base + length]
        at_base, at_mine, at_theirs = in_base + length, in_mine + length, in_theirs + length


def _choose(base: list[str], mine: list[str], theirs: list[str]) -> list[str] | None:
    if mine in (theirs, base):
        return theirs
    return mine if theirs == base else None


def _stable(base: list[str], mine: list[str], theirs: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Runs of lines that all three share: length, and where each starts. The last is the empty run at the end."""
    ours = SequenceMatcher(None, base, mine, autojunk=False).get_matching_blocks()
    others = SequenceMatcher(None, base, theirs, autojunk=False).get_matching_blocks()
    first = second = 0
    while first < len(ours) and second < len(others):
        a, b = ours[first], others[second]
        start, end = max(a.a, b.a), min(a.a + a.size, b.a + b.size)
        if start < end:
            yield end - start, start, a.b + start - a.a, b.b + start - b.a
        if a.a + a.size < b.a + b.size:
            first += 1
        else:
            second += 1
    yield 0, len(base), len(mine), len(theirs)


def recall(data: bytes | None, file: str = REMEMBERED) -> dict[str, bytes]:
    """What `remember` wrote. Raises `GitopsError` where it is damaged, such as by a merge that left its markers."""
    if data is None:
        return {}
    try:
        return {path: "\n".join(lines).encode() for path, lines in json.loads(data).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise GitopsError(
            file, "does not hold what was generated last", "restore it: git checkout -- " + file
        ) from error


def remember(files: Mapping[str, bytes]) -> bytes:
    """The content of `REMEMBERED`: what was generated, so that the next upgrade can tell edits from ours."""
    lines = {path: files[path].decode().split("\n") for path in sorted(files)}
    return (json.dumps(lines, indent=1, ensure_ascii=False) + "\n").encode()


def _lines(data: bytes | None) -> list[str]:
    return (data or b"").decode("utf-8", "replace").splitlines(keepends=True)
