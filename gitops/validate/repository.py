"""Checks of a repository's other files: its CloudFormation templates, scripts, buildspecs and documents."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from gitops.validate.buildspecs import check_buildspec, is_buildspec
from gitops.validate.commands import Command, commands_of, script_problems
from gitops.validate.finding import Finding
from gitops.validate.log_patterns import Problem, pattern_problems, query_problems
from gitops.validate.scope import Overlay
from gitops.validate.secrets import SECRET_VALUE
from gitops.validate.sources import Sources
from gitops.validate.stack_resources import resources_of
from gitops.validate.stack_templates import check_templates

_SCRIPT = (".sh", ".bash", ".zsh")
_FENCE = re.compile(r"^\s*(```+|~~~+)\s*([\w-]*)")
_SHELL = {"", "sh", "bash", "zsh", "shell", "console", "shell-session"}
_LINK = re.compile(r"!?\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?[^)\n]*\)")
_TERM = re.compile(r"(?i)\bmetric director(y|ies)\b|메트릭 디렉터리")
_QUERY = re.compile(r"\s*(fields|filter|stats|parse|display|sort)\b[^\n]*(\n|\|)")


def check_repository(overlays: Sequence[Overlay]) -> Iterator[Finding]:
    """Findings in the files that no overlay takes in."""
    if not overlays:
        return
    sources = overlays[0].sources
    yield from check_templates(resources_of(sources), overlays)
    for file in sources.files:
        if file.endswith(_SCRIPT):
            yield from _at(file, 0, _script(_text(sources, file)))
        elif is_buildspec(file, sources.files[file]):
            yield from _at(file, 0, _script(_text(sources, file)))
            for spec in sources.documents(file):
                yield from check_buildspec(spec)
        elif file.endswith((".md", ".markdown")):
            yield from check_document(sources, file)


def _text(sources: Sources, file: str) -> str:
    return sources.files[file].decode("utf-8", "replace")


def _at(file: str, start: int, problems: Iterator[Problem]) -> Iterator[Finding]:
    for code, line, what in problems:
        yield Finding(file, start + line + 1, code, what)


def _script(text: str) -> Iterator[Problem]:
    yield from script_problems(commands_of(text), runs=True)
    yield from _secrets(text)


def _secrets(text: str) -> Iterator[Problem]:
    for line, words in enumerate(text.splitlines()):
        found = SECRET_VALUE.search(words)
        if found and not found[0].endswith("EXAMPLE"):
            yield "W005", line, "it holds a key or token"


def check_document(sources: Sources, file: str) -> Iterator[Finding]:
    """Findings in a Markdown document: its links, its words, and what its fenced blocks show."""
    shown: list[Command] = []
    text = _text(sources, file)
    prose = text.splitlines()
    for start, language, block in _blocks(text):
        prose[start : start + len(block)] = [""] * len(block)
        body = "\n".join(block)
        if language.lower() in _SHELL and _QUERY.match(body):
            yield from _at(file, start, query_problems(body))
        elif body.lstrip().startswith("{ $."):
            yield from _at(file, start, pattern_problems(body, shared=False))
        elif language.lower() in _SHELL:
            shown += [Command(start + line, command) for line, command in commands_of(body)]
    yield from _at(file, 0, script_problems(shown, runs=False))
    yield from _at(file, 0, _secrets(text))
    for line, words in enumerate(prose):
        yield from _at(file, line, _links(sources, file, words))
        if term := _TERM.search(words):
            yield Finding(file, line + 1, "D002", f"CloudWatch has no {term[0]}; it is a metric filter")


def _blocks(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Each fenced block: the number of its first line from 0, its language, its lines."""
    fence, start, language, lines = "", 0, "", text.splitlines()
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if not fence and match:
            fence, start, language = match[1], number + 1, match[2]
        elif fence and line.strip() == fence:
            yield start, language, lines[start:number]
            fence = ""


def _links(sources: Sources, file: str, line: str) -> Iterator[Problem]:
    """Links of `line` to files that are not there. Addresses and what leaves the repository are not looked at."""
    for target in _LINK.findall(re.sub(r"`[^`]*`", "", line)):
        if re.match(r"[a-z][a-z+.-]*:|//|#|/", target, re.IGNORECASE):
            continue
        path = posixpath.normpath(posixpath.join(posixpath.dirname(file), unquote(re.split(r"[#?]", target)[0])))
        there = path == "." or path in sources.files or any(name.startswith(path + "/") for name in sources.files)
        if not there and not path.startswith(".."):
            yield "D001", 0, f"{target} is not there"
