"""Values that must never be shown, and texts without them.

Plans and errors are masked where they are made. This is the last net, for what no stage foresaw: an error that quotes a
file, a trace, a log. Who learns of a secret says so here; what is printed or kept goes through `without`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
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


_PASSWORD_OF_URL = re.compile(r"://[^/\s:@'\"]*:([^/\s'\"]+)@")
_SETTING = re.compile(r"""(?<![\w.-])([\w.-]++)["']?\s*+[:=]\s*+["']?([^\s"',;}]+)""")
"""A name and what it is set to, in JSON, YAML, properties or an env file."""
_PERCENT = re.compile("%[0-9A-F]{2}")
_GO_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
"""Go's JSON is fit for HTML, and the API server is Go's."""
_URL_SAFE = str.maketrans("+/", "-_")
FEW = 8
"""So few alternatives are tried one after the other."""


class AnyOf:
    """Finds each of `texts`, none shorter than SHORTEST, the longest of those that begin at one place. They may be
    thousands, and long: a pattern knows how they begin, and nothing more."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._by_head: dict[str, list[str]] = {}
        for text in sorted(texts, key=len, reverse=True):
            self._by_head.setdefault(text[:SHORTEST], []).append(text)
        self._heads = re.compile(_grouped(list(self._by_head), 2) or r"(?!)")

    def replaced(self, text: str, stands_for: Callable[[str], str]) -> str:
        """`text` with what `stands_for` makes of each that is found."""
        kept: list[str] = []
        done = at = 0
        while match := self._heads.search(text, at):
            start = match.start()
            found = next((each for each in self._by_head[match[0]] if text.startswith(each, start)), "")
            if found:
                kept += text[done:start], stands_for(found)
                done = start + len(found)
            at = max(done, start + 1)
        return "".join((*kept, text[done:]))


def _grouped(texts: list[str], depth: int) -> str:
    """An alternation, grouped by the first letters: of thousands, a few are tried at each place."""
    if not depth or len(texts) < FEW:
        return "|".join(map(re.escape, texts))
    groups: dict[str, list[str]] = {}
    for text in texts:
        groups.setdefault(text[0], []).append(text[1:])
    return "|".join(f"{re.escape(first)}(?:{_grouped(rests, depth - 1)})" for first, rests in groups.items())


class _Known:
    """What was learned in this process."""

    def __init__(self) -> None:
        self.secret: set[str] = set()
        self.public: set[str] = set()
        self.pattern: AnyOf | None = None


_KNOWN = _Known()


def remember(values: Iterable[str], public: Iterable[str] = ()) -> None:
    """Hide `values` from now on, whole and by line, as they are and in every form of `_forms`. A value that is
    part of a `public` one, such as the name of an object, is no secret."""
    new = {each.strip() for value in values for each in (value, *value.splitlines())}
    new = {value for value in new if len(value) >= SHORTEST and not _is_fence(value)} - _KNOWN.secret
    named = set(public) - _KNOWN.public
    if new or named:
        _KNOWN.secret |= new
        _KNOWN.public |= named
        _KNOWN.pattern = None


def _is_fence(value: str) -> bool:
    """The first or last line of PEM, which every key has."""
    return value.startswith("-----") and "\n" not in value


def forget() -> None:
    """Forget all of it: for tests, whose processes are many runs."""
    _KNOWN.__init__()  # type: ignore[misc]


def without(text: str) -> str:
    """`text` with every known value, and the password or token of every URL, hidden."""
    text = _URL_TOKEN.sub(rf"\1{STANDS_FOR}@", _URL_PASSWORD.sub(rf"\1:{STANDS_FOR}@", text))
    pattern = _pattern()
    return pattern.replaced(text, lambda _: STANDS_FOR) if pattern else text


def within(value: Any) -> Any:
    """`value`, as parsed from JSON, with every known value hidden in its strings."""
    if isinstance(value, str):
        return without(value)
    if isinstance(value, Mapping):
        return {key: within(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [within(item) for item in value]
    return value


def _pattern() -> AnyOf | None:
    if _KNOWN.pattern is None and _KNOWN.secret:
        names = "\n".join(_KNOWN.public)
        forms = {form for value in _KNOWN.secret if value not in names for form in _forms(value)}
        _KNOWN.pattern = AnyOf(form for form in forms if len(form) >= SHORTEST)
    return _KNOWN.pattern


def _forms(value: str) -> set[str]:
    """How a value may turn up: in JSON (also as Go writes it, and JSON within JSON), XML, YAML, a trace, quotes of a
    shell, a URL, base64, hex; and with its white space made one, as errors are."""
    import html

    found = {value, " ".join(value.split()), repr(value)[1:-1], html.escape(value)}
    text = html.escape(value, quote=False)
    found |= {text, text.replace('"', "&quot;"), text.replace('"', "&#34;").replace("'", "&#39;")}
    found |= (once := _in_json(value)) | {twice for written in once for twice in _in_json(written)}
    data = value.encode("utf-8", "surrogatepass")
    return found | _quoted(value) | _in_urls(data) | _in_base64(data) | {data.hex(), data.hex().upper()}


def _in_json(value: str) -> set[str]:
    import json

    written = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    return written | {"".join(_GO_ESCAPES.get(letter, letter) for letter in each) for each in written}


def _quoted(value: str) -> set[str]:
    """In the quotes of a shell or of YAML, or without any and with backslashes."""
    import json

    yaml = json.dumps(value, ensure_ascii=False)[1:-1]
    return {
        *(value.replace("'", quote) for quote in ("'\\''", "'\"'\"'", "''")),
        re.sub(r"""(["$`\\!])""", r"\\\1", value),
        re.sub(r"""(["$`\\])""", r"\\\1", value),
        re.sub(r"([^\w@%+=:,./-])", r"\\\1", value),
        re.sub(r"[^\x00-\x7f]", lambda match: (r"\x%02X" if match[0] < "\u0100" else r"\u%04X") % ord(match[0]), yaml),
    }


_SAFE = ("", "/", "!~*'()", "$&+,;=", "$&+,:;=@", "$&+,/:;=@")
"""What is left as it is in URLs: by Python, in JavaScript, by Go in the parts of one."""


def _in_urls(data: bytes) -> set[str]:
    from urllib.parse import quote, quote_plus

    coded = {quote_plus(data), *(quote(data, safe=safe) for safe in _SAFE)}
    return coded | {_PERCENT.sub(lambda match: match[0].lower(), each) for each in coded}


def _in_base64(data: bytes) -> set[str]:
    """How `data` is coded alone, and as a part of something longer: by where it begins, three ways, less the letters
    that what stands beside it decides too. With either alphabet."""
    import base64

    whole = base64.b64encode(data).decode()
    found = {whole, whole.rstrip("=")}
    # In lines, as PEM has them and base64 prints them.
    for width in (64, 76) if len(whole) > 64 else ():
        found |= {whole[start : start + width] for start in range(0, len(whole), width)}
    for before, shared in enumerate((0, 2, 3)):
        coded = base64.b64encode(bytes(before) + data).decode()
        found.add(coded[shared : (before + len(data)) * 8 // 6])
    return found | {each.translate(_URL_SAFE) for each in found}


def parts(value: str) -> Iterator[str]:
    """Secrets within a secret, such as a file of settings: passwords in URLs, what is named a password or a token, and
    the password of a registry's `auth`."""
    yield from (match[1] for match in _PASSWORD_OF_URL.finditer(value))
    for name, said in _SETTING.findall(value):
        if SECRET_NAME.search(name) and not said.isalpha():
            yield said
        elif name == "auth":
            yield from _password_of(said)


def _password_of(auth: str) -> Iterator[str]:
    import base64

    with suppress(ValueError):
        yield base64.b64decode(auth, validate=True).decode().partition(":")[2]


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
