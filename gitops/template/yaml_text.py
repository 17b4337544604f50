"""Data -> YAML as a person would write it: in order, commented, short lists on one line, long text as a block.

A `Comment` stands as a key of a mapping (its value is not written) or as an item of a list.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

WIDTH = 110
"""Columns within which a list of scalars stays on one line."""


@dataclass(frozen=True, eq=False)
class Comment:
    """A comment above the next key or item; several lines where it has them. Equal to itself only."""

    text: str


@dataclass(frozen=True)
class Tagged:
    """A value with a YAML tag: `!Sub text`, `!Ref name`, `!If [...]`."""

    tag: str
    value: Any


Block = dict[str | Comment, Any]
"""A mapping to be written: a template's part, a buildspec, a policy's statement."""


def write_yaml(data: Mapping[Any, Any], header: str = "") -> str:
    """`data` as YAML text, `header` as a comment above it. Top-level keys, and blocks in them, are set apart."""
    lines = list(_comment(header, 0))
    above: Any = None
    for key, value in data.items():
        if lines and not isinstance(above, Comment):
            lines.append("")
        entry = list(_entry(key, value, 0))
        lines.extend(_set_apart(entry) if isinstance(value, Mapping) else entry)
        above = key
    return "\n".join(lines) + "\n"


def _set_apart(lines: list[str]) -> Iterator[str]:
    """The lines of a top-level mapping, with an empty line after each of its entries that has a block of its own."""
    for above, line in zip(["", *lines], lines, strict=False):
        if re.match(r"  \S", line) and above.startswith("   "):
            yield ""
        yield line


def _comment(text: str, indent: int) -> Iterator[str]:
    for line in text.splitlines():
        yield f"{' ' * indent}# {line}".rstrip()


def _entry(key: Any, value: Any, indent: int) -> Iterator[str]:
    if isinstance(key, Comment):
        yield from _comment(key.text, indent)
        return
    yield from _attached(f"{' ' * indent}{_scalar(key)}:", value, indent)


def _attached(start: str, value: Any, indent: int) -> Iterator[str]:
    """`start` (a key or a dash) and `value` beside or below it."""
    tag = ""
    if isinstance(value, Tagged):
        tag, value = f" {value.tag}", value.value
    inline = _inline(value, len(start) + len(tag) + 1)
    if inline is not None:
        yield f"{start}{tag} {inline}"
    elif isinstance(value, str):
        yield f"{start}{tag} |{'' if value.endswith(chr(10)) else '-'}"
        yield from (line and f"{' ' * (indent + 2)}{line}" for line in value.splitlines())
    else:
        yield f"{start}{tag}"
        yield from _block(value, indent + 2)


def _block(value: Any, indent: int) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _entry(key, item, indent)
        return
    for item in value:
        if isinstance(item, Comment):
            yield from _comment(item.text, indent)
        elif isinstance(item, Mapping) and item and _inline(item, indent + 2) is None:
            yield from _dashed(list(_block(item, indent + 2)), indent)
        else:
            yield from _attached(f"{' ' * indent}-", item, indent)


def _dashed(lines: list[str], indent: int) -> Iterator[str]:
    """The lines of a mapping, with the dash of its list item before its first key. Leading comments stay above it."""
    done = False
    for line in lines:
        if not done and not line.lstrip().startswith("#"):
            yield f"{' ' * indent}- {line[indent + 2 :]}"
            done = True
        else:
            yield line if done else line[2:]


def _inline(value: Any, used: int) -> str | None:
    """`value` on the rest of the line, or None where it takes more lines."""
    if isinstance(value, Mapping):
        return "{}" if not value else None
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _flow(value, used)
    if isinstance(value, str) and _reads_better_as_block(value, used):
        return None
    return _scalar(value)


def _reads_better_as_block(text: str, used: int) -> bool:
    """Several lines, or a long one that would need escapes; and nothing that a block would lose."""
    if text != text.strip() + "\n" * text.endswith("\n") or not text.replace("\n", "").isprintable():
        return False
    return "\n" in text.rstrip("\n") or (used + len(text) > 40 and ('"' in text or "\\" in text) and not _plain(text))


def _flow(items: Sequence[Any], used: int) -> str | None:
    parts = []
    for item in items:
        tag, plain = (f"{item.tag} ", item.value) if isinstance(item, Tagged) else ("", item)
        if isinstance(plain, Comment) or not isinstance(plain, str | int | float | bool) or "\n" in str(plain):
            return None
        parts.append(tag + _scalar(plain, flow=True))
    text = f"[{', '.join(parts)}]"
    return text if len(text) + used <= WIDTH else None


def _scalar(value: Any, flow: bool = False) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    return text if _plain(text, flow) else _quoted(text)


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)


def _plain(text: str, flow: bool = False) -> bool:
    """Whether `text` may stand without quotes and is read back as this string."""
    if not text.isprintable() or re.search(r"^[-!&*?|>@`%{}\[\],#'\":=~<]|^$|: |:$| #", text):
        return False
    if flow and re.search(r"[,\[\]{}?]", text):
        return False
    try:
        return bool(yaml.load(text, Loader=yaml.CSafeLoader) == text)
    except yaml.YAMLError:
        return False


def as_json(data: Any) -> Any:
    """`data` as CloudFormation's JSON: comments left out, tags as intrinsic functions."""
    if isinstance(data, Tagged):
        value = as_json(data.value)
        name = data.tag.removeprefix("!")
        if name == "GetAtt":
            return {"Fn::GetAtt": str(value).split(".", 1)}
        return {name if name == "Ref" else f"Fn::{name}": value}
    if isinstance(data, Mapping):
        return {key: as_json(value) for key, value in data.items() if not isinstance(key, Comment)}
    if isinstance(data, Sequence) and not isinstance(data, str):
        return [as_json(item) for item in data if not isinstance(item, Comment)]
    return data
