"""Custom objects against the schema of their definition, before the server has it: fields it does not know, wrong
types, what is required, what is enumerated. Whatever else a schema says is the server's to judge.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from gitops.objects import Body

Path = tuple[str | int, ...]
EVERY_OBJECT_HAS = frozenset({"apiVersion", "kind", "metadata"})
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (Mapping,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int, float),
    "number": (int, float),
}


class Misfit(NamedTuple):
    """One place where an object is not what its definition allows."""

    path: Path
    kind: Literal["unknown", "type", "missing"]
    problem: str

    def __str__(self) -> str:
        return f"{dotted(self.path)} {self.problem}"


def misfits(body: Body, schema: Mapping[str, Any]) -> Iterator[Misfit]:
    """Where `body` is not what `schema` (an `openAPIV3Schema`) allows, and what is wrong there."""
    yield from _misfits({key: value for key, value in body.items() if key not in EVERY_OBJECT_HAS}, schema, ())


def dotted(path: Path) -> str:
    """`spec.containers[0].image`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def _misfits(value: Any, schema: Mapping[str, Any], path: Path) -> Iterator[Misfit]:
    if value is None:
        # An apply takes null for a field that is not given.
        return
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, int | str) or isinstance(value, bool):
            yield Misfit(path, "type", "is neither an integer nor a string")
        return
    kind = str(schema.get("type", ""))
    if kind in _TYPES and not _is_a(value, kind):
        yield Misfit(path, "type", f"is not of type {kind}")
        return
    allowed = schema.get("enum")
    if isinstance(allowed, list) and value not in allowed:
        yield Misfit(path, "type", f"is none of {', '.join(map(str, allowed))}")
    if isinstance(value, Mapping):
        yield from _in_object(value, schema, path)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield from _misfits(item, schema["items"], (*path, index))


def _in_object(value: Mapping[str, Any], schema: Mapping[str, Any], path: Path) -> Iterator[Misfit]:
    known = schema.get("properties")
    # What is wrong with the schema itself is the server's to say.
    known = known if isinstance(known, Mapping) else {}
    required = schema.get("required")
    other = schema.get("additionalProperties")
    # Without any properties, a schema says nothing of what is in the object.
    closed = bool(known) and not other and not schema.get("x-kubernetes-preserve-unknown-fields")
    allowed = EVERY_OBJECT_HAS if not path or schema.get("x-kubernetes-embedded-resource") else frozenset()
    for key, item in value.items():
        within = known.get(key, other)
        if isinstance(within, Mapping):
            yield from _misfits(item, within, (*path, key))
        elif closed and key not in allowed:
            yield Misfit((*path, key), "unknown", "is a field that the definition does not have")
    for key in required if isinstance(required, list) else ():
        if key not in value and key not in allowed and "default" not in (known.get(key) or {}):
            yield Misfit((*path, key), "missing", "is required")


def _is_a(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    whole = not isinstance(value, float) or value.is_integer()
    return isinstance(value, _TYPES[kind]) and (kind != "integer" or whole)
