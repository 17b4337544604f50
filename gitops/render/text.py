"""An object -> YAML, byte for byte as PyYAML writes it, and ten times as fast: styles of scalars are remembered."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@-]*(?::[A-Za-z0-9_./@-]+)*\Z")
"""Text that needs no quotes, but for words that mean something."""
_WORDS = frozenset(("y", "n", "yes", "no", "true", "false", "on", "off", "null"))
_LINES = r"[!-~][ -~]*(?<! )(?:\n(?:[ -~]*[!-~])?)+\Z"
"""Lines of ASCII that no space ends, and none begins the first of."""
_LONGEST_KEY = 100
_LONGEST = 10_000


class _Unusual(Exception):
    """Something that is left to PyYAML."""


def to_yaml(body: Mapping[str, Any]) -> bytes:
    """One object as YAML, in the order that it was rendered in; texts of several lines in blocks."""
    lines: list[str] = []
    try:
        _write_map(body, "", "", lines)
    except _Unusual:
        return _dumped(body).encode()
    return "".join(lines).encode()


def _write_map(value: Mapping[str, Any], indent: str, first: str, lines: list[str]) -> None:
    """Write each pair on a line that begins with `indent`, the first with `first`."""
    before = first
    for key, each in value.items():
        if key.__class__ is not str or len(key) > _LONGEST_KEY or not key.isprintable():
            raise _Unusual
        _write(each, f"{before}{_styled(key)}:", indent, indent, lines)
        before = indent


def _write_list(value: list[Any], indent: str, first: str, lines: list[str]) -> None:
    before, below = first, indent + "  "
    for each in value:
        kind = each.__class__
        if kind is dict and each:
            _write_map(each, below, f"{before}- ", lines)
        elif kind is list and each:
            _write_list(each, below, f"{before}- ", lines)
        else:
            _write(each, f"{before}-", indent, below, lines)
        before = indent


def _write(value: Any, before: str, indent: str, of_list: str, lines: list[str]) -> None:
    """Write a value after `before`, the start of its line; lists in a map stand as far left as their key."""
    kind = value.__class__
    if kind is str:
        lines.append(f"{before} {_block(value, indent) if chr(10) in value else _styled(value)}\n")
    elif kind is dict and value:
        lines.append(f"{before}\n")
        _write_map(value, indent + "  ", indent + "  ", lines)
    elif kind is list and value:
        lines.append(f"{before}\n")
        _write_list(value, of_list, of_list, lines)
    else:
        lines.append(f"{before} {_other(value)}\n")


def _other(value: Any) -> str:
    kind = value.__class__
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if value is None:
        return "null"
    if kind is dict or kind is list:
        return "[]" if kind is list else "{}"
    if kind is float:
        return _dumped(value).removesuffix("\n").removesuffix("\n...")
    raise _Unusual


def _block(text: str, indent: str) -> str:
    if not re.match(_LINES, text if text.endswith("\n") else text + "\n") or text.endswith("\n\n"):
        raise _Unusual
    inner = "\n".join(f"{indent}  {line}" if line else "" for line in text.removesuffix("\n").split("\n"))
    return ("|\n" if text.endswith("\n") else "|-\n") + inner


@cache
def _styled(text: str) -> str:
    """A text of one line, in quotes where it needs them."""
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return text
    if len(text) > _LONGEST:
        raise _Unusual
    return _dumped(text).removesuffix("\n").removesuffix("\n...")


def _dumped(value: Any) -> str:
    import yaml

    text: str = yaml.dump(value, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=2**16)
    return text


@cache
def _dumper() -> Any:
    import yaml

    class Dumper(yaml.CSafeDumper):
        """Block style for text of several lines, so that the diff of a release can be read."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def represent_text(dumper: yaml.CSafeDumper, text: str) -> yaml.Node:
        # To readers of YAML 1.1, as kubectl is one, a plain y is true; PyYAML, which is another, does not think so.
        style = "|" if "\n" in text else "'" if text in ("y", "Y", "n", "N") else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent_text)
    return Dumper
