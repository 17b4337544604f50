"""Where a plan lands: a cluster, or a rendered folder or branch. One protocol for all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gitops.objects import KubeObject, ObjectRef
from gitops.plan.model import Plan


@dataclass(frozen=True)
class Snapshot:
    """The live state that a plan was computed from: reads only, taken at one time."""

    live: dict[ObjectRef, KubeObject] = field(default_factory=dict)
    """Objects that exist, of those desired and of those owned."""
    merged: dict[ObjectRef, KubeObject] = field(default_factory=dict)
    """What each desired object would be after the apply (server-side dry run); absent where it does not exist yet."""
    owned: frozenset[ObjectRef] = frozenset()
    """What the last release of this environment recorded as its own."""


@dataclass(frozen=True)
class Event:
    """Something that happened to one object, or to the release as a whole (`ref` is None)."""

    ref: ObjectRef | None
    status: str
    """kubectl's past tense (created, configured, deleted, unchanged), or ready, waiting, failed."""
    detail: str = ""


class Target(Protocol):
    """Reads what is there, carries out a plan, waits until it is ready, records what it owns."""

    @property
    def name(self) -> str:
        """As a person calls it: a cluster's name, or "branch release/prod"."""

    def read(self, desired: Sequence[KubeObject]) -> Snapshot:
        """The live state of `desired` and of what the environment owns. Changes nothing."""

    def apply(self, plan: Plan) -> Iterator[Event]:
        """Carry out exactly `plan`, an event an object. Raises `GitopsError` at the first failure."""

    def wait(self, plan: Plan) -> Iterator[Event]:
        """Watch until every object of `plan` is ready. Raises `GitopsError` when failure is certain or time is up."""

    def record(self, plan: Plan) -> None:
        """Write down what the environment owns now, and its revision."""
