"""Carries out a plan, level by level, in parallel within one. Does only what the plan says."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from itertools import groupby

from gitops.apply.events import Event, Word
from gitops.apply.wait import Waiter
from gitops.clients.cluster import ApiError, Cluster, Conflict, Kinds, Reader
from gitops.errors import GitopsError, Problems
from gitops.objects import MANAGER, OWNER, KubeObject, ObjectRef
from gitops.plan.adoption import adopted, adoptions_left, in_version, updaters
from gitops.plan.autoscaling import REPLICAS_MANAGER
from gitops.plan.definitions import defined
from gitops.plan.mask import Mask
from gitops.plan.model import Action, Change, Plan, Release
from gitops.plan.order import deletion_rank, dependencies
from gitops.plan.planner import stamped
from gitops.status import State, status

WORKERS = 16
"""Threads. How many requests are under way at once is the client's to say."""
DONE: dict[Action, Word] = {
    Action.CREATE: "created",
    Action.UPDATE: "configured",
    Action.REPLACE: "replaced",
    Action.DELETE: "deleted",
}
ADOPTIONS = 10
"""How often the fields of other managers are taken over while controllers write the same object."""
SETTLING = 10.0
"""Seconds that the server may take to judge objects by a definition that was just changed."""
STEP = 0.25
"""Seconds between two looks at an object that must be ready, or gone, before the next level."""


@dataclass
class Applier:
    """Applies plans to `cluster`. `may_write` raises `GitopsError` once this run has lost the right to."""

    cluster: Cluster
    reader: Reader
    """The same, whose answers are of this run's time."""
    run: str = ""
    timeout: float = 300.0
    """Seconds that objects which others need may take to be ready, and replaced ones to be gone."""
    patience: float = 30.0
    """Seconds that a trouble of theirs which may pass may last."""
    force: Callable[[Change], bool] = lambda _: False
    """Whether a change takes the fields of other managers."""
    may_write: Callable[[], None] = lambda: None
    began: str = ""
    """When this run began, by the server's clock; empty where that is not known."""
    tell: Callable[[KubeObject, Word, Release], None] = lambda _about, _word, _release: None
    """Called with each object that was changed, from the thread that did it."""
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    applied: dict[ObjectRef, KubeObject] = field(default_factory=dict)
    """What the server made of each object, for the wait that follows."""
    lingering: set[ObjectRef] = field(default_factory=set)
    """What was deleted, and is there until somebody lets go of it."""
    _redefined: frozenset[tuple[str, str]] = frozenset()
    """Kinds whose definition this plan makes or changes."""

    def apply(self, plan: Plan, mask: Mask) -> Iterator[Event]:
        """Carry out what `plan` creates and changes, an event an object.

        Raises `Problems`, or the one failure, when a level is done as far as it could be: what was done is told, and
        the levels above are not begun.
        """
        needed = dependencies([change.desired for change in plan.changes if change.desired])
        awaited = [change for change in plan.changes if change.ref in needed and change.desired]
        pending = [change for change in plan.pending if change.action is not Action.DELETE]
        self._redefined = frozenset(defined([change.desired for change in pending if change.desired]))
        by_level = groupby(sorted(pending, key=_level), _level)
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="apply") as pool:
            for level, group in by_level:
                changes = list(group)
                below = [change for change in awaited if change.level < level]
                yield from self._await_ready(replace(plan, changes=tuple(below)), mask)
                awaited = [change for change in awaited if change.level >= level]
                self._await_kinds(changes, plan)
                yield from self._together(pool, changes, plan, mask)
                self._finish_kinds(changes)

    def prune(self, plan: Plan, mask: Mask) -> Iterator[Event]:
        """Carry out the deletions of `plan`, custom objects before workloads and their definition, namespaces last."""
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="prune") as pool:
            deletions = [change for change in plan.pending if change.action is Action.DELETE]
            ranks = sorted({deletion_rank(change.ref.kind) for change in deletions})
            for each in ranks:
                group = [change for change in deletions if deletion_rank(change.ref.kind) == each]
                yield from self._together(pool, group, plan, mask)
                yield from self._let_go(group, self.patience if each != ranks[-1] else 0)

    def _let_go(self, deletions: Sequence[Change], seconds: float) -> Iterator[Event]:
        """Give the controllers that hold deleted objects by finalizers some time: they may be what is deleted next.
        What is there all the same is `lingering`."""
        left = [change.live for change in deletions if change.live and change.live.metadata.get("finalizers")]
        deadline, told = self.now() + seconds, False
        while left := [found for each in left if (found := self.reader.get(each.ref)) and found.uid == each.uid]:
            late = self.now() >= deadline
            if late or not told:
                yield from (Event(each.ref, "waiting", status(each.body).message) for each in left)
                told = True
            if late:
                self.lingering.update(each.ref for each in left)
                return
            self.sleep(STEP)

    def _together(self, pool: ThreadPoolExecutor, changes: Sequence[Change], plan: Plan, mask: Mask) -> Iterator[Event]:
        futures = {pool.submit(self._carry_out, change, plan): change for change in changes}
        failures: list[GitopsError] = []
        try:
            for future in as_completed(futures):
                change = futures[future]
                try:
                    yield Event(change.ref, future.result(), change.note, change.level)
                except GitopsError as error:
                    failures.append(mask.error(error))
        finally:
            # After an interrupt what is under way is waited for, and nothing more is begun.
            for future in futures:
                future.cancel()
        if failures:
            raise failures[0] if len(failures) == 1 else Problems(failures)

    def _carry_out(self, change: Change, plan: Plan) -> Word:
        self.may_write()
        if change.action is Action.DELETE:
            word = self._delete(change, plan.release.owner)
            if change.live and word == "deleted":
                self.tell(change.live, word, plan.release)
            return word
        if change.action is Action.REPLACE:
            self._make_way(change)
        assert change.desired is not None
        desired = stamped(change.desired, plan.release.owner, plan.release.revision, self.run)
        if change.adopts:
            self._adopt(change)
        if change.replicas is not None:
            self._hand_over_replicas(change, desired)
        self.applied[change.ref] = self._apply(desired, self.force(change))
        self.tell(self.applied[change.ref], DONE[change.action], plan.release)
        return DONE[change.action]

    def _apply(self, desired: KubeObject, force: bool) -> KubeObject:
        """Apply. The server takes a moment until it goes by a definition that was just changed."""
        redefined = (desired.group, desired.kind) in self._redefined
        deadline = self.now() + (SETTLING if redefined else 0)
        converted = False
        while True:
            try:
                return self.cluster.apply(desired, force=force)
            except ApiError as error:
                if error.is_of_another_version and not converted:
                    converted = self._convert(desired)
                elif not error.is_unfit or self.now() >= deadline:
                    raise
            self.sleep(STEP)

    def _convert(self, desired: KubeObject) -> bool:
        """Record in the version of `desired` what managers own, who wrote the object in an older one; then, as applied,
        what the server has filled in meanwhile, which it takes for our update."""

        def read() -> KubeObject | None:
            return self.reader.get(desired.ref, desired.version)

        converted = self._rewrite(read, lambda live: in_version(live, desired.api_version))
        self._rewrite(read, lambda live: adopted(live, (MANAGER,)) if updaters(live) & {MANAGER} else None)
        return converted

    def _delete(self, change: Change, owner: str) -> Word:
        """Delete the object that was planned. Where another bears its name by now, and it is ours, the plan was made
        from an old read, and means that one."""
        assert change.live is not None
        if self.cluster.delete(change.ref, change.live.uid):
            return "deleted"
        found = self.reader.get(change.ref)
        if found and found.uid != change.live.uid and found.annotations.get(OWNER) == owner:
            return "deleted" if self.cluster.delete(change.ref, found.uid) else "gone"
        return "gone"

    def _make_way(self, change: Change) -> None:
        """Delete the live object, and wait until its name is free."""
        assert change.live is not None
        self.cluster.delete(change.ref, change.live.uid)
        uid = change.live.uid
        self._until(change.ref, lambda found: found is None or found.uid != uid, "is not gone")

    def _adopt(self, change: Change) -> None:
        """Record the fields of the adopted managers as ours. The resource version keeps others' writes safe: where one
        comes between, the object is read again."""

        def taken(live: KubeObject) -> KubeObject | None:
            names = adoptions_left(live, change.adopts)
            return adopted(live, names) if names else None

        self._rewrite(lambda: self.reader.get(change.ref), taken)

    def _rewrite(
        self, read: Callable[[], KubeObject | None], changed: Callable[[KubeObject], KubeObject | None]
    ) -> bool:
        """Put what `changed` makes of an object in its place; whether there was anything to change."""
        for attempt in range(ADOPTIONS):
            live = read()
            body = changed(live) if live else None
            if body is None:
                return False
            try:
                self.cluster.replace(body)
            except Conflict:
                if attempt == ADOPTIONS - 1:
                    raise
            else:
                return True
        return False

    def _hand_over_replicas(self, change: Change, desired: KubeObject) -> None:
        """Let another manager hold `replicas` before we let go of it, so that it never falls to its default."""
        spec = {"replicas": change.replicas}
        if change.live is None:
            self.cluster.apply(KubeObject({**desired.body, "spec": {**desired.body["spec"], **spec}}))
        metadata = {"name": desired.name, "namespace": desired.namespace}
        held = {"apiVersion": desired.api_version, "kind": desired.kind, "metadata": metadata, "spec": spec}
        self.cluster.apply(KubeObject(held), force=True, manager=REPLICAS_MANAGER)

    def _await_kinds(self, changes: Sequence[Change], plan: Plan) -> None:
        """Wait for definitions that are there already, and whose kinds are not served yet."""
        kinds = self.cluster.kinds()
        lacking = {
            (each.desired.group, each.desired.kind)
            for each in changes
            if each.desired and not kinds.find(each.desired.group, each.desired.kind, each.desired.version)
        }
        for each in plan.changes if lacking else ():
            if each.desired and each.ref.kind == "CustomResourceDefinition" and lacking & set(defined([each.desired])):
                self._until(each.ref, _is_ready, "is not ready, and others need it")
                self._until_served(each)

    def _await_ready(self, plan: Plan, mask: Mask) -> Iterator[Event]:
        """Wait for objects that others depend on, just as a release is waited for."""
        yield from self.waiter(plan, mask).wait(plan, self.applied)

    def waiter(self, plan: Plan, mask: Mask, interrupt: Callable[[], None] = lambda: None) -> Waiter:
        """What waits for the objects of `plan`."""
        changes = {change.ref: change for change in plan.changes}
        return Waiter(
            self.reader,
            mask,
            self.timeout,
            self.patience,
            interrupt=interrupt,
            now=self.now,
            began=self.began,
            retry=lambda ref: self._apply_again(changes[ref], plan.release),
            clear=lambda pod: self._clear(pod, plan.release),
        )

    def _clear(self, pod: KubeObject, release: Release) -> None:
        """Delete a pod that its controller would wait for in vain, as Kubernetes' documentation says to do by hand."""
        self.may_write()
        if self.cluster.delete(pod.ref, pod.uid):
            self.tell(pod, "deleted", release)

    def _apply_again(self, change: Change, release: Release) -> None:
        """Apply an object that this run has not, as it is but for our stamps: its controller then tries at once what
        it would try again in up to 16 minutes."""
        if change.desired is not None and change.ref not in self.applied:
            self.may_write()
            again = stamped(change.desired, release.owner, release.revision, self.run)
            self.applied[change.ref] = self.cluster.apply(again)
            self.tell(self.applied[change.ref], "configured", release)

    def _finish_kinds(self, changes: Sequence[Change]) -> None:
        """Wait for what the next levels cannot do without: kinds that are new."""
        kinds = [change for change in changes if change.ref.kind == "CustomResourceDefinition"]
        for change in kinds:
            self._until(change.ref, _is_ready, "is not ready, and others need it")
        for change in kinds:
            self._until_served(change)

    def _until(self, ref: ObjectRef, holds: Callable[[KubeObject | None], bool], problem: str) -> None:
        deadline = self.now() + self.timeout
        while not holds(found := self.reader.get(ref)):
            if self.now() > deadline:
                why = status(found.body).message if found else "it is not there"
                raise GitopsError(str(ref), f"{problem} after {self.timeout:.0f} s: {why}", "see its events")
            self.sleep(STEP)

    def _until_served(self, change: Change) -> None:
        """Wait until discovery lists the kinds of a definition; the server is a moment later with that."""
        assert change.desired is not None
        wanted = [(*key, version) for key, each in defined([change.desired]).items() for version in each.versions]
        deadline = self.now() + self.timeout
        while not _serves(self.cluster.kinds(refresh=True), wanted):
            if self.now() > deadline:
                raise GitopsError(str(change.ref), "is established, and not served", "look at the API server's log")
            self.sleep(STEP)


def _serves(kinds: Kinds, wanted: Sequence[tuple[str, str, str]]) -> bool:
    return all(kinds.find(*each) for each in wanted)


def _level(change: Change) -> int:
    return change.level


def _is_ready(found: KubeObject | None) -> bool:
    if found is None:
        return False
    now = status(found.body)
    if now.state is State.FAILED:
        raise GitopsError(str(found.ref), f"failed: {now.message}", "see its events")
    return now.state is State.READY
