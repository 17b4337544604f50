"""`crds`: OpenAPI definitions whose extensions say which fields hold labels, annotations, identities and references."""

import re
from collections.abc import Iterator
from typing import Any

from gitops.render.fields import Specs, specs_from
from gitops.render.problems import NotModelled, Place, RenderError
from gitops.render.reader import read_config

_TYPE = frozenset(("apiVersion", "kind", "metadata"))
_FIELDS = {
    "x-kubernetes-annotation": "commonAnnotations",
    "x-kubernetes-label-selector": "commonLabels",
    "x-kubernetes-identity": "namePrefix",
}
_REFERENCE = re.compile(r"[\w./#-]*")


def crd_specs(data: bytes, file: str) -> Specs:
    """What the definitions of one file add to the field specs. Raises `RenderError` for a type within itself."""
    value = read_config(data, file)
    if not isinstance(value, dict):
        raise RenderError(file, "has no definitions by name", "write what kube-openapi's gen-openapi writes")
    types = {name: _properties(each, file) for name, each in value.items()}
    fields: dict[str, list[dict[str, Any]]] = {}
    references: list[dict[str, Any]] = []
    for name, properties in types.items():
        if properties.keys() >= _TYPE:
            kind = name.rpartition(".")[2]
            for path, said in _extended(types, name, (), file):
                _add(kind, path, said, fields, references)
    return specs_from(fields, references)


def _properties(definition: Any, file: Place) -> dict[str, Any]:
    for key in definition if isinstance(definition, dict) else ():
        if key.lower() == "schema" and key not in ("Schema", "schema"):
            raise NotModelled(f"the spelling {key}", "write Schema", file)
    schema = (definition.get("Schema") or definition.get("schema") or {}) if isinstance(definition, dict) else None
    properties = (schema.get("properties") or {}) if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not all(isinstance(each, dict) for each in properties.values()):
        raise NotModelled("a definition of another form", "give it Schema: {properties: …}", file)
    return properties


def _extended(
    types: dict[str, dict[str, Any]], name: str, path: tuple[str, ...], file: Place, seen: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """Path of each property of a type and of those that it refers to, with the extensions that are texts."""
    if name in seen:
        raise RenderError(file, f"the type {name} is within itself", "leave the field out")
    for field, schema in types.get(name, {}).items():
        said = {key: text for key, text in schema.items() if isinstance(text, str)}
        yield (*path, field), said
        if reference := said.get("$ref"):
            if not _REFERENCE.fullmatch(reference):
                raise NotModelled(f"the reference {reference}", "use letters, dots and slashes", file)
            yield from _extended(types, reference, (*path, field), file, (*seen, name))


def _add(
    kind: str,
    path: tuple[str, ...],
    said: dict[str, str],
    fields: dict[str, list[dict[str, Any]]],
    references: list[dict[str, Any]],
) -> None:
    for extension, field in _FIELDS.items():
        if extension in said:
            fields.setdefault(field, []).append({"kind": kind, "path": "/".join(path)})
    version, referred = (said.get(f"x-kubernetes-object-ref-{each}") for each in ("api-version", "kind"))
    if version is not None and referred is not None:
        key = said.get("x-kubernetes-object-ref-name-key", "name")
        spec = {"kind": kind, "path": "/".join((*path, key))}
        references.append({"kind": referred, "version": version, "fieldSpecs": [spec]})
