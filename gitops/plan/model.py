"""The plan as data: frozen values that can be printed, saved, hashed and approved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gitops.inventory import Inventory
from gitops.objects import FieldConflict, KubeObject, ObjectRef


class Action(StrEnum):
    """What a plan does to an object; the present tense of what kubectl prints."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    UNCHANGED = "unchanged"
    SKIP = "skip"
    """Left alone on purpose; the note says why."""


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
    live: KubeObject | None = None
    """The object as it was when the plan was made."""
    merged: KubeObject | None = None
    """What the server would make of it by an update."""
    conflicts: tuple[FieldConflict, ...] = ()
    """Fields that another manager owns and that this change would take; a deploy refuses them unless told to."""
    adopts: tuple[str, ...] = ()
    """Managers of client-side applies whose fields become ours."""
    replicas: int | None = None
    """How many an autoscaled object keeps while its `replicas` passes from us to its autoscaler."""
    level: int = 0
    """Objects of one level are applied together, after those of the levels below."""


@dataclass(frozen=True)
class Release:
    """What is being deployed, and where."""

    environment: str
    target: str
    revision: str
    """Commit of the manifest repository; empty outside of git."""
    title: str = ""
    """Subject of that commit."""
    owner: str = ""
    """system/environment: who the objects belong to."""
    namespace: str = ""
    """The environment's namespace; empty for an overlay of the platform."""

    @property
    def home(self) -> str:
        """The namespace that inventory and lease are kept in."""
        return self.namespace or "kube-system"


@dataclass(frozen=True)
class Snapshot:
    """The live state that a plan is computed from: reads only, taken at one time."""

    live: dict[ObjectRef, KubeObject] = field(default_factory=dict)
    """Objects that exist, of those desired and of those owned."""
    merged: dict[ObjectRef, KubeObject] = field(default_factory=dict)
    """What each desired object would be after the apply (server-side dry run); absent where that cannot be asked."""
    inventory: Inventory = field(default_factory=lambda: Inventory(""))
    """What the environment owns, and what was released."""
    conflicts: dict[ObjectRef, tuple[FieldConflict, ...]] = field(default_factory=dict)
    """Fields that other managers own, of those that an apply would set."""
    immutable: dict[ObjectRef, str] = field(default_factory=dict)
    """Objects whose change the server refuses while they exist, and its words."""
    unknown: frozenset[str] = frozenset()
    """Groups whose server did not answer. What is owned in them cannot be judged."""
    users: dict[ObjectRef, str] = field(default_factory=dict)
    """Owned ConfigMaps and Secrets that a live ReplicaSet, ControllerRevision or Pod uses, and which."""
    autoscaled: frozenset[ObjectRef] = frozenset()
    """Objects whose `replicas` an autoscaler sets."""
    orphans: dict[ObjectRef, tuple[str, ...]] = field(default_factory=dict)
    """Objects of client-side applies that become ours, and the managers whose fields we take."""
    unread: dict[ObjectRef, str] = field(default_factory=dict)
    """Desired objects that may not be read, where they are only compared; and the server's words."""


@dataclass(frozen=True)
class Refusal:
    """Why a deploy does not carry this plan out, and what to do about it."""

    subject: str
    problem: str
    hint: str = ""


@dataclass(frozen=True)
class Plan:
    """All that a deploy will do, and nothing else. `changes` has every object, unchanged ones too."""

    release: Release
    changes: tuple[Change, ...]
    inventory: Inventory = field(default_factory=lambda: Inventory(""))
    """As it was when the plan was made."""
    refusals: tuple[Refusal, ...] = ()
    """What must be confirmed or mended first. Empty: the plan can be carried out."""

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that do something."""
        return tuple(change for change in self.changes if change.action not in (Action.UNCHANGED, Action.SKIP))

    def count(self) -> Mapping[Action, int]:
        """How many changes there are of each action."""
        counts = dict.fromkeys(Action, 0)
        for change in self.changes:
            counts[change.action] += 1
        return counts
