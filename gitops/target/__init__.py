"""Where a plan lands: a cluster (`cluster`), or a rendered folder or branch (`rendered`). One protocol for all."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from gitops.apply.events import Event
from gitops.inventory import Inventory
from gitops.objects import KubeObject
from gitops.plan.model import Plan, Release, Snapshot

__all__ = ["Event", "Snapshot", "Target"]


class Target(Protocol):
    """Reads what is there, carries out a plan, waits until it is ready, records what it owns."""

    @property
    def name(self) -> str:
        """As a person calls it: a cluster's name, or "branch release/prod"."""

    def lock(self, release: Release) -> AbstractContextManager[object]:
        """Keep every other deploy of the environment out. Raises `GitopsError` where one is under way."""

    def complete(self, release: Release, desired: Sequence[KubeObject]) -> tuple[KubeObject, ...]:
        """`desired` as it is meant there: namespaces filled in, and what else it cannot be without. Changes nothing."""

    def inventory(self, release: Release) -> Inventory:
        """What was released there, and what it owns."""

    def read(self, release: Release, desired: Sequence[KubeObject], compare: bool = False) -> Snapshot:
        """The live state of `desired` and of what the environment owns. Changes nothing; to `compare`, of what is
        desired alone, takes no right to."""

    def apply(self, plan: Plan) -> Iterator[Event]:
        """Carry out what `plan` creates and changes, an event an object. Raises `GitopsError` where that fails."""

    def wait(self, plan: Plan, interrupt: Callable[[], None] = lambda: None) -> Iterator[Event]:
        """Watch until every object of `plan` is ready. Raises `GitopsError` when failure is certain or time is up, and
        what `interrupt` raises, which is called about twice a second."""

    def prune(self, plan: Plan) -> Iterator[Event]:
        """Carry out what `plan` deletes, an event an object."""

    def record(self, plan: Plan, result: str = "deployed") -> Iterator[Event]:
        """Write down what the environment owns now, its revision, and how the release ended."""
