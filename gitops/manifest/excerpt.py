"""The `images:` block of a kustomization, where it can be read by itself for certain: alike ones are edited once. Pure.

That what stands before and behind it stays as it is needs no comparison of events then, but only that each part is YAML
by itself: a part that is complete leaves no quote and no bracket open, and a key in the first column begins a new pair
of the root mapping whatever came before it. All that makes this uncertain is left to be read as a whole.
"""

import re
from typing import NamedTuple

import yaml

SIZE_LIMIT = 64_000
"""Bytes. libyaml takes time in the square of some input; reading event by event stops early there."""

# Every pattern begins with the line break before its line, which is much faster to search for than ^.
_SPACE = r"(?:\n[ ]*(?:#.*)?\r?(?=\n))*"
_PROLOGUE = re.compile(rf"{_SPACE}(?:\n---[ ]*(?:#.*)?\r?(?=\n))?{_SPACE}(?=\n[A-Za-z_][\w.-]*:[ \r\n])")
"""All before the root mapping, whose first key is in the first column."""
_NEXT_KEY = re.compile(r"\n(?=[A-Za-z_][\w.-]*:[ \r\n])")
_UNCERTAIN = re.compile(
    r"\n(?:---|\.\.\.|%"  # another document, or a directive
    r"|[?\t]|(?=[^\s#-]).*(?:images|\\)"  # a root key that could say `images` too, or in other words
    r"|[ ?:-]{60})"  # near the limit of depth
)
_BELOW = re.compile(r"\n(?:[^\s#-]|-\S)")
"""What cannot belong to the block: another key, or another document, in the first column."""
_OTHER_BREAKS = re.compile("[\x85\u2028\u2029\ufeff]")
"""Line breaks of YAML 1.1 besides those that the patterns know; a byte order mark."""
_MOST_BRACKETS = 40


class Excerpt(NamedTuple):
    """A file in three parts: its `images:` block, and what is before and behind it."""

    head: str
    block: str
    tail: str


def images_block(data: bytes) -> Excerpt | None:
    """`data` around its `images:` block; None where it has none, or where it must be read as a whole."""
    if len(data) > SIZE_LIMIT:
        return None
    try:
        text = "\n" + data.decode()
    except UnicodeDecodeError:
        return None
    prologue, start = _PROLOGUE.match(text), text.find("\nimages:")
    if not prologue or start < prologue.end():
        return None
    following = _NEXT_KEY.search(text, start + 1)
    end = following.start() if following else len(text)
    if not _stands_apart(text, prologue.end(), start, end):
        return None
    # Each part but the last ends with its line break.
    parts = Excerpt(text[1 : start + 1], text[start + 1 : end + 1], text[end + 1 :])
    return parts if _is_yaml(parts.head) and _is_yaml(parts.tail) else None


def _stands_apart(text: str, begin: int, start: int, end: int) -> bool:
    """Whether the block from `start` to `end` can be changed by itself; the root mapping begins at `begin`."""
    if text.count("[") + text.count("{") > _MOST_BRACKETS:
        return False
    if not text.isascii() and _OTHER_BREAKS.search(text):
        return False
    # An inserted line takes the line break of the file, so that there must be but one kind of it.
    if text.count("\r") != text.count("\r\n") or text.count("\r") not in (0, text.count("\n") - 1):
        return False
    # An anchor of the block may have aliases elsewhere.
    if text.find("&", start, end) >= 0 or _BELOW.search(text, start + 1, end):
        return False
    return not _UNCERTAIN.search(text, begin, start) and not _UNCERTAIN.search(text, end)


def _is_yaml(text: str) -> bool:
    """Whether libyaml parses `text` to its end; in a fifth of the time that its events would take as objects."""
    try:
        yaml.CSafeLoader(text).raw_parse()
    except yaml.YAMLError:
        return False
    return True
