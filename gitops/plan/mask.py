"""Secrets out of sight, by kind and by value, where a diff or an error is made and not where it is printed."""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gitops.errors import GitopsError
from gitops.objects import Body, KubeObject
from gitops.plan.model import FieldChange, Plan

SHORTEST = 6
"""Characters. A shorter value is hidden in its Secret, but not looked for elsewhere: it would hide half of the text."""
SECRET_NAME = re.compile(r"passw|secret|token|api_?key|private_?key|credential", re.IGNORECASE)
"""Environment variables and annotations whose value is hidden for their name."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Mask:
    """Knows the values of some Secrets and hides them. The salt is the run's own, so that no hash can be looked up."""

    def __init__(self, objects: Iterable[KubeObject] = (), salt: bytes = b"") -> None:
        self._salt = salt or secrets.token_bytes(16)
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for each in objects:
            self.learn(each)

    def learn(self, found: KubeObject) -> None:
        """Hide the values of `found` from now on, where it is a Secret."""
        for value in secret_values(found.body):
            if len(value.strip()) >= SHORTEST and value not in self._values:
                self._values.add(value)
                self._pattern = None

    def text(self, text: str) -> str:
        """`text` with every known value hidden."""
        if not self._values:
            return text
        if self._pattern is None:
            longest_first = sorted(self._values, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern.sub(lambda match: self.hidden(match[0]), text)

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


def secret_values(body: Body) -> set[str]:
    """What a Secret holds, as written and decoded, whole and by line; empty for another kind."""
    if body.get("kind") != "Secret" or "/" in str(body.get("apiVersion", "")):
        return set()
    values: set[str] = set()
    for encoded in (body.get("data") or {}).values():
        values.add(str(encoded))
        try:
            values.add(base64.b64decode(str(encoded), validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            continue
    for plain in (body.get("stringData") or {}).values():
        values.update((str(plain), base64.b64encode(str(plain).encode()).decode()))
    lines = {line.strip() for value in values for line in value.splitlines()}
    return {value for value in values | lines if value}
