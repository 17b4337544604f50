"""The plan as data: frozen values that can be printed, saved, hashed and approved."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gitops.objects import KubeObject, ObjectRef


class Action(StrEnum):
    """What a plan does to an object; the present tense of what kubectl prints."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    UNCHANGED = "unchanged"


class Risk(StrEnum):
    """What a change costs, from nothing to data."""

    NONE = "none"
    RESTART = "restart"
    REPLACE = "replace"
    DELETE = "delete"
    DATA_LOSS = "data loss"


@dataclass(frozen=True)
class FieldChange:
    """One field that differs: its path as in `spec.template.spec.containers[backend-app].image`, and both values.

    Values of Secrets are masked already: "***" and a salted hash, so that a change can be seen.
    `None` stands for a field that is not there.
    """

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Change:
    """What happens to one object."""

    action: Action
    ref: ObjectRef
    desired: KubeObject | None
    """The object as it is to be applied; None for a deletion."""
    fields: tuple[FieldChange, ...] = ()
    risk: Risk = Risk.NONE
    note: str = ""
    """For the person who reads it: "restarts 3 pods", "kept: ReplicaSet/x still uses it"."""


@dataclass(frozen=True)
class Release:
    """What is being deployed, and where."""

    environment: str
    target: str
    revision: str
    """Commit of the manifest repository; empty outside of git."""
    title: str = ""
    """Subject of that commit."""


@dataclass(frozen=True)
class Plan:
    """All that a deploy will do, and nothing else. `changes` has every object, unchanged ones too."""

    release: Release
    changes: tuple[Change, ...]

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that do something."""
        return tuple(change for change in self.changes if change.action is not Action.UNCHANGED)

    def count(self) -> Mapping[Action, int]:
        """How many changes there are of each action."""
        counts = dict.fromkeys(Action, 0)
        for change in self.changes:
            counts[change.action] += 1
        return counts
