"""JSON in the text of a field, as a replacement reads and writes it: through YAML, printed as Go prints JSON."""

import json
import re
from typing import Any

from gitops.render.generators import go_json
from gitops.render.problems import NotModelled
from gitops.render.scalars import resolve, settled

_ESCAPE = re.compile(r'\\(?:[\\"ntr]|u00(?:3c|3e|26)|(.))')
"""Those that YAML reads as JSON does, and Go writes; the group is any other."""
_HINT = "patch it"


def parsed(text: str) -> Any:
    """The map or list in `text`; None where it is no JSON.

    Raises `NotModelled` for JSON that YAML, by which kustomize reads it, may take for something else.
    """
    if not text.lstrip(" \n").startswith(("{", "[")):
        return None
    try:
        value = json.loads(text, object_pairs_hook=_map, parse_int=resolve, parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not text.replace("\n", "").isprintable() or any(match[1] for match in _ESCAPE.finditer(text)):
        raise NotModelled("a replacement within JSON that has other escapes than \\n", _HINT)
    return value


def check_created(step: str) -> None:
    """Raises `NotModelled` for a field that kustomize would create as no text, such as `true`, and then lose."""
    name = step[1:].partition("=")[0] if step.startswith("[") else step
    if name and not name.isdigit() and not isinstance(resolve(name), str):
        raise NotModelled(f"a replacement that creates the field {name} within JSON", _HINT)


def _map(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs) or "<<" in found:
        raise NotModelled("a replacement within JSON that has a key twice, or <<", _HINT)
    return found


def _refuse(number: str) -> Any:
    raise NotModelled(f"a replacement within JSON that has the number {number}", _HINT)


def printed(value: Any, before: str) -> str:
    """`value` as JSON, indented where `before` was. Raises `NotModelled` for fractions, which Go prints its own way."""
    value = settled(value)
    _check_numbers(value)
    return go_json(value, indent=2 if "\n" in before and "  " in before else None)


def _check_numbers(value: Any) -> None:
    if isinstance(value, float):
        _refuse(str(value))
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_numbers(each)
