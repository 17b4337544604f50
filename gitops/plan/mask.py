"""Secrets out of sight, by kind and by value, where a diff or an error is made and not where it is printed."""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gitops import hidden
from gitops.errors import GitopsError
from gitops.hidden import SECRET_NAME, is_secret, strings, values_by_name
from gitops.objects import Body, KubeObject
from gitops.plan.model import FieldChange, Plan

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Mask:
    """Knows the values of some Secrets and hides them. The salt is the run's own, so that no hash can be looked up."""

    def __init__(self, objects: Iterable[KubeObject] = (), salt: bytes = b"") -> None:
        self._salt = salt or secrets.token_bytes(16)
        self._values: set[str] = set()
        self._pattern: hidden.AnyOf | None = None
        for each in objects:
            self.learn(each)

    def learn(self, found: KubeObject) -> None:
        """Hide the values of `found` from now on, where it is a Secret."""
        for value in secret_values(found.body):
            if len(value.strip()) >= hidden.SHORTEST and value not in self._values:
                self._values.add(value)
                self._pattern = None

    def text(self, text: str) -> str:
        """`text` with every known value hidden."""
        if not self._values:
            return text
        if self._pattern is None:
            self._pattern = hidden.AnyOf(self._values)
        return self._pattern.replaced(text, self.hidden)

    def error(self, error: GitopsError) -> GitopsError:
        """`error`, with every known value hidden in it: an API server may quote what it refuses."""
        error.problem, error.hint = self.text(error.problem), self.text(error.hint)
        error.args = (error.subject, error.problem, error.hint)
        return error

    def hidden(self, value: Any) -> str:
        """What stands for `value`: the same for the same value, within one run."""
        digest = hashlib.sha256(self._salt + str(value).encode()).hexdigest()
        return f"*** ({digest[:8]})"

    def changes(self, kind: str, changes: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
        """`changes` of an object of `kind`, with what is secret in them hidden."""
        return tuple(
            replace(
                change,
                before=self._value(kind, change.path, change.before),
                after=self._value(kind, change.path, change.after),
            )
            for change in changes
        )

    def _value(self, kind: str, path: str, value: Any) -> Any:
        if value is None:
            return None
        if LAST_APPLIED in path or (
            kind == "Secret" and path.partition(".")[0].partition("[")[0] in ("data", "stringData")
        ):
            if isinstance(value, Mapping):
                return {key: self.hidden(inner) for key, inner in value.items()}
            return self.hidden(value)
        if SECRET_NAME.search(path) and path.endswith((".value", "]")) and isinstance(value, str):
            return self.hidden(value)
        return self._within(value)

    def _within(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            by_name = SECRET_NAME.search(str(value.get("name", ""))) and isinstance(value.get("value"), str)
            return {
                key: self.hidden(inner)
                if (by_name and key == "value")
                or key == LAST_APPLIED
                or (SECRET_NAME.search(key) and isinstance(inner, str) and "/" in key)
                else self._within(inner)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self._within(item) for item in value]
        return value


def mask_of(plan: Plan) -> Mask:
    """What hides the values of every Secret that `plan` is about."""
    return Mask(each for change in plan.changes for each in (change.desired, change.live) if each)


def remember_secrets(objects: Iterable[KubeObject]) -> None:
    """Let nothing in this process show what is secret in `objects`; their names are no secret."""
    objects = list(objects)
    values = {value for each in objects for value in secret_values(each.body)}
    values |= {part for value in values for part in hidden.parts(value)}
    # A plain word such as "required" is hidden where it stands, by the name beside it, and not wherever it turns up.
    values |= {value for each in objects for value in values_by_name(each.body) if not value.isalpha()}
    names = {name for each in objects for name in (each.name, each.namespace, each.kind)} if values else ()
    hidden.remember(values, names)


def shown(body: Body) -> dict[str, Any]:
    """`body` for a person's eyes: a Secret's values hidden, and every known one wherever it turns up. No hash stands
    for them: the same object reads the same each time."""
    given = dict(body)
    for key in ("data", "stringData") if is_secret(body) else ():
        if isinstance(given.get(key), Mapping):
            given[key] = dict.fromkeys(given[key], hidden.STANDS_FOR)
    found: dict[str, Any] = hidden.within(given)
    return found


def secret_values(body: Body) -> set[str]:
    """What a Secret holds, as written and decoded, whole and by line; empty for another kind."""
    if not is_secret(body):
        return set()
    values: set[str] = set()
    for encoded in strings(body.get("data")):
        values.add(encoded)
        try:
            # A long value is written in lines, as kustomize's generator does.
            values.add(base64.b64decode("".join(encoded.split()), validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            continue
    for plain in strings(body.get("stringData")):
        values.update((plain, base64.b64encode(plain.encode()).decode()))
    lines = {line.strip() for value in values for line in value.splitlines()}
    return {value for value in values | lines if value}
