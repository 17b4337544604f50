"""configMapGenerator and secretGenerator, and the hash that ends the names of what they make."""

import json
import posixpath
from binascii import b2a_base64
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from gitops.render.problems import NotModelled, Place, RenderError
from gitops.render.resource import ORIGIN, Resource, ResourceList
from gitops.render.scalars import is_null, plain, settled, text_of

Read = Callable[[str], bytes]
"""Reads a file, named as in the kustomization."""

_LINE = 70
_HASH_LETTERS = str.maketrans("013ae", "ghkmt")
_GO_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def generated(kind: str, entry: dict[str, Any], options: dict[str, Any], read: Read, place: Place) -> Resource:
    """The ConfigMap or Secret of one entry. Raises `RenderError` for a key twice, or no name."""
    name = entry.get("name") or ""
    if not name:
        raise RenderError(place, f"a {kind} to generate has no name", "give it name:")
    merged = _merged_options(entry.get("options"), options)
    metadata: dict[str, Any] = {"name": plain(name)}
    if entry.get("namespace"):
        metadata["namespace"] = plain(entry["namespace"])
    body: dict[str, Any] = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
    pairs = _pairs(entry, read, place)
    if kind == "Secret":
        body["type"] = entry.get("type") or "Opaque"
        body["data"] = {key: _base64(pairs[key]) for key in sorted(pairs)}
    else:
        for key in sorted(pairs):
            field, text = _text(pairs[key])
            if text.startswith("\t") and "\n" in text:
                raise NotModelled(f"the text of {key}, which begins with a tab", "begin it otherwise", place)
            body.setdefault(field, {})[key] = text
    for field in ("labels", "annotations"):
        if merged.get(field):
            metadata[field] = dict(merged[field])
    if merged.get("immutable"):
        body["immutable"] = True
    found = Resource(body, place)
    found.hashed = not merged.get("disableNameSuffixHash")
    found.behavior = entry.get("behavior") or ""
    return found


def _merged_options(own: dict[str, Any] | None, common: dict[str, Any]) -> dict[str, Any]:
    own = own or {}
    return {
        "labels": {**(common.get("labels") or {}), **(own.get("labels") or {})},
        "annotations": {**(common.get("annotations") or {}), **(own.get("annotations") or {})},
        "disableNameSuffixHash": own.get("disableNameSuffixHash") or common.get("disableNameSuffixHash"),
        "immutable": own.get("immutable") or common.get("immutable"),
    }


def _pairs(entry: dict[str, Any], read: Read, place: Place) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    every = [pair for source in entry.get("envs") or () for pair in _env_pairs(read(source), source, place)]
    every += [_literal(source, place) for source in entry.get("literals") or ()]
    every += [(key, read(path)) for key, path in (_file(source, place) for source in entry.get("files") or ())]
    for key, value in every:
        if key in found:
            raise RenderError(place, f"'{entry.get('name')}' has the key '{key}' twice", "keep one of them")
        found[plain(key)] = value
    return found


def _env_pairs(data: bytes, source: str, place: Place) -> list[tuple[str, bytes]]:
    found = []
    for index, line in enumerate(data.split(b"\n")):
        line = line.removesuffix(b"\r")
        if index == 0:
            line = line.removeprefix(b"\xef\xbb\xbf")
        try:
            text = line.decode().lstrip()
        except UnicodeDecodeError as error:
            raise RenderError(f"{source}:{index + 1}:1", "is not UTF-8", "save it as UTF-8") from error
        if len(line) > 64 * 1024 - 2:
            raise NotModelled(f"a line of over 64 kB in {source}", "make it a file of its own", place)
        key, _, value = text.partition("=")
        if key and not text.startswith("#"):
            found.append((key, value.encode()))
    return found


def _literal(source: str, place: Place) -> tuple[str, bytes]:
    key, equals, value = source.partition("=")
    if not key or not equals:
        # The literal itself may be a secret, and is not quoted.
        raise RenderError(place, "a literal is no key=value", "write key=value")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return key, value.encode()


def _file(source: str, place: Place) -> tuple[str, str]:
    key, equals, path = source.partition("=")
    if not equals:
        return posixpath.basename(source.rstrip("/")) or "/", source
    if not key or not path or "=" in path:
        raise RenderError(place, f"the file '{source}' is no key=path", "write key=path, or a path without =")
    return key, path


def _text(value: bytes) -> tuple[str, str]:
    try:
        return "data", value.decode()
    except UnicodeDecodeError:
        return "binaryData", _base64(value)


def _base64(value: bytes) -> str:
    """base64 in lines of 70 characters, as kustomize writes it, where there is more than one line."""
    text = b2a_base64(value, newline=False).decode()
    if len(text) < _LINE:
        return text
    return "".join(text[start : start + _LINE] + "\n" for start in range(0, len(text), _LINE))


def absorb(resources: ResourceList, new: Resource) -> None:
    """Add what was generated; with `behavior` merge or replace it takes the place of an object that is there.

    Raises `RenderError` where that object is missing, or is there without being asked for.
    """
    found = resources.with_any_id(new.id)
    if len(found) > 1:
        raise RenderError(new.place, f"{len(found)} objects are called {new}", "rename one of them")
    if not found:
        if new.behavior in ("merge", "replace"):
            raise RenderError(new.place, f"{new} is not there to {new.behavior}", "take behavior: away")
        resources.append(new)
        return
    if new.behavior not in ("merge", "replace"):
        raise RenderError(new.place, f"{new} is there already, from {found[0].place}", "say behavior: merge or replace")
    _take_place(new, found[0])
    resources.replace(found[0], new)


def _take_place(new: Resource, old: Resource) -> None:
    metadata = new.body["metadata"]
    for field in ("labels", "annotations"):
        merged = {**old.texts(field), **new.texts(field)}
        metadata.pop(field, None)
        if field == "annotations" and new.behavior == "merge" and merged.pop(ORIGIN, "") and ORIGIN in old.texts(field):
            merged[ORIGIN] = old.texts(field)[ORIGIN]
        if merged:
            metadata[field] = dict(sorted(merged.items()))
    metadata["name"] = old.name
    metadata.pop("namespace", None)
    if old.namespace:
        metadata["namespace"] = old.namespace
    new.previous, new.prefixes, new.suffixes = list(old.previous), list(old.prefixes), list(old.suffixes)
    new.vars = list(old.vars)
    new.hashed = new.hashed and old.hashed
    if new.behavior != "merge":
        return
    for field in ("data", "binaryData"):
        merged = {**_map(old, field), **_map(new, field)}
        new.body.pop(field, None)
        for key in sorted(merged):
            target, text = _text(merged[key].encode()) if field == "data" else (field, merged[key])
            new.body.setdefault(target, {})[key] = text


def _map(resource: Resource, field: str) -> dict[str, str]:
    found = resource.body.get(field)
    if is_null(found):
        return {}
    if not isinstance(found, dict):
        raise RenderError(resource.place, f"{field} of {resource} is no map", "give it key: value pairs")
    return {key: "" if is_null(value) else text_of(value) for key, value in found.items()}


def add_hashes(resources: ResourceList) -> None:
    """End the names of generated objects with the hash of their content."""
    for each in resources:
        if each.hashed:
            suffix = content_hash(each)
            each.remember()
            each.body["metadata"]["name"] = plain(f"{each.name}-{suffix}")
    resources.changed()


def content_hash(resource: Resource) -> str:
    """Ten letters for the content, the same as kustomize's."""
    fields = ("data", "binaryData") if resource.kind == "ConfigMap" else ("type", "data", "stringData")
    if resource.kind not in ("ConfigMap", "Secret"):
        raise NotModelled(f"the hash of a {resource.kind}", "keep its kind", resource.place)
    content: dict[str, Any] = {"kind": resource.kind, "name": ""}
    for field in fields:
        value = settled(resource.body.get(field, ""))
        if field in ("binaryData", "stringData") and not isinstance(value, dict):
            continue
        content[field] = _hashable(value, resource)
    return sha256(go_json(content).encode()).hexdigest()[:10].translate(_HASH_LETTERS)


def _hashable(value: Any, resource: Resource) -> Any:
    if value is None or isinstance(value, float | list) or (isinstance(value, dict) and not _is_flat(value)):
        raise NotModelled("the hash of data that is no map of texts", "quote the values", resource.place)
    return value


def _is_flat(value: dict[str, Any]) -> bool:
    return not any(isinstance(each, float | dict | list) for each in value.values())


def go_json(value: Any, indent: int | None = None) -> str:
    """JSON as Go writes it: keys sorted, no spaces unless indented, `<`, `>` and `&` escaped."""
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(value, ensure_ascii=False, separators=separators, sort_keys=True, indent=indent)
    for character, escaped in _GO_ESCAPES.items():
        text = text.replace(character, escaped)
    return text
