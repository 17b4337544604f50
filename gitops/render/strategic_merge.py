"""A strategic merge patch applied to an object, as kustomize applies it: merge keys, `$patch`, lists put in front."""

from functools import cache
from typing import Any

from gitops.render.problems import NotModelled, Place, RenderError, Where
from gitops.render.resource import read_data
from gitops.render.scalars import copied, is_null, text_of

DIRECTIVE = "$patch"
GONE = object()
"""What a merge gives where nothing is left."""
_MISSING = object()
Schema = dict[str, Any] | None
"""Fields of a type that lead to merged lists; None where nothing is known of the type."""
Keys = list[str] | None


@cache
def _merge_keys() -> dict[str, Any]:
    return read_data("merge_keys.json")


def _schema_of(api_version: Any, kind: Any) -> Schema:
    data = _merge_keys()
    name = data["kinds"].get(f"{text_of(api_version)} {text_of(kind)}")
    return data["types"][name] if name else None


def _field(schema: Schema, name: str) -> tuple[Schema, Keys]:
    """Schema of the items or the map in field `name`, and the merge keys where it is a merged list."""
    fact = schema.get(name) if schema else None
    if fact is None:
        return (None if schema is None else {}), None
    of_type, keys = fact if isinstance(fact, list) else (fact, None)
    return (_merge_keys()["types"][of_type] if of_type else {}), keys


def merge(body: dict[str, Any], patch: dict[str, Any], what: Place) -> dict[str, Any] | None:
    """`body`, changed in place as `patch` says; None where the patch deletes it.

    Raises `RenderError`, beginning with `what`, where a field has another form in the patch.
    """
    result = _walk(body, copied(patch), None, None, what)
    return None if result is GONE or result is None else result


def _walk(dest: Any, patch: Any, schema: Schema, keys: Keys, path: Place) -> Any:
    """The merged value; `GONE` to take the field away."""
    holders = [each for each in (dest, patch) if each is not _MISSING and not is_null(each)]
    if not holders:
        return _nulls(dest, patch)
    form = _form(holders[0])
    if any(_form(each) is not form for each in holders):
        raise RenderError(path, f"is {_said(holders[0])}, and {_said(holders[1])} in the patch", "give both one form")
    if form is dict:
        return _maps(dest, patch, _known(schema, holders), path)
    if form is list:
        return _lists(dest, patch, schema, keys, path)
    if patch is _MISSING:
        return dest
    return GONE if is_null(patch) else patch


def _nulls(dest: Any, patch: Any) -> Any:
    """kustomize keeps a null that the patch does not name, unless it is written as nothing at all."""
    return dest if patch is _MISSING and dest is not _MISSING and text_of(dest) else GONE


def _form(value: Any) -> type:
    return value.__class__ if isinstance(value, dict | list) else str


def _said(value: Any) -> str:
    return "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a scalar"


def _known(schema: Schema, holders: list[Any]) -> Schema:
    if schema is not None:
        return schema
    for each in holders:
        if not is_null(each.get("kind")) and not is_null(each.get("apiVersion")):
            found = _schema_of(each["apiVersion"], each["kind"])
            if found is not None:
                return found
    return None


def _directive(patch: dict[str, Any]) -> str:
    if DIRECTIVE not in patch:
        return "merge"
    said = text_of(patch[DIRECTIVE])
    if said not in ("merge", "replace", "delete"):
        raise NotModelled(f"the patch directive {said}", "write merge, replace or delete")
    del patch[DIRECTIVE]
    return said


def _maps(dest: Any, patch: Any, schema: Schema, path: Place) -> Any:
    if patch is not _MISSING and is_null(patch):
        return GONE
    if dest is _MISSING or is_null(dest):
        if _directive(patch) == "delete":
            return GONE
        dest = patch
    elif patch is not _MISSING:
        said = _directive(patch)
        if said == "delete":
            return GONE
        dest = patch if said == "replace" else dest
    other = {} if patch is _MISSING else patch
    for name in sorted(dest.keys() | other.keys()):
        below, keys = _field(schema, name)
        value = _walk(dest.get(name, _MISSING), other.get(name, _MISSING), below, keys, Where(path, name, between="."))
        if value is GONE:
            dest.pop(name, None)
            if dest is not other:
                other.pop(name, None)
        else:
            dest[name] = value
    return dest


def _lists(dest: Any, patch: Any, schema: Schema, keys: Keys, path: Place) -> Any:
    if keys is None:
        if patch is _MISSING:
            return dest
        return GONE if is_null(patch) else patch
    if dest is _MISSING or is_null(dest):
        dest = patch
    elif patch is not _MISSING:
        if is_null(patch):
            return GONE
        said = _list_directive(patch)
        if said == "delete":
            return GONE
        dest = patch if said == "replace" else dest
    sources = [dest, None if patch is _MISSING else patch]
    if _is_plain(sources, keys):
        return _merged_by_key(sources, keys[0], schema, path)
    return _Elements(keys or [""], schema, path).merged(sources)


def _list_directive(patch: list[Any]) -> str:
    """What an item `$patch: …` says of the whole list; the item is taken out. The last such item counts."""
    marked = next((each for each in patch if isinstance(each, dict) and not is_null(each.get(DIRECTIVE))), None)
    if marked is None or len(marked) > 1:
        return "merge"
    said = text_of(marked[DIRECTIVE])
    if said not in ("merge", "replace", "delete"):
        raise NotModelled(f"the patch directive {said}", "write merge, replace or delete")
    _set_element(patch, None, [DIRECTIVE], [said])
    return said


def _is_plain(sources: list[Any], keys: list[str]) -> bool:
    """Whether each item is a map with one merge key that is there, and there once: the case that needs no search."""
    if len(keys) != 1 or sources[0] is sources[1]:
        return False
    for items in sources:
        seen = set()
        for item in items or ():
            if not isinstance(item, dict) or isinstance(item.get(keys[0]), dict | list):
                return False
            text = text_of(item.get(keys[0], ""))
            if is_null(item.get(keys[0])) or not text or text in seen:
                return False
            seen.add(text)
    return True


def _merged_by_key(sources: list[Any], key: str, schema: Schema, path: Place) -> list[Any] | Any:
    dest, patch = sources
    theirs = {text_of(item[key]): item for item in dest}
    found = []
    patched = set()
    for item in patch or ():
        text = text_of(item[key])
        patched.add(text)
        value = _walk(theirs.get(text, _MISSING), item, schema, None, Where(path, text, between="."))
        if value is not GONE and value:
            value.setdefault(key, text)
            # kustomize puts its own element back where `$patch: replace` made another one of it.
            found.append(theirs.get(text, value))
    for item in dest:
        text = text_of(item[key])
        if text not in patched:
            value = _walk(item, _MISSING, schema, None, Where(path, text, between="."))
            if value is not GONE and value:
                found.append(value)
    return found


class _Elements:
    """A merged list as kustomize goes about it where keys are several, missing, repeated, or the items scalars."""

    def __init__(self, keys: list[str], schema: Schema, path: Place) -> None:
        self._keys = keys
        self._schema = schema
        self._path = path

    def merged(self, sources: list[Any]) -> list[Any]:
        dest = sources[0]
        wanted = self._values(sources)
        if len(self._keys) > 1:
            wanted = _filled(wanted)
        added: list[Any] = []
        valid: list[str] = []
        for values in wanted:
            valid, texts = _valid(wanted, values, self._keys)
            self._merge_element(sources, dest, added, valid, texts)
        if wanted:
            _append_each(added, dest, valid)
            return added
        return list(dest)

    def _values(self, sources: list[Any]) -> list[list[str]]:
        found: list[list[str]] = []
        for items in (sources[1], sources[0]):
            for item in items or ():
                values = [text_of(item)] if self._keys == [""] else [_key_text(item, key) for key in self._keys]
                if values not in found:
                    found.append(values)
        return found

    def _merge_element(
        self, sources: list[Any], dest: list[Any], added: list[Any], valid: list[str], texts: list[str]
    ) -> None:
        keys, values = _valid([texts], texts, valid)
        pair = [_MISSING if items is None else _match(items, keys, values) for items in sources]
        value = _walk(pair[0], pair[1], self._schema, None, Where(self._path, ",".join(texts), between="."))
        if value is GONE or is_null(value) or value == {}:
            _set_element(dest, None, valid, texts)
            return
        for key, text in zip(valid, texts, strict=True):
            if isinstance(value, dict) and key not in value and text:
                value[key] = text
        _set_element(added, value, valid, texts)


def _key_text(item: Any, key: str) -> str:
    value = item.get(key) if isinstance(item, dict) else None
    return "" if is_null(value) or value in ({}, []) else text_of(value)


def _valid(every: list[list[str]], values: list[str], keys: list[str]) -> tuple[list[str], list[str]]:
    """The keys that any element has, and the values for them."""
    there = {keys[index] for each in every for index, text in enumerate(each) if text}
    if not there:
        return keys, values
    kept = [text for index, text in enumerate(values) if text or keys[index] in there]
    return [key for key in keys if key in there], kept


def _filled(every: list[list[str]]) -> list[list[str]]:
    """Elements that agree where both have a value, completed from each other."""
    for index, one in enumerate(every):
        for other_index, other in enumerate(every):
            if any(a != b and a and b for a, b in zip(one, other, strict=True)):
                continue
            if any(a == b for a, b in zip(one, other, strict=True)):
                both = [a or b for a, b in zip(one, other, strict=True)]
                every[index] = every[other_index] = both
    return every


def _match(items: list[Any], keys: list[str], values: list[str]) -> Any:
    if not keys or keys[0] == "":
        return next((item for item in items if text_of(item) == values[0]), _MISSING)
    for item in items:
        if isinstance(item, dict) and all(
            key in item and text_of(item[key]) == text for key, text in zip(keys, values, strict=True)
        ):
            return item
    return _MISSING


def _set_element(items: list[Any], element: Any, keys: list[str], values: list[str]) -> None:
    """Put `element` in the place of those that match, or at the end; take those out where it is None."""
    by_map = bool(keys and keys[0] and values and values[0])
    kept: list[Any] = []
    matched = False
    for item in items:
        if is_null(item) or item == {}:
            continue
        if not isinstance(item, dict) and by_map:
            kept.append(item)
            continue
        if not _has(item, keys, values):
            if values:
                kept.append(item)
            continue
        matched = True
        if element is not None:
            kept.append(element)
    items[:] = kept
    if element is not None and not is_null(element) and not matched:
        items.append(element)


def _has(item: Any, keys: list[str], values: list[str]) -> bool:
    found: Any = None
    for index, key in enumerate(keys):
        if index < len(values):
            found = _field_matching(item, key, values[index])
        if found is None:
            return False
    return True


def _field_matching(item: Any, key: str, text: str) -> Any:
    if not key:
        if isinstance(item, dict | list):
            raise NotModelled("a list of scalars that has a map", "make it a list of one form")
        return item if text_of(item) == text else None
    if not isinstance(item, dict):
        raise NotModelled("a merged list with scalars among its maps", "make it a list of maps")
    if key not in item or (text and text_of(item[key]) != text):
        return None
    return (item[key],)


def _append_each(added: list[Any], items: list[Any], keys: list[str]) -> None:
    for item in list(items):
        if keys[0] == "":
            _set_element(added, item, [""], [text_of(item)])
            continue
        values = []
        for key in keys:
            if not isinstance(item, dict) or key not in item:
                added.append(item)
                continue
            values.append(text_of(item[key]))
        if len(keys) > 1:
            _set_element(added, None, keys, values)
        _set_element(added, item, keys, values)
