"""The JSON Schema of gitops.yaml, made from the same classes that the reader checks against."""

import dataclasses
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from gitops.config.model import Config
from gitops.config.reader import key_of

_TYPES = {str: "string", int: "integer", bool: "boolean"}


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of gitops.yaml, for editors: `# yaml-language-server: $schema=…`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gitops.yaml",
        **_object(Config),
    }


def _object(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    fields = [f for f in dataclasses.fields(kind) if f.metadata]
    required = [
        key_of(f.name) for f in fields if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    return {
        "description": " ".join((kind.__doc__ or "").split()),
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": {key_of(f.name): _property(hints[f.name], f) for f in fields},
    }


def _property(kind: Any, field: dataclasses.Field[Any]) -> dict[str, Any]:
    schema = _type(kind, field.metadata)
    schema["description"] = field.metadata["doc"]
    if isinstance(field.default, str | int | bool):
        schema["default"] = field.default
    return schema


def _type(kind: Any, rules: Mapping[str, Any]) -> dict[str, Any]:
    origin, args = get_origin(kind), get_args(kind)
    if origin is UnionType:
        inner = _type(next(arg for arg in args if arg is not NoneType), rules)
        return inner | {"type": [inner["type"], "null"]}
    if origin is tuple:
        return {"type": "array", "items": _type(args[0], rules)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if dataclasses.is_dataclass(kind):
        return _object(kind)
    schema: dict[str, Any] = {"type": _TYPES[kind]}
    if rules["pattern"]:
        schema["pattern"] = f"^({rules['pattern']})$"
    if rules["choices"]:
        schema["enum"] = list(rules["choices"])
    if rules["minimum"] is not None:
        schema["minimum"] = rules["minimum"]
    return schema
