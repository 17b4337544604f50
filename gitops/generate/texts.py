"""Fills the marks of a text in `texts/`."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

Files = Mapping[str, bytes]
"""Relative path, with slashes -> content."""

_MARK = re.compile(r"<<(\w+)>>")
_BLOCK = re.compile(r"(?m)^( *)<<(\w+)>>\n")


@cache
def _text(name: str) -> str:
    return files("gitops.generate").joinpath("texts", *name.split("/")).read_text("utf-8")


def fill(file: str, /, **values: str | int) -> str:
    """The text `file` with its marks replaced.

    A mark alone on its line takes a block: its lines are indented like the mark, and an empty one takes the line away.
    Raises `KeyError` for a mark without a value, `ValueError` for a value that no mark takes.
    """
    text = _text(file)
    used = set(_MARK.findall(text))
    if unused := values.keys() - used:
        raise ValueError(f"{file} has no mark for {', '.join(sorted(unused))}")

    def block(match: re.Match[str]) -> str:
        lines = str(values[match[2]]).splitlines()
        return "".join(f"{match[1]}{line}".rstrip() + "\n" for line in lines)

    return _MARK.sub(lambda match: str(values[match[1]]), _BLOCK.sub(block, text))


def items(values: list[str]) -> str:
    """The lines of a YAML list."""
    return "\n".join(f"- {value}" for value in values)


def scalar(value: str) -> str:
    """`value` as YAML: plain where that reads back as the same string, else in double quotes."""
    import json

    plain = re.fullmatch(r"[A-Za-z/_][\w./@+=-]*(:[\w./@+=-]+)*", value)
    ambiguous = value.lower() in {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
    return value if plain and not ambiguous else json.dumps(value, ensure_ascii=False)
