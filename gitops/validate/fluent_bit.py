"""Fluent Bit's classic configuration: read strictly, against a catalogue of what its plugins take.

Format: https://docs.fluentbit.io/manual/administration/configuring-fluent-bit/classic-mode/format-schema
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

SECTIONS = {"SERVICE", "INPUT", "FILTER", "OUTPUT", "PARSER", "MULTILINE_PARSER", "CUSTOM"}


@dataclass(frozen=True)
class Entry:
    """One line of a section."""

    key: str
    value: str
    line: int


@dataclass(frozen=True)
class Section:
    """One [SECTION]; `line` is that of its head."""

    name: str
    line: int
    entries: tuple[Entry, ...]

    def get(self, key: str) -> str:
        """The first value of `key`, whose case does not matter; empty where it is not given."""
        return next((entry.value for entry in self.entries if entry.key.lower() == key.lower()), "")

    def all(self, key: str) -> list[Entry]:
        """Every entry of `key`."""
        return [entry for entry in self.entries if entry.key.lower() == key.lower()]

    @property
    def plugin(self) -> str:
        return self.get("name").lower()


class Malformed(Exception):
    """A line that is neither head, entry, command nor comment."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line
        self.what = what


def read(text: str) -> tuple[list[Section], list[str]]:
    """The sections of `text`, and the files that it includes. Raises `Malformed`."""
    sections: list[Section] = []
    included = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("@INCLUDE "):
            included.append(line.removeprefix("@INCLUDE ").strip())
        elif line.startswith("@SET "):
            continue
        elif head := re.fullmatch(r"\[(\w+)\]", line):
            sections.append(Section(head[1], number, ()))
        elif not sections:
            raise Malformed(number, f"'{line}' stands before the first section")
        elif not raw[0].isspace():
            raise Malformed(number, f"'{line}' must be indented")
        else:
            sections[-1] = _with(sections[-1], line, number)
    return sections, included


def _with(section: Section, line: str, number: int) -> Section:
    key, _, value = line.partition(" ")
    if not value.strip():
        raise Malformed(number, f"'{key}' has no value")
    return Section(section.name, section.line, (*section.entries, Entry(key, value.strip(), number)))


@cache
def catalogue() -> Mapping[str, Any]:
    """Section -> plugin -> its keys; what every plugin of a section takes is under `*`."""
    result: Mapping[str, Any] = yaml.safe_load(files("gitops.validate").joinpath("fluent_bit.yaml").read_bytes())
    return result


def problems(text: str, siblings: set[str]) -> Iterator[tuple[int, str]]:
    """(line, what) for each thing that Fluent Bit does not know. `siblings` are the files beside it."""
    try:
        sections, included = read(text)
    except Malformed as error:
        yield error.line, error.what
        return
    for name in included:
        if not name.startswith("/") and name not in siblings:
            yield _line_of(text, name), f"@INCLUDE {name}: no such file beside it"
    for section in sections:
        if section.name not in SECTIONS:
            yield section.line, f"unknown section [{section.name}]"
            continue
        yield from _section(section)


def _section(section: Section) -> Iterator[tuple[int, str]]:
    known = catalogue()[section.name]
    if section.name in ("SERVICE", "PARSER", "MULTILINE_PARSER", "CUSTOM"):
        keys = known
    elif not section.plugin:
        yield section.line, f"[{section.name}] has no Name"
        return
    elif section.plugin not in known:
        yield section.all("name")[0].line, f"unknown {section.name.lower()} plugin {section.plugin}"
        return
    else:
        keys = {**known["*"], **known[section.plugin]}
        if section.name != "INPUT" and not (section.get("match") or section.get("match_regex")):
            yield section.line, f"[{section.name}] {section.plugin} has no Match"
        if section.name == "INPUT" and not section.get("tag"):
            yield section.line, f"[INPUT] {section.plugin} has no Tag"
    patterns = {key.lower(): re.compile(value) for key, value in keys.items()}
    for entry in section.entries:
        pattern = patterns.get(entry.key.lower())
        if pattern is None:
            yield entry.line, f"{section.plugin or section.name} has no key {entry.key}"
        elif not pattern.fullmatch(entry.value) and "${" not in entry.value:
            yield entry.line, f"{entry.key} cannot be '{entry.value}'"


def _line_of(text: str, name: str) -> int:
    return next((n for n, line in enumerate(text.splitlines(), 1) if name in line and "@INCLUDE" in line), 1)
