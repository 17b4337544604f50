"""YAML -> Python values, over libyaml's events: several times as fast as a loader, and resolved as kustomize does."""

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from gitops import yaml_bounds
from gitops.render.problems import NotModelled, RenderError
from gitops.render.scalars import EMPTY, MERGE_KEY, copied, resolve, resolve_1_1
from gitops.yaml_bounds import MAX_ALIASED, MAX_DEPTH

MAX_BYTES = 64 * 1024 * 1024
"""Of one file."""

_SEPARATOR = re.compile(r"\n---(.*)\n")
_INDENTED = re.compile(r"\n[ \t]")
_STRING_TAGS = ("tag:yaml.org,2002:str", "!")


class Document(NamedTuple):
    value: Any
    line: int


class Reader:
    """Reads the documents of one file; `resolver` gives plain scalars their value."""

    def __init__(self, data: bytes, file: str, resolver: Callable[[str], Any] = resolve) -> None:
        if len(data) > MAX_BYTES:
            raise RenderError(file, f"has over {MAX_BYTES // 1024 // 1024} MB", "split it")
        self._file = file
        self._next = CParser(data).get_event
        self._resolve = resolver
        self._anchors: dict[str, Any] = {}
        self._aliased = 0
        self._in_flow = 0

    def documents(self) -> list[Document]:
        """All documents of the file. Raises `RenderError` with line and column for what is no YAML."""
        try:
            return self._documents()
        except yaml.YAMLError as error:
            raise _malformed(error, self._file) from error

    def _documents(self) -> list[Document]:
        found = []
        while (event := self._next()) is not None:
            if event.__class__ is DocumentStartEvent:
                if event.version or event.tags:
                    raise NotModelled("a YAML directive", "take the line with % away", self._place(event))
                self._anchors = {}
                first: Any = self._next()
                found.append(Document(self._value(first, 0), first.start_mark.line + 1))
            elif event.__class__ is DocumentEndEvent and event.explicit:
                raise NotModelled("a document that ends with …", "take the line away", self._place(event))
        return found

    def _place(self, event: Any) -> str:
        mark = event.start_mark
        return f"{self._file}:{mark.line + 1}:{mark.column + 1}"

    def _value(self, event: Any, depth: int) -> Any:
        kind = event.__class__
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is AliasEvent:
            return self._alias(event)
        if depth > MAX_DEPTH:
            raise RenderError(self._place(event), f"nests over {MAX_DEPTH} deep", "make it flatter")
        if event.tag is not None and event.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            raise NotModelled(f"the tag {event.tag}", "take it away", self._place(event))
        self._in_flow += bool(event.flow_style)
        value = self._mapping(event, depth) if kind is MappingStartEvent else self._sequence(event, depth)
        self._in_flow -= bool(event.flow_style)
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        return value

    def _scalar(self, event: Any) -> Any:
        if event.tag is not None and event.tag not in _STRING_TAGS:
            raise NotModelled(f"the tag {event.tag}", "take it away", self._place(event))
        if event.style or event.tag is not None:
            value = event.value
            if event.style == ">" and _INDENTED.search(value):
                raise NotModelled("folded text with an indented line", "use | in the place of >", self._place(event))
            if event.style in ("|", "'") and value.startswith("\t"):
                raise NotModelled("a text that begins with a tab", "write it in double quotes", self._place(event))
        else:
            try:
                value = self._resolve(event.value)
            except NotModelled as error:
                raise error.at(self._place(event)) from None
            if value is EMPTY and self._in_flow:
                raise NotModelled("an empty value between braces", "write null or ''", self._place(event))
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        return value

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise RenderError(self._place(event), f"no anchor '{event.anchor}' above in this document", "define it")
        value = self._anchors[event.anchor]
        self._aliased += _size(value)
        if self._aliased > MAX_ALIASED:
            raise RenderError(self._place(event), f"aliases make over {MAX_ALIASED} values", "write them out")
        return copied(value)

    def _sequence(self, start: Any, depth: int) -> list[Any]:
        found = []
        while (event := self._next()).__class__ is not SequenceEndEvent:
            found.append(self._value(event, depth + 1))
        return found

    def _mapping(self, start: Any, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[Any] = []
        read, of_value = self._next, self._value
        while (event := read()).__class__ is not MappingEndEvent:
            if event.__class__ is ScalarEvent and event.value == MERGE_KEY and not event.style:
                merged.append((event, of_value(read(), depth + 1)))
                continue
            key = of_value(event, depth + 1)
            if key.__class__ is not str:
                key = self._key(key, event)
            if key in found:
                raise RenderError(self._place(event), f"key '{key}' is there twice", "keep one of them")
            found[key] = of_value(read(), depth + 1)
        return self._with_merged(found, merged) if merged else found

    def _key(self, key: Any, event: Any) -> str:
        raise NotModelled("a key that is no string", "quote it", self._place(event))

    def _with_merged(self, own: dict[str, Any], merged: list[Any]) -> dict[str, Any]:
        if len(merged) > 1:
            raise RenderError(self._place(merged[1][0]), "key '<<' is there twice", "give it a list")
        event, value = merged[0]
        maps = value if isinstance(value, list) else [value]
        if not all(isinstance(each, dict) for each in maps):
            raise RenderError(self._place(event), "merges something that is no map", "give '<<' a map")
        found: dict[str, Any] = {}
        for each in reversed(maps):
            found.update(each)
        return found | own


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_size, value.values()))
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1


def _malformed(error: yaml.YAMLError, file: str) -> RenderError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    return RenderError(place, f"is no YAML: {problem}", "mend the YAML")


def read_objects(data: bytes, file: str) -> list[Document]:
    """The documents of a file of objects, nulls left out. Raises `RenderError` for what is no YAML."""
    text = decoded(data, file).replace("\r\n", "\n")
    if "\n---" in text:
        for separator in _SEPARATOR.finditer(text):
            rest = separator[1].strip()
            if rest and not rest.startswith("#"):
                line = text.count("\n", 0, separator.start()) + 2
                raise RenderError(f"{file}:{line}:1", "has text after ---", "move it to the next line")
    if "$openapi" in text or "$kpt-set" in text:
        raise NotModelled("a schema in a comment", "take the comment away", file)
    return [document for document in Reader(text.encode(), file).documents() if not _nothing(document.value)]


def _nothing(value: Any) -> bool:
    return value is None or (not isinstance(value, dict | list | str) and getattr(value, "value", value) is None)


def read_config(data: bytes, file: str) -> Any:
    """The one value of a kustomization, or of a file in its way. Raises `RenderError` for what is no YAML."""
    found = Reader(decoded(data, file).encode(), file, resolve_1_1).documents()
    if len(found) > 1:
        raise NotModelled("a second document", "take what is after --- away", f"{file}:{found[1].line}:1")
    return found[0].value if found else None


def decoded(data: bytes, file: str) -> str:
    """The text of a file, which must be UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RenderError(f"{file}:{line}:1", "is not UTF-8", "save it as UTF-8") from error


class Positions:
    """Line and column, from 1, of the values of a file's first document; the file is read again for a message only."""

    def __init__(self, data: bytes, file: str) -> None:
        self._data = data
        self._file = file

    def at(self, *path: str | int) -> "Position":
        """The place of the value at `path`."""
        return Position(self, path)

    @cached_property
    def _root(self) -> yaml.Node | None:
        try:
            return yaml_bounds.compose(self._data)
        except yaml.YAMLError:
            return None

    def said(self, path: tuple[str | int, ...]) -> str:
        """`file:line:column` of the value at `path`, or of the nearest that is there."""
        node = self._root
        mark = node.start_mark if node else None
        for step in path:
            if isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == step), None)
                mark, node = (pair[0].start_mark, pair[1]) if pair else (mark, None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                mark = node.start_mark
        return f"{self._file}:{mark.line + 1}:{mark.column + 1}" if mark else self._file


class Position:
    """A place in a file, looked for when it is said."""

    __slots__ = ("_of", "_path")

    def __init__(self, of: Positions, path: tuple[str | int, ...]) -> None:
        self._of = of
        self._path = path

    def __str__(self) -> str:
        return self._of.said(self._path)
