"""Values that must never be shown, and texts without them.

Plans and errors are masked where they are made. This is the last net, for what no stage foresaw: an error that quotes a
file, a trace, a log. Who learns of a secret says so here; what is printed or kept goes through `without`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

SHORTEST = 6
"""Characters. Shorter values are not looked for: they would hide half of every text."""
STANDS_FOR = "***"
SECRET_NAME = re.compile(r"passw|passphrase|secret|token|(api|access|private)[_-]?key|credential", re.IGNORECASE)
"""Environment variables and annotations whose value is hidden for their name."""
SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Of the environment: what nothing may print, even where a server quotes a request."""
_URL_PASSWORD = re.compile(r"(://[^/\s:@'\"]*):[^/\s'\"]+@")
_URL_TOKEN = re.compile(r"(https?://)[^/\s:@'\"]+@")
"""A token alone, as GitHub takes it; a user alone looks the same."""


class _Known:
    """What was learned in this process."""

    def __init__(self) -> None:
        self.secret: set[str] = set()
        self.public: set[str] = set()
        self.pattern: re.Pattern[str] | None = None


_KNOWN = _Known()


def remember(values: Iterable[str], public: Iterable[str] = ()) -> None:
    """Hide `values` from now on, as they are and as they are written in JSON, XML, URLs and base64. A value that is
    part of a `public` one, such as the name of an object, is no secret."""
    new = {each.strip() for value in values for each in (value, *value.splitlines())}
    new = {value for value in new if len(value) >= SHORTEST and not value.startswith("-----")} - _KNOWN.secret
    named = set(public) - _KNOWN.public
    if new or named:
        _KNOWN.secret |= new
        _KNOWN.public |= named
        _KNOWN.pattern = None


def forget() -> None:
    """Forget all of it: for tests, whose processes are many runs."""
    _KNOWN.__init__()  # type: ignore[misc]


def without(text: str) -> str:
    """`text` with every known value, and the password or token of every URL, hidden."""
    text = _URL_TOKEN.sub(rf"\1{STANDS_FOR}@", _URL_PASSWORD.sub(rf"\1:{STANDS_FOR}@", text))
    pattern = _pattern()
    return pattern.sub(STANDS_FOR, text) if pattern else text


def within(value: Any) -> Any:
    """`value`, as parsed from JSON, with every known value hidden in its strings."""
    if isinstance(value, str):
        return without(value)
    if isinstance(value, Mapping):
        return {key: within(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [within(item) for item in value]
    return value


def _pattern() -> re.Pattern[str] | None:
    if _KNOWN.pattern is None and _KNOWN.secret:
        names = "\n".join(_KNOWN.public)
        forms = {form for value in _KNOWN.secret if value not in names for form in _forms(value)}
        longest_first = sorted(forms, key=len, reverse=True)
        _KNOWN.pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
    return _KNOWN.pattern


def _forms(value: str) -> set[str]:
    """How a value may turn up."""
    import base64
    import html
    import json
    from urllib.parse import quote

    coded = base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
    return {value, json.dumps(value)[1:-1], html.escape(value), quote(value, safe="", errors="replace"), coded}


def values_by_name(value: Any) -> Iterator[str]:
    """Values of variables and annotations that are secret by their name, anywhere in an object."""
    if isinstance(value, Mapping):
        if SECRET_NAME.search(str(value.get("name", ""))) and isinstance(value.get("value"), str):
            yield value["value"]
        for key, inner in value.items():
            if isinstance(inner, str):
                if "/" in str(key) and SECRET_NAME.search(str(key)):
                    yield inner
            else:
                yield from values_by_name(inner)
    elif isinstance(value, list):
        for item in value:
            yield from values_by_name(item)


def is_secret(body: Mapping[str, Any]) -> bool:
    """It is a Secret of Kubernetes' own."""
    return body.get("kind") == "Secret" and "/" not in str(body.get("apiVersion", ""))


def holds_secret(body: Mapping[str, Any]) -> bool:
    """It is a Secret with values, or has a variable or an annotation that is secret by its name."""
    values = (value for key in ("data", "stringData") for value in strings(body.get(key)))
    return (is_secret(body) and next(values, None) is not None) or next(values_by_name(body), None) is not None


def strings(value: Any) -> Iterator[str]:
    """Every value within `value`, whatever its shape: what is malformed is a secret all the same."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif value is not None:
        yield str(value)
