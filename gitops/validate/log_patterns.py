"""Checks of what CloudWatch Logs is asked: patterns of metric filters, Logs Insights queries. Pure.

A problem is a code, the line of the text (from 0) and what is wrong.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

import re
from collections.abc import Iterator

Problem = tuple[str, int, str]

MAX_REGULAR_EXPRESSIONS = 2
"""In one filter pattern."""
_SCOPE = re.compile(r"\$\.kubernetes\.\w+")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"|/(?:[^/\\\n]|\\.)*/')
_TERM = re.compile(r"(?i)(error|warn)")
_LIKE = re.compile(r"(?:\blike|=~|\bparse\s+\S+)\s*$")
_ALIAS = re.compile(r"(?i)\bas\s+([\w@.]+)")
_BY = re.compile(r"(?i)\bby\s+(.+)", re.DOTALL)
_FIELD = re.compile(r"[A-Za-z@][\w@.]*")
_WORDS = frozenset(["and", "or", "not", "like", "in", "ispresent", "as", "by", "asc", "desc"])


def pattern_problems(pattern: str, shared: bool) -> Iterator[Problem]:
    """What is wrong with a filter pattern; `shared` where several applications write to its log group."""
    if shared and not _SCOPE.search(pattern):
        yield "C006", 0, "the pattern names no $.kubernetes.container_name: it counts every application"
    yield from _balanced(pattern, "C008", "pattern")
    regular = len(re.findall(r"=\s*%|(?<!\w)%[^%\s]+%", pattern))
    if regular > MAX_REGULAR_EXPRESSIONS:
        yield "C008", 0, f"{regular} regular expressions; CloudWatch takes {MAX_REGULAR_EXPRESSIONS} in a pattern"
    spelled = {match[0] for match in _TERM.finditer(re.sub(r"\$\.[\w.]+|\(\?i\)", "", pattern))}
    for word in ("error", "warn"):
        if word in spelled and word.upper() not in spelled:
            line = next(n for n, text in enumerate(pattern.splitlines()) if word in text)
            yield "C007", line, f'"{word}" does not match {word.upper()}: patterns are case-sensitive'


def query_problems(query: str) -> Iterator[Problem]:
    """What is wrong with a Logs Insights query."""
    yield from _balanced(query, "C010", "query")
    for match in _regular_expressions(query):
        text, line = match
        if "\n" in text:
            yield "C010", line, f"a line break within the regular expression /{text.splitlines()[0]}"
        if _TERM.search(text) and not text.startswith("(?i)") and not re.search(r"\[[A-Za-z]{2}\]", text):
            yield "C012", line, f"/{text.strip()}/ is case-sensitive"
    yield from _order(query)


def _balanced(text: str, code: str, noun: str) -> Iterator[Problem]:
    """Of parentheses, outside of quotes and regular expressions."""
    bare = _without_texts(text)
    opened, closed = bare.count("("), bare.count(")")
    if opened != closed:
        yield code, 0, f"the {noun} has {opened} ( and {closed} )"


def _without_texts(text: str) -> str:
    """`text` with its quoted texts and regular expressions blanked, line breaks kept."""
    for start, end in _regex_spans(text):
        text = text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]
    return _TEXT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]) if match[0][0] == '"' else match[0], text)


def _regex_spans(query: str) -> list[tuple[int, int]]:
    """Where the regular expressions are, slashes included."""
    spans, position = [], 0
    while (start := query.find("/", position)) >= 0:
        if not _LIKE.search(query[:start]):
            position = start + 1
            continue
        end = re.compile(r"(?:[^/\\]|\\.)*/", re.DOTALL).match(query, start + 1)
        position = end.end() if end else len(query)
        spans.append((start, position))
    return spans


def _regular_expressions(query: str) -> Iterator[tuple[str, int]]:
    for start, end in _regex_spans(query):
        yield query[start + 1 : end - 1], query.count("\n", 0, start)


def _order(query: str) -> Iterator[Problem]:
    """A filter after `stats` sees what that made and nothing else."""
    made: set[str] | None = None
    offset = 0
    for command in _without_texts(query).split("|"):
        line = query.count("\n", 0, offset + len(command) - len(command.lstrip()))
        offset += len(command) + 1
        words = command.split()
        if words[:1] == ["stats"]:
            by = _BY.search(command)
            made = set(_ALIAS.findall(command)) | set(_FIELD.findall(by[1]) if by else ())
        elif words[:1] == ["filter"] and made is not None:
            fields = {word for word in _FIELD.findall(command.strip()[len("filter") :]) if word.lower() not in _WORDS}
            if fields - made:
                yield (
                    "C011",
                    line,
                    f"filter on {', '.join(sorted(fields - made))} after stats, which made no such field",
                )
