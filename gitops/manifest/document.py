"""A YAML file as text whose scalars can be replaced in place, with a proof that nothing else changed. Pure.

Reads libyaml's events, not nodes: they are made without recursion, an alias stays an alias (so a billion laughs stay
one page), and each has its exact place. All that is not understood is refused, with file, line and reason.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from gitops.errors import GitopsError

SIZE_LIMIT = 4_000_000
"""Bytes. The largest kustomizations have some hundred thousand; a larger file is not one that people wrote."""

DEPTH_LIMIT = 200
"""Levels. libyaml takes time in the square of them."""

LINE_BREAK = "\r\n|[\n\r\x85\u2028\u2029]"
"""What ends a line in YAML 1.1, and in libyaml and go-yaml."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_STRING = "tag:yaml.org,2002:str"

Meaning = tuple[Any, ...]
"""What an event says, apart from how it is written. Two documents with equal meanings are equal trees."""

MAPPING: Meaning = ("mapping", None, None)
MAPPING_END: Meaning = ("mapping end",)
SEQUENCE: Meaning = ("sequence", None, None)
SEQUENCE_END: Meaning = ("sequence end",)


@dataclass(eq=False, slots=True)
class Node:
    """A scalar, alias, mapping or sequence, and where it stands in the text (in code points, without the BOM)."""

    kind: str
    """scalar, alias, mapping or sequence."""
    start: int
    end: int
    line: int
    column: int
    event: int
    """Index of its event, the first one of a collection."""
    last_event: int
    value: str = ""
    """Of a scalar; the anchor's name of an alias."""
    style: str = ""
    """Of a scalar: empty for plain, or one of ' " | >"""
    flow: bool = False
    anchor: str | None = None
    tag: str | None = None
    children: list["Node"] = field(default_factory=list)
    """Items of a sequence; keys and values in turn of a mapping."""

    @property
    def pairs(self) -> Iterator[tuple["Node", "Node"]]:
        """Keys and values of a mapping."""
        return zip(self.children[::2], self.children[1::2], strict=True)

    def get(self, key: str) -> "Node | None":
        """The first value of `key` in a mapping."""
        children = self.children
        for place in range(0, len(children), 2):
            if children[place].value == key and children[place].kind == "scalar":
                return children[place + 1]
        return None

    def leaves(self) -> Iterator["Node"]:
        """Every scalar and alias below, in order; itself where it is one."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            if node.children:
                waiting.extend(reversed(node.children))
            else:
                yield node


@dataclass(frozen=True)
class Line:
    """A line of the text: its number from 1, where it starts, and what it says."""

    number: int
    start: int
    text: str


@dataclass(frozen=True)
class _Splice:
    start: int
    end: int
    text: str


class Document:
    """The YAML file called `file`, parsed; raises `GitopsError` where `data` is no YAML."""

    def __init__(self, data: bytes, file: str) -> None:
        self.file = file
        self._bom, self._codec, self.text = _decode(data, file)
        self._data = data
        self._events: list[Any] = _parse(self.text, file)
        self.roots = _nodes(self._events)

    @property
    def newline(self) -> str:
        """The file's own line break: its first."""
        match = re.search(LINE_BREAK, self.text)
        return match[0] if match else "\n"

    def refusal(self, node: Node, problem: str, hint: str = "") -> GitopsError:
        """An error that begins with the file and the line of `node`."""
        return GitopsError(f"{self.file}:{node.line + 1}", problem, hint)

    def aliases_of(self, anchor: str) -> list[int]:
        """The lines (from 1) of all aliases of `anchor`."""
        leaves = (leaf for root in self.roots for leaf in root.leaves())
        return [leaf.line + 1 for leaf in leaves if leaf.kind == "alias" and leaf.value == anchor]

    def line_bounds(self, place: int) -> tuple[int, int]:
        """Where the line that `place` is in starts, and where it ends, without its line break."""
        start = 0
        for match in re.finditer(LINE_BREAK, self.text):
            if match.start() >= place:
                return start, match.start()
            start = match.end()
        return start, len(self.text)

    def comments_with(self, text: str) -> Iterator[Line]:
        """The lines that have `text` behind a #. A # within a scalar counts too: what follows it is looked at then."""
        for number, match in enumerate(re.finditer(f"(.*?)({LINE_BREAK}|$)", self.text, re.DOTALL), 1):
            line = match[1]
            if text in line and "#" in line[: line.index(text)]:
                yield Line(number, match.start(), line)

    def comment_after(self, place: int) -> bool:
        """Whether only space and a comment follow `place` on its line."""
        return bool(re.match(r"[ \t,]*#", self.text[place : self.line_bounds(place)[1]]))


class Draft:
    """Changes to one document, collected, then made in one go and proved."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._splices: list[_Splice] = []
        self._changed: dict[int, str] = {}
        self._added: dict[int, list[Meaning]] = {}

    def set_scalar(self, node: Node, value: str) -> None:
        """Make the scalar `node` say `value`, in its own quotes. Raises `GitopsError` where that is not certain."""
        if node.kind == "scalar" and node.value == value and _is_string(node):
            return
        start = self._start_of_editable(node)
        text = quoted(value, node.style)
        # A value that is not there stands right behind the colon (or its anchor).
        if start == node.end and self.document.text[start - 1 : start] not in (" ", "\t"):
            text = " " + text
        self._splices.append(_Splice(start, node.end, text))
        self._changed[node.event] = value

    def insert(self, place: int, text: str, after_event: int, meanings: Sequence[Meaning]) -> None:
        """Put `text` at `place`. It must add `meanings` after `after_event`, and nothing else."""
        self._splices.append(_Splice(place, place, text))
        self._added.setdefault(after_event, []).extend(meanings)

    def result(self) -> bytes:
        """The new bytes of the file. Raises `GitopsError` where they would say anything but what was meant."""
        if not self._splices:
            return self.document._data
        text, pieces = self.document.text, []
        position = 0
        for splice in sorted(self._splices, key=lambda splice: splice.start):
            pieces += [text[position : splice.start], splice.text]
            position = splice.end
        edited = "".join([*pieces, text[position:]])
        self._prove(edited)
        return self.document._bom + edited.encode(self.document._codec)

    def _start_of_editable(self, node: Node) -> int:
        """Where the text of the scalar `node` starts, behind its anchor and tag."""
        document = self.document
        if node.kind == "alias":
            raise document.refusal(node, f"is the alias *{node.value}", "write the value itself there")
        if node.kind != "scalar":
            raise document.refusal(node, f"is a {node.kind} where a string belongs", "write the value itself there")
        if node.style in ("|", ">"):
            raise document.refusal(node, "is a block scalar", "write the value on one line")
        if node.tag not in (None, "!", _STRING):
            raise document.refusal(node, f"has the tag {node.tag}", "take the tag away")
        if marker := template_marker(node.value):
            raise document.refusal(node, f"is a template ({marker})", "edit what fills it in")
        if node.anchor and (lines := document.aliases_of(node.anchor)):
            where = ", ".join(map(str, lines))
            raise document.refusal(node, f"has the anchor &{node.anchor}, used on line {where} too", "write it out")
        match = _PROPERTIES.match(document.text, node.start, node.end)
        return match.end() if match else node.start

    def _prove(self, edited: str) -> None:
        """Compare the events before and after: only what was set may differ, and it must say what was set."""
        file = self.document.file
        if not self._as_expected(_parse(edited, file)):
            problem = "cannot be edited without a change to something else"
            raise GitopsError(file, problem, "write the entry one key a line")

    def _as_expected(self, after: Sequence[Any]) -> bool:
        rest = iter(after)
        for index, event in enumerate(self.document._events):
            found = next(rest, None)
            if index in self._changed:
                tag = _STRING if event.tag == _STRING else None
                if _seen(found) != ("scalar", event.anchor, tag, self._changed[index], True):
                    return False
            elif not _alike(event, found):
                return False
            if index in self._added and any(_seen(next(rest, None)) != added for added in self._added[index]):
                return False
        return next(rest, None) is None


def _alike(event: Any, other: Any) -> bool:
    """Whether two events say the same; how scalars are quoted matters as well, as neither was to be touched."""
    kind = type(event)
    if kind is not type(other):
        return False
    if kind is yaml.ScalarEvent:
        return bool(
            event.value == other.value
            and event.style == other.style
            and event.anchor == other.anchor
            and event.tag == other.tag
        )
    if kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
        return bool(event.anchor == other.anchor and event.tag == other.tag)
    if kind is yaml.AliasEvent:
        return bool(event.anchor == other.anchor)
    return kind is not yaml.DocumentStartEvent or bool(event.explicit == other.explicit)


def string(value: str) -> Meaning:
    """The meaning of a scalar that says the string `value`."""
    return ("scalar", None, None, value, True)


_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*(?:[ \t]+|$))*")


def _is_string(node: Node) -> bool:
    return bool(node.style) or node.tag == _STRING or not needs_quotes(node.value)


def _seen(event: Any) -> Meaning:
    """What an event says: kind, anchor, tag, value and whether it is a string. Not how it is quoted."""
    if isinstance(event, yaml.ScalarEvent):
        tag = None if event.tag == "!" else event.tag
        string = bool(event.style) or bool(event.tag) or not needs_quotes(event.value)
        return ("scalar", event.anchor, tag, event.value, string)
    kind = _KINDS.get(type(event), "other")
    return (kind, event.anchor, event.tag) if kind in ("mapping", "sequence") else (kind,)


_KINDS = {
    yaml.MappingStartEvent: "mapping",
    yaml.MappingEndEvent: "mapping end",
    yaml.SequenceStartEvent: "sequence",
    yaml.SequenceEndEvent: "sequence end",
}


def quoted(value: str, style: str) -> str:
    """`value` as a YAML scalar in the quotes `style`; in double quotes where plain would not be a string."""
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if style == '"' or needs_quotes(value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value


_PLAIN = re.compile(r"[\w./@$][^\x00-\x20#'\"`{}\[\],&*!|>%\x7f]*")
_NUMBER = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"  # YAML 1.2 and go-yaml
    r"|[-+]?0[xX][0-9a-fA-F]+|[-+]?0[oO]?[0-7]+|[-+]?0[bB][01]+"
    r"|[-+]?0[xX][0-9a-fA-F.]+[pP][-+]?[0-9]+"
    r"|[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"  # sexagesimal in YAML 1.1
    r"|[-+]?\.(inf|nan)"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?",
    re.IGNORECASE,
)
_WORDS = frozenset({"", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<"})


@lru_cache(maxsize=4096)
def needs_quotes(value: str) -> bool:
    """Whether YAML 1.1, YAML 1.2 or go-yaml would take the plain scalar `value` for anything but a string."""
    if value.lower() in _WORDS or not _PLAIN.fullmatch(value) or value.endswith(":"):
        return True
    return bool(_NUMBER.fullmatch(value.replace("_", "")))


def template_marker(text: str) -> str:
    """The first mark of a template language in `text`, such as `{{` or `${`; empty where there is none."""
    match = re.search(r"\{\{|\{%|<%|\$\{|\$\(", text)
    return match[0] if match else ""


def _decode(data: bytes, file: str) -> tuple[bytes, str, str]:
    if len(data) > SIZE_LIMIT:
        raise GitopsError(file, f"has {len(data):,} bytes, over the limit of {SIZE_LIMIT:,}", "split it")
    bom, codec = next(((bom, codec) for bom, codec in _BOMS if data.startswith(bom)), (b"", "utf-8"))
    try:
        return bom, codec, data[len(bom) :].decode(codec)
    except UnicodeDecodeError as error:
        place = len(bom) + error.start + 1
        raise GitopsError(file, f"is not {codec.upper()} (byte {place:,})", "save it as UTF-8") from error


def _parse(text: str, file: str) -> list[Any]:
    try:
        return _events(text, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}" if mark else file
        if marker := template_marker(text):
            raise GitopsError(place, f"is a template ({marker}), not YAML", "edit what fills it in") from error
        raise GitopsError(place, f"is not YAML: {error.problem or error.context}", "check that line") from error
    except yaml.YAMLError as error:
        raise GitopsError(file, f"is not YAML: {' '.join(str(error).split())}", "save it as UTF-8 text") from error


def _events(text: str, file: str) -> list[Any]:
    next_event = yaml.CSafeLoader(text).get_event
    events: list[Any] = []
    depth = 0
    while True:
        event: Any = next_event()
        events.append(event)
        kind = type(event)
        if kind is yaml.ScalarEvent:
            continue
        if kind in _STARTS:
            depth += 1
            if depth > DEPTH_LIMIT:
                line = event.start_mark.line + 1
                raise GitopsError(f"{file}:{line}", f"is nested over {DEPTH_LIMIT} deep", "check that line")
        elif kind in _ENDS:
            depth -= 1
        elif kind is yaml.StreamEndEvent:
            return events


_STARTS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def _nodes(events: Sequence[Any]) -> list[Node]:
    """The roots of the documents, made in one pass with a stack."""
    top = Node("stream", 0, 0, 0, 0, 0, 0)
    stack = [top]
    for index, event in enumerate(events):
        kind = type(event)
        if kind in _ENDS:
            closed = stack.pop()
            closed.end, closed.last_event = event.end_mark.index, index
        elif kind in _NODES:
            start = event.start_mark
            node = Node(_NODES[kind], start.index, event.end_mark.index, start.line, start.column, index, index)
            stack[-1].children.append(node)
            node.anchor = event.anchor
            if kind is yaml.ScalarEvent:
                node.value, node.style, node.tag = event.value, event.style or "", event.tag
            elif kind is yaml.AliasEvent:
                node.value = event.anchor
            else:
                node.flow, node.tag = bool(event.flow_style), event.tag
                stack.append(node)
    return top.children


_NODES = {
    yaml.ScalarEvent: "scalar",
    yaml.AliasEvent: "alias",
    yaml.MappingStartEvent: "mapping",
    yaml.SequenceStartEvent: "sequence",
}
