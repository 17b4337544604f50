"""JSON 6902 patches, with the edges of the library that kustomize uses (evanphx/json-patch 4)."""

import json
from typing import Any

from gitops.render.problems import NotModelled, Place, RenderError, Where, closest
from gitops.render.scalars import Odd, copied, settled

Operation = dict[str, Any]
_OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")
_EXPONENT_FROM = 1_000_000


def operations(value: Any, place: Place) -> list[Operation]:
    """Checked operations of a parsed patch. Raises `RenderError` for what is none."""
    if not isinstance(value, list) or not value:
        raise RenderError(place, "is no list of operations", "start each with - op: …")
    for index, each in enumerate(value):
        if not isinstance(each, dict):
            raise RenderError(place, f"operation {index + 1} is no map", "give it op, path and value")
        if each.get("op") not in _OPERATIONS:
            raise RenderError(
                place, f"operation {index + 1} has op '{each.get('op')}'", closest(str(each.get("op")), _OPERATIONS)
            )
        for name in ("path", "from") if each["op"] in ("move", "copy") else ("path",):
            if not isinstance(each.get(name), str):
                raise RenderError(
                    place, f"operation {index + 1} has no {name}", "give it a JSON pointer: /spec/replicas"
                )
        if each["op"] in ("add", "replace") and "value" not in each:
            raise NotModelled("an operation without a value", "give it a value", place)
    return value


def apply(body: dict[str, Any], patch: list[Operation], what: Place) -> dict[str, Any]:
    """A new body. Raises `RenderError`, beginning with `what`, where an operation does not fit."""
    document = settled(body)
    for each in patch:
        document = _applied(document, each, Where(what, f"{each['op']} {each['path']}"))
    if not isinstance(document, dict):
        raise RenderError(what, "the patch leaves no object", "patch fields only")
    return _through_json(document)  # type: ignore[no-any-return]


def _applied(document: Any, operation: Operation, what: Place) -> Any:
    kind, path = operation["op"], operation["path"]
    if kind == "test":
        return _tested(document, operation, what)
    if path == "":
        if kind in ("add", "replace"):
            raise NotModelled("a patch of the whole object", "patch its fields", what)
        raise RenderError(what, "has no path", "give it a JSON pointer: /spec/replicas")
    if kind in ("move", "copy"):
        value = copied(_value_at(document, operation["from"], what))
        if kind == "move":
            _remove(document, operation["from"], what)
        _add(document, path, value, what)
    elif kind == "add":
        _add(document, path, copied(operation["value"]), what)
    elif kind == "remove":
        _remove(document, path, what)
    else:
        _replace(document, path, copied(operation["value"]), what)
    return document


def _steps(pointer: str, what: Place) -> list[str]:
    if not pointer.startswith("/"):
        raise NotModelled(f"the path {pointer}", "begin it with /", what)
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _holder(document: Any, pointer: str, what: Place) -> tuple[Any, str]:
    steps = _steps(pointer, what)
    node = document
    for step in steps[:-1]:
        node = _child(node, step, what)
    if not isinstance(node, dict | list):
        raise RenderError(what, "leads into a scalar", "mend the path")
    return node, steps[-1]


def _child(node: Any, step: str, what: Place) -> Any:
    if isinstance(node, dict):
        if step not in node or node[step] is None:
            raise RenderError(what, f"no field '{step}'", closest(step, sorted(node)))
        return node[step]
    if isinstance(node, list):
        return node[_index(node, step, what)]
    raise RenderError(what, f"no field '{step}' in a scalar", "mend the path")


def _index(items: list[Any], step: str, what: Place, *, adding: bool = False) -> int:
    if not step.lstrip("-").isdigit() or not step.lstrip("-").isascii():
        raise RenderError(what, f"'{step}' is no index of a list", "count from 0, or write - for the end")
    index = int(step)
    size = len(items) + 1 if adding else len(items)
    if index < -size or index >= size:
        raise RenderError(what, f"index {step} is outside the list of {len(items)}", "count from 0")
    return index + size if index < 0 else index


def _value_at(document: Any, pointer: str, what: Place) -> Any:
    holder, last = _holder(document, pointer, what)
    if isinstance(holder, dict):
        if last not in holder:
            raise RenderError(what, f"no field '{last}'", closest(last, sorted(holder)))
        return holder[last]
    return holder[_index(holder, last, what)]


def _add(document: Any, pointer: str, value: Any, what: Place) -> None:
    holder, last = _holder(document, pointer, what)
    if isinstance(holder, dict):
        holder[last] = value
    elif last == "-":
        holder.append(value)
    else:
        holder.insert(_index(holder, last, what, adding=True), value)


def _remove(document: Any, pointer: str, what: Place) -> None:
    holder, last = _holder(document, pointer, what)
    if isinstance(holder, dict):
        if last not in holder:
            raise RenderError(what, f"no field '{last}' to remove", closest(last, sorted(holder)))
        del holder[last]
    else:
        del holder[_index(holder, last, what)]


def _replace(document: Any, pointer: str, value: Any, what: Place) -> None:
    """The library takes a replacement of a field that is not there for an addition."""
    holder, last = _holder(document, pointer, what)
    if isinstance(holder, dict):
        holder[last] = value
    else:
        holder[_index(holder, last, what)] = value


def _tested(document: Any, operation: Operation, what: Place) -> Any:
    wanted = operation.get("value")
    value = _tested_value(document, operation["path"], what)
    if json.dumps(value, sort_keys=True) != json.dumps(wanted, sort_keys=True):
        raise RenderError(what, "the test fails", "the base has changed: mend the patch")
    return document


def _tested_value(document: Any, pointer: str, what: Place) -> Any:
    """The value to test: null for a field that is not there in a map that is."""
    if pointer == "":
        return document
    holder, last = _holder(document, pointer, what)
    return holder.get(last) if isinstance(holder, dict) else holder[_index(holder, last, what)]


def _through_json(value: Any) -> Any:
    """kustomize reads the patched object back from JSON, where every number is a float: a million is 1e+06."""
    kind = value.__class__
    if kind is dict:
        return {key: _through_json(each) for key, each in value.items()}
    if kind is list:
        return [_through_json(each) for each in value]
    if kind is int and abs(value) >= _EXPONENT_FROM:
        return Odd(value, _exponent(value))
    return value


def _exponent(number: int) -> str:
    if abs(number) > 2**53:
        raise NotModelled(f"the number {number} in an object with a JSON 6902 patch", "quote it")
    digits = str(abs(number)).rstrip("0")
    fraction = f".{digits[1:]}" if digits[1:] else ""
    return f"{'-' if number < 0 else ''}{digits[0]}{fraction}e+{len(str(abs(number))) - 1:02d}"
