"""replacements: a value of one object, or a given one, written into fields of others."""

import re
from collections.abc import Callable
from typing import Any

from gitops.errors import count_of
from gitops.render.fields import split_path
from gitops.render.images import go_regex
from gitops.render.kustomization import check
from gitops.render.problems import NotModelled, Place, RenderError, closest
from gitops.render.reader import Positions
from gitops.render.resource import DEFAULT_NAMESPACE, Resource, ResourceList, group_version
from gitops.render.scalars import Odd, copied, is_null, resolve, text_of
from gitops.render.selectors import Selector

_DEFAULT_PATH = "metadata.name"
_NEW = Odd(None, "")
"""A field that a replacement creates: it takes its type from the text."""
_LOOKS_STRUCTURED = re.compile(r"\s*[\[{]|.*(?::\s|:\Z|^-\s)", re.DOTALL)


def replace(resources: ResourceList, entry: dict[str, Any], place: Place) -> None:
    """One replacement. Raises `RenderError` where its source or a target's field is not there."""
    source, given = entry.get("source"), entry.get("sourceValue")
    if (source is None and given is None) or entry.get("targets") is None:
        raise RenderError(place, "a replacement has no source or no targets", "give it source: and targets:")
    if source is not None and given is not None:
        raise RenderError(place, "a replacement has a source and a sourceValue", "take one of them away")
    value = _Value(given, is_text=False) if source is None else _source_value(resources, source, place)
    for target in entry["targets"]:
        _write_target(resources, target, value, place)
    resources.changed()


class _Value:
    """What is written: a scalar's text, with the form that it has where it makes a new field; or a map or list."""

    def __init__(self, value: Any, *, is_text: bool = True) -> None:
        self.value = value
        self._is_text = is_text

    @property
    def is_scalar(self) -> bool:
        return not isinstance(self.value, dict | list)

    @property
    def text(self) -> str:
        return text_of(self.value)

    def empty(self) -> Any:
        """What a missing field is created as, before the value is written into it."""
        return type(self.value)() if not self.is_scalar else _NEW

    def made(self) -> Any:
        """The value for a field that had none: what it was in its source."""
        return resolve(self.value) if not self._is_text and self.value else copied(self.value)


def _source_value(resources: ResourceList, source: dict[str, Any], place: Place) -> _Value:
    found = [each for each in resources if _is_source(each, source)]
    if len(found) != 1:
        called = "/".join(part for part in (source.get("kind"), source.get("namespace"), source.get("name")) if part)
        problem = f"{len(found)} objects are the source {called}" if found else f"no object is the source {called}"
        raise RenderError(place, problem, closest(source.get("name") or "", sorted({each.name for each in resources})))
    path = source.get("fieldPath") or _DEFAULT_PATH
    value = _look_up(found[0].body, _steps(path), place)
    if is_null(value) or value in ({}, []):
        raise RenderError(place, f"{found[0]} has no field {path}", "mend fieldPath:")
    return _Value(_refined(value, source.get("options") or {}, place))


def _refined(value: Any, options: dict[str, Any], place: Place) -> Any:
    delimiter = options.get("delimiter") or ""
    if not delimiter:
        return value
    if isinstance(value, dict | list):
        raise RenderError(place, "delimiter goes with a scalar", "take it away")
    parts, index = text_of(value).split(delimiter), options.get("index", 0)
    if not 0 <= index < len(parts):
        problem = f"index {index} is outside the {count_of(len(parts), 'part')} of the source"
        raise RenderError(place, problem, "count from 0")
    return parts[index] if isinstance(value, str) else resolve(parts[index])


def _is_source(resource: Resource, source: dict[str, Any]) -> bool:
    return any(_is_selected(each, source) for each in _ids(resource))


def _ids(resource: Resource) -> list[tuple[str, str, str, str, str]]:
    """The current identity, then the earlier ones, each with the namespace that kustomize compares."""
    group, version = group_version(resource.api_version)
    current = (group, version, resource.kind, resource.name, resource.namespace)
    return [current, *((group, version, each.kind, each.name, each.namespace) for each in resource.previous)]


def _is_selected(identity: tuple[str, str, str, str, str], source: dict[str, Any]) -> bool:
    group, version, kind, name, namespace = identity
    wanted = source.get("namespace")
    return (
        source.get("group") in (None, "", group)
        and source.get("version") in (None, "", version)
        and source.get("kind") in (None, "", kind)
        and source.get("name") in (None, "", name)
        and (not wanted or wanted == (namespace or DEFAULT_NAMESPACE))
    )


def _write_target(resources: ResourceList, target: dict[str, Any], value: _Value, place: Place) -> None:
    if target.get("select") is None:
        raise RenderError(place, "a target has no select", "say which objects")
    selector = Selector(target["select"], place)
    rejected = [Selector(each, place) for each in target.get("reject") or ()]
    for each in resources.named(selector.exact_name) if selector.exact_name else list(resources):
        if _is_target(each, selector, rejected):
            for path in target.get("fieldPaths") or [_DEFAULT_PATH]:
                _write_path(each, path, value, target.get("options") or {}, place)
            each.propagate()


def _is_target(resource: Resource, selector: Selector, rejected: list[Selector]) -> bool:
    if not selector.of_texts(resource):
        return False
    if any((each.labels or each.annotations) and each.of_texts(resource) for each in rejected):
        return False
    ids = _ids(resource)
    if any(each.of_identity and any(_matches(each, identity) for identity in ids) for each in rejected):
        return False
    return any(_matches(selector, identity) for identity in ids)


def _matches(selector: Selector, identity: tuple[str, str, str, str, str]) -> bool:
    group, version, kind, name, namespace = identity
    return (
        selector.of_type(group, version, kind)
        and (selector.name is None or bool(selector.name(name)))
        and (selector.namespace is None or bool(selector.namespace(namespace)))
    )


def _write_path(resource: Resource, path: str, value: _Value, options: dict[str, Any], place: Place) -> None:
    steps, what = _steps(path), f"{path} in {resource}"
    holder, key, rest = _text_on_the_way(resource.body, steps)
    if not (rest and _write_json(holder, key, rest, value, options, place, what)):
        _write_steps({0: resource.body}, steps, value, options, place, what)


def _write_json(
    holder: Any, key: str, steps: list[str], value: _Value, options: dict[str, Any], place: Place, what: str
) -> bool:
    """Write into the JSON that the text of a field is; False where it is none."""
    from gitops.render.json_text import check_created, parsed, printed

    body = parsed(holder[key])
    if body is None:
        return False
    if options.get("delimiter"):
        raise NotModelled("a replacement within JSON that has a delimiter", "patch it", place)
    for step in steps if options.get("create") else ():
        check_created(step)
    _write_steps({0: body}, steps, value, options, place, what)
    holder[key] = printed(body, holder[key])
    return True


def _write_steps(
    holder: Any, steps: list[str], value: _Value, options: dict[str, Any], place: Place, what: str
) -> None:
    found: list[tuple[Any, Any]] = []
    _find(holder, 0, steps, _Finder(found, bool(options.get("create")), value.empty(), place))
    if not found:
        raise RenderError(place, f"there is no field {what}", "mend fieldPaths:, or set options.create")
    for each, key in found:
        _write(each, key, value, options, place)


def _text_on_the_way(node: Any, steps: list[str]) -> tuple[Any, str, list[str]]:
    """Map, key and remaining steps of the first text that the steps, all names of fields, lead into."""
    for index, step in enumerate(steps[:-1]):
        if not isinstance(node, dict) or not step.strip() or step != step.strip():
            break
        below = node.get(step)
        if isinstance(below, str):
            return node, step, steps[index + 1 :]
        node = below
    return None, "", []


def _write(holder: Any, key: Any, value: _Value, options: dict[str, Any], place: Place) -> None:
    old = holder[key]
    delimiter = options.get("delimiter") or ""
    is_scalar = not isinstance(old, dict | list)
    if not delimiter:
        holder[key] = _as(old, value.text) if is_scalar and value.is_scalar else value.made()
        if is_scalar and not value.is_scalar:
            raise NotModelled("a map or a list in the place of a scalar", "patch it", place)
        return
    if not is_scalar:
        raise RenderError(place, "delimiter goes with a scalar", "take it away")
    parts, index = text_of(old).split(delimiter), options.get("index", 0)
    if index < 0:
        parts.insert(0, value.text)
    elif index >= len(parts):
        parts.append(value.text)
    else:
        parts[index] = value.text
    holder[key] = _as(old, delimiter.join(parts))


def _as(old: Any, text: str) -> Any:
    """`text` in the place of scalar `old`, of which kustomize keeps the type."""
    if old is _NEW:
        return resolve(text) if text else ""
    if isinstance(old, str):
        return text
    kind = type(old.value if isinstance(old, Odd) else old)
    new = resolve(text)
    if is_null(old) or type(new.value if isinstance(new, Odd) else new) is not kind:
        raise NotModelled(f"the value {text} in the place of another type", "give both fields one type")
    return new


class _Finder:
    """What the search for a field carries along."""

    def __init__(self, found: list[tuple[Any, Any]], create: bool, empty: Any, place: Place) -> None:
        self.found = found
        self.create = create
        self.empty = empty
        self.place = place

    def fresh(self, following: list[str]) -> Any:
        """What a missing field or item is created as, so that the next step fits."""
        if not following or not following[0]:
            return copied(self.empty)
        step = following[0]
        return [] if step.isdigit() or (step.startswith("[") and step.endswith("]")) else {}


def _find(holder: Any, key: Any, steps: list[str], finder: _Finder) -> None:
    """Add holder and key of each field that `steps` lead to."""
    if not steps:
        finder.found.append((holder, key))
        return
    node, step = holder[key], steps[0]
    if re.fullmatch(r"[+]?[0-9]+", step):
        _find_index(holder, key, steps, finder)
    elif step.startswith("[") and step.endswith("]"):
        _find_items(node, steps, finder)
    elif step == "*":
        for index in range(len(_items(node, step, finder))):
            _find(node, index, steps[1:], finder)
    else:
        _find_field(holder, key, steps, finder)


def _items(node: Any, step: str, finder: _Finder) -> list[Any]:
    if is_null(node):
        return []
    if not isinstance(node, list):
        raise RenderError(finder.place, f"{step} of a path leads into something that is no list", "mend the path")
    return node


def _find_field(holder: Any, key: Any, steps: list[str], finder: _Finder) -> None:
    node, step = holder[key], steps[0]
    if is_null(node):
        if finder.create:
            raise NotModelled("a replacement that creates a field under a null", "give it a map", finder.place)
        return
    if not isinstance(node, dict):
        if isinstance(node, str) and _LOOKS_STRUCTURED.match(node):
            raise NotModelled("a replacement within text that is YAML or JSON", "patch it", finder.place)
        raise RenderError(finder.place, f"'{step}' of a path leads into something that is no map", "mend the path")
    if step not in node:
        if not finder.create:
            return
        node[step] = finder.fresh(steps[1:])
    elif len(steps) > 1 and not isinstance(node[step], dict | list) and not is_null(node[step]):
        raise NotModelled("a replacement within the text of a field", "patch it", finder.place)
    _find(node, step, steps[1:], finder)


def _find_index(holder: Any, key: Any, steps: list[str], finder: _Finder) -> None:
    items, index = _items(holder[key], steps[0], finder), int(steps[0])
    if index == len(items) and finder.create:
        items.append(finder.fresh(steps[1:]))
    if index >= len(items):
        raise RenderError(finder.place, f"index {index} is outside the list of {len(items)}", "count from 0")
    _find(items, index, steps[1:], finder)


def _find_items(node: Any, steps: list[str], finder: _Finder) -> None:
    field, equals, pattern = steps[0][1:-1].partition("=")
    if not equals:
        raise RenderError(finder.place, f"{steps[0]} is no [name=value]", "write [name=value]")
    wanted = go_regex(pattern, finder.place)
    items = _items(node, steps[0], finder)
    before = len(finder.found)
    matched = [index for index, item in enumerate(items) if _fits(item, field, wanted.search)]
    for index in matched:
        _find(items, index, steps[1:] if field else [], finder)
    if len(finder.found) == before and finder.create:
        if matched:
            raise NotModelled("a replacement that creates an item which is there", "name another field", finder.place)
        items.append({field: resolve(pattern)} if field else resolve(pattern))
        _find(items, len(items) - 1, steps[1:] if field else [], finder)


def _fits(item: Any, field: str, search: Callable[[str], Any]) -> bool:
    if field:
        if not isinstance(item, dict) or field not in item:
            return False
        item = item[field]
    return not isinstance(item, dict | list) and bool(search(_written(item)))


def _written(value: Any) -> str:
    """The scalar as YAML has it, which is what the expression is matched with."""
    text = text_of(value)
    if isinstance(value, str) and text != text.strip():
        raise NotModelled("a list item with spaces around its text", "take them away")
    return text


def _look_up(body: Any, steps: list[str], place: Place) -> Any:
    node = body
    for step in steps:
        step = step.strip()
        if not step:
            continue
        node = _child(node, step, place)
        if node is None:
            return None
    return node


def _child(node: Any, step: str, place: Place) -> Any:
    if is_null(node):
        return None
    if step == "-" or re.fullmatch(r"[+]?[0-9]+", step):
        if not isinstance(node, list):
            raise RenderError(place, f"'{step}' of fieldPath leads into something that is no list", "mend the path")
        index = len(node) - 1 if step == "-" else int(step)
        return node[index] if 0 <= index < len(node) else None
    if step == "*":
        raise RenderError(place, "fieldPath of a source has *", "name one item")
    if step.startswith("[") and step.endswith("]"):
        return _item(node, step, place)
    if not isinstance(node, dict):
        raise RenderError(place, f"'{step}' of fieldPath leads into something that is no map", "mend the path")
    return node.get(step)


def _item(node: Any, step: str, place: Place) -> Any:
    field, equals, wanted = step[1:-1].partition("=")
    if not equals or not isinstance(node, list):
        raise RenderError(place, f"'{step}' of fieldPath finds no list item", "write [name=value] after a list")
    if not field:
        return next((item for item in node if text_of(item) == wanted), None)
    return next((i for i in node if isinstance(i, dict) and field in i and text_of(i[field]) == wanted), None)


def _steps(path: str) -> list[str]:
    """The steps of a path with dots; dots within brackets belong to a step."""
    parts = split_path(path, ".")
    found: list[str] = []
    index = 0
    while index < len(parts):
        part = parts[index]
        if part.startswith("[") and not part.endswith("]"):
            held = [part]
            while index < len(parts) - 1 and not held[-1].endswith("]"):
                index += 1
                held.append(parts[index])
            joined = ".".join(held)
            part = joined if "=" in joined else joined.strip("[]")
        found.append(part)
        index += 1
    return found


def read_entries(value: Any, shape: Any, positions: Positions) -> list[dict[str, Any]]:
    """The replacements of a file: one, or a list."""
    found: list[dict[str, Any]] = (
        check(value, [shape], positions) if isinstance(value, list) else [check(value, shape, positions)]
    )
    return found
