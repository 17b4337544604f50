"""The scalars of YAML as kustomize resolves them: of an object (YAML 1.2 of yaml.v3), of a kustomization (YAML 1.1)."""

import re
from typing import Any

from gitops.render.problems import NotModelled


class Odd:
    """A plain scalar whose text is not how its value is usually written: `1.0`, `010`, `~`, nothing at all.

    kustomize compares and copies texts, and prints values, so that both are kept until the end.
    """

    __slots__ = ("text", "value")

    def __init__(self, value: Any, text: str) -> None:
        self.value = value
        self.text = text

    def __repr__(self) -> str:
        return f"Odd({self.value!r}, {self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Odd) and (other.value, other.text) == (self.value, self.text)

    def __hash__(self) -> int:
        return hash((str(self.value), self.text))


EMPTY = Odd(None, "")
MERGE_KEY = "<<"
_NOT_PLAIN_TEXT = frozenset("+-.0123456789~tTfFnN")
_DECIMAL = re.compile(r"(?:0|-?[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_BASED = re.compile(r"([-+]?)0(?:([bB])([01]+)|([oO]?)([0-7]+)|([xX])([0-9a-fA-F]+))\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9].*)?\Z", re.DOTALL)
_SPECIAL = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_BOOLEANS_1_1 = _BOOLEANS | {
    text: value
    for value, words in ((True, "y yes on"), (False, "n no off"))
    for word in words.split()
    for text in (word, word.title(), word.upper())
}
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_resolved: dict[str, Any] = {"true": True, "false": False, "null": None, "": EMPTY}
_REMEMBERED = 50_000
_LARGEST_EXACT = 2**63 - 1


def resolve(text: str) -> Any:
    """The value of a plain scalar in an object. Raises `NotModelled` for dates, infinities and huge numbers."""
    try:
        return _resolved[text]
    except KeyError:
        value = _resolve(text) if text[0] in _NOT_PLAIN_TEXT else text
        if len(_resolved) < _REMEMBERED:
            _resolved[text] = value
        return value


def _resolve(text: str) -> Any:
    if text in _NULLS:
        return Odd(None, text)
    if text in _BOOLEANS:
        return Odd(_BOOLEANS[text], text)
    if _DECIMAL.match(text):
        return _exact(int(text), text)
    if _SPECIAL.match(text) or _DATE.match(text):
        raise NotModelled(f"the unquoted value {text}", "quote it")
    return _number(text)


def _number(text: str) -> Any:
    digits = text.replace("_", "")
    if based := _BASED.match(digits):
        sign, _, two, _, eight, _, sixteen = based.groups()
        whole = int(two, 2) if two else int(eight, 8) if eight else int(sixteen, 16)
        return Odd(_exact(-whole if sign == "-" else whole, text), text)
    if not _FLOAT.match(digits):
        return text
    if re.match(r"[-+]?[0-9]+\Z", digits) and (digits.lstrip("+-") == "0" or not digits.lstrip("+-").startswith("0")):
        return Odd(_exact(int(digits), text), text)
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise NotModelled(f"the number {text}", "write a smaller one")
    if number.is_integer() and abs(number) <= _LARGEST_EXACT:
        return Odd(int(number), text)
    return number if repr(number) == text else Odd(number, text)


def _exact(number: int, text: str) -> int:
    if abs(number) > _LARGEST_EXACT:
        raise NotModelled(f"the number {text}", "quote it")
    return number


def resolve_1_1(text: str) -> Any:
    """The value of a plain scalar in a kustomization: YAML 1.1, where `yes` and `on` are booleans."""
    if text in _BOOLEANS_1_1:
        return _BOOLEANS_1_1[text]
    if text in _NULLS:
        return None
    if _DATE.match(text):
        return text
    value = resolve(text)
    return value.value if isinstance(value, Odd) else value


def is_null(value: Any) -> bool:
    """Whether `value` is a null, however written."""
    return value is None or (value.__class__ is Odd and value.value is None)


def text_of(value: Any) -> str:
    """The text of a scalar as its file has it; "" for a list or a map."""
    kind = value.__class__
    if kind is str:
        return str(value)
    if kind is Odd:
        return str(value.text)
    if kind is bool:
        return "true" if value else "false"
    if value is None:
        return "null"
    return "" if kind is dict or kind is list else repr(value)


def plain(text: str) -> str:
    """`text`, written where a plain scalar was. Raises `NotModelled` where it would be no string any more."""
    if text and text[0] in _NOT_PLAIN_TEXT and not isinstance(resolve(text), str):
        raise NotModelled(f"a value that becomes {text}, which is no string", "choose another value")
    return text


def settled(value: Any) -> Any:
    """`value` with each odd scalar replaced by what it means."""
    kind = value.__class__
    if kind is dict:
        return {key: settled(each) for key, each in value.items()}
    if kind is list:
        return [settled(each) for each in value]
    return value.value if kind is Odd else value


def copied(value: Any) -> Any:
    """`value` with maps and lists of its own."""
    kind = value.__class__
    if kind is dict:
        return {key: copied(each) for key, each in value.items()}
    return [copied(each) for each in value] if kind is list else value
