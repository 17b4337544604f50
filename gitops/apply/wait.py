"""Watches until every object of a plan is ready. Fails as soon as failure is certain, and always within its time."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from gitops.apply.claims import waits_for_a_pod
from gitops.apply.creation import Creation
from gitops.apply.earlier import Earlier, has_ended, is_from_before
from gitops.apply.events import Event
from gitops.apply.evidence import evidence
from gitops.apply.watches import WORKLOADS, Family, Watches
from gitops.clients.cluster import Reader
from gitops.clients.fresh import is_before
from gitops.errors import GitopsError, Problems
from gitops.objects import KubeObject, ObjectRef
from gitops.plan.deadline import own_deadline
from gitops.plan.mask import Mask
from gitops.plan.model import Plan
from gitops.status import State, Status, Trouble, status, trouble

TICK = 0.5
"""Seconds between two looks at the clock."""
ASK_AGAIN = 2.0
"""Seconds after which it is asked again whether a claim waits for a pod."""
COMING = frozenset({"TriggeredScaleUp", "Nominated"})
"""Events by which Cluster Autoscaler and Karpenter say that a node is on its way for a pod."""


class NotReady(GitopsError):
    """An object failed, or was not ready in time. `lines` are the failing container's last log lines and events."""

    def __init__(self, ref: ObjectRef, problem: str, hint: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(str(ref), problem, hint)
        self.ref = ref
        self.lines = lines

    def __str__(self) -> str:
        line, *rest = super().__str__().split("\n")
        return "\n".join([line, *(f"  | {each}" for each in self.lines), *rest])


@dataclass
class Pending:
    """An object that is waited for."""

    body: KubeObject | None
    """As it was seen last; None: it is gone."""
    level: int
    deadline: float
    own: float | None
    """Seconds that the object itself asks for, by annotation."""
    moved: float
    """When it, or a pod of it, changed last."""
    before: KubeObject | None = None
    """As it was when the release was planned."""
    said: str = ""
    asked: float = -ASK_AGAIN
    """When it was last asked whether it waits for a pod."""
    troubled: float | None = None
    """Since when it is in a trouble that may pass."""
    pods: tuple[KubeObject, ...] = ()


@dataclass
class Waiter:
    """Waits for the objects of a plan on the cluster behind `reader`."""

    reader: Reader
    mask: Mask
    timeout: float = 300.0
    patience: float = 30.0
    """Seconds that a trouble which may pass (no node yet, a quota, a registry that does not answer) may last."""
    stall: float = 600.0
    """Seconds without any change after which an object is given up; what a Deployment's progress deadline is by
    default, for all kinds."""
    interrupt: Callable[[], None] = lambda: None
    """Called at each look at the clock; raises what ends the wait early."""
    now: Callable[[], float] = time.monotonic
    began: str = ""
    """When this run began, by the server's clock; empty: nothing is from before it."""
    retry: Callable[[ObjectRef], None] = lambda _: None
    """Makes the controller of an object try at once what it was refused."""
    clear: Callable[[KubeObject], None] = lambda _: None
    """Deletes a pod that is in the way of a new revision."""
    _cleared: dict[str, str] = field(default_factory=dict)
    """What was said of pods that were in the way, by uid of their owner."""
    _gone: set[str] = field(default_factory=set)
    _pending: dict[ObjectRef, Pending] = field(default_factory=dict)
    _creation: Creation = field(init=False)
    _earlier: Earlier = field(init=False)

    def __post_init__(self) -> None:
        self._creation = Creation(self.reader, self.retry, self.now)
        self._earlier = Earlier(self.began)

    def wait(self, plan: Plan, applied: dict[ObjectRef, KubeObject]) -> Iterator[Event]:
        """Yield an event when an object becomes ready, and when what it waits for changes. Raises `NotReady`."""
        self._pending = {}
        started = self.now()
        for change in plan.changes:
            known = (applied.get(change.ref) or change.live) if change.desired else None
            if not (change.desired and known):
                continue
            found = status(known.body)
            if found.state is not State.READY:
                own = own_deadline(change.desired)
                deadline = started + (self.timeout if own is None else own)
                self._pending[change.ref] = Pending(known, change.level, deadline, own, started, change.live)
            elif change.ref in applied and change.ref.kind in WORKLOADS:
                yield Event(change.ref, "ready", found.message, change.level)
        if self._pending:
            yield from self._watch()

    def _watch(self) -> Iterator[Event]:
        with Watches(self.reader, self._pending) as watches:
            while self._pending:
                yield from self._judge_all(Family(watches))
                self._check_time()
                if self._pending:
                    self.interrupt()
                self._take_in(watches.news(TICK if self._pending else 0))

    def _take_in(self, news: Iterable[tuple[ObjectRef, KubeObject | None]]) -> None:
        """Note the latest of each object. One that was ready stays so: nobody waits for how long it lasts."""
        ready = set()
        for ref, body in news:
            one = self._pending.get(ref)
            if one and ref not in ready and not _is_older(body, one.body):
                one.body, one.moved = body, self.now()
                if body and status(body.body).state is State.READY:
                    ready.add(ref)

    def _judge_all(self, family: Family) -> Iterator[Event]:
        for ref in sorted(self._pending):
            if event := self._judge(ref, family):
                yield event
                if event.status == "ready":
                    del self._pending[ref]

    def _judge(self, ref: ObjectRef, family: Family) -> Event | None:
        """What is new about one object; None while nothing is. Raises `NotReady` where it failed."""
        one = self._pending[ref]
        if one.body is None:
            # A list that is behind may lack what is there.
            one.body = self.reader.get(ref)
        if one.body is None:
            raise NotReady(ref, "failed: it was deleted while the release waited for it", "deploy again")
        pods = tuple(family.pods(one.body))
        if _versions(pods) != _versions(one.pods):
            one.pods, one.moved = pods, self.now()
        found = status(one.body.body)
        if found.state is State.READY:
            return Event(ref, "ready", found.message, one.level)
        if self._waits_for_a_pod(one):
            return Event(ref, "ready", "bound when a pod uses it", one.level)
        found_trouble = self._trouble(one, found, family)
        self._bear(ref, found_trouble, family)
        self._clear_the_way(one.body, family)
        cleared = self._cleared.get(one.body.uid, "")
        said = (found.message, found_trouble.message if found_trouble else "", cleared)
        message = " ".join(self.mask.text(" · ".join(dict.fromkeys(filter(None, said)))).split())
        if one.said == message:
            return None
        one.said = message
        return Event(ref, "waiting", message, one.level)

    def _clear_the_way(self, workload: KubeObject, family: Family) -> None:
        for pod in family.in_the_way(workload):
            said = f"{pod.ref} of a revision that failed was in the way, and is deleted"
            if pod.uid not in self._gone:
                self._gone.add(pod.uid)
                self._cleared[workload.uid] = said
                self.clear(pod)

    def _waits_for_a_pod(self, one: Pending) -> bool:
        assert one.body is not None
        if one.body.kind != "PersistentVolumeClaim" or self.now() - one.asked < ASK_AGAIN:
            return False
        one.asked = self.now()
        return waits_for_a_pod(self.reader, one.body)

    def _trouble(self, one: Pending, found: Status, family: Family) -> Trouble | None:
        """The worst that is wrong with an object, its pods, or their creation."""
        assert one.body is not None
        troubles = []
        if found.state is State.FAILED:
            old = is_from_before(one.body.body, one.before) and self.now() - one.moved < _progress_deadline(one.body)
            troubles.append(Trouble(found.message, old=old))
        if one.body.kind == "Deployment" and one.body.body["spec"].get("paused"):
            # Nothing will happen until somebody resumes it.
            troubles.append(Trouble(found.message, lasting=False))
        if one.body.kind in WORKLOADS:
            of_pods = (self._of_pod(one.body, pod, one.pods) for pod in one.pods)
            troubles += [each for each in (self._creation.trouble(one.body, family), *of_pods) if each]
        elif one.body.kind == "Pod" and (own := trouble(one.body.body)):
            troubles.append(self._earlier.weigh(one.body, own))
        return min(troubles, key=lambda each: (each.old, not each.lasting), default=None)

    def _of_pod(self, workload: KubeObject, pod: KubeObject, pods: tuple[KubeObject, ...]) -> Trouble | None:
        """What is wrong with a pod. One that ended for good (evicted, refused by its node) is replaced; a Job tries
        again after a crash too, and says itself when it has given up."""
        found = trouble(pod.body)
        if found is None or (workload.kind == "Job" and (found.crashed or has_ended(pod))):
            return None
        if has_ended(pod):
            return None if any(not has_ended(each) for each in pods) else replace(found, lasting=False)
        return self._earlier.weigh(pod, found)

    def _bear(self, ref: ObjectRef, found: Trouble | None, family: Family) -> None:
        """Fail where a trouble lasts; let another pass for a while, or as long as help is on its way."""
        one = self._pending[ref]
        if found is None or found.old:
            one.troubled = None
            return
        if one.troubled is None:
            one.troubled = self.now()
        if not found.lasting and self.now() - one.troubled >= self.patience and self._is_coming(one, family):
            one.troubled = self.now()
        if found.lasting or self.now() - one.troubled >= self.patience:
            raise self._failed(ref, f"failed: {found.message}", f"kubectl{_place(ref)} describe {_name(ref)}")

    def _is_coming(self, one: Pending, family: Family) -> bool:
        """Whether there will be room: pods are on their way out, or an autoscaler has promised a node for a pod that
        finds none."""
        if family.is_leaving:
            return True
        pod = next((pod for pod in one.pods if (found := trouble(pod.body)) and not found.lasting), None)
        if pod is None:
            return False
        try:
            events = self.reader.list("", "Event", pod.namespace, fields={"involvedObject.uid": pod.uid}).objects
        except GitopsError:
            # Events only add to what is known.
            return False
        return any(event.body.get("reason") in COMING for event in events)

    def _check_time(self) -> None:
        now = self.now()
        late = [ref for ref, one in sorted(self._pending.items()) if now > one.deadline]
        if late:
            failures = [self._overdue(ref) for ref in late]
            raise failures[0] if len(failures) == 1 else Problems(failures)
        for ref, one in sorted(self._pending.items()):
            if one.own is None and now - one.moved > self.stall:
                said = f"made no progress for {self.stall:.0f} s: {one.said}"
                raise self._failed(ref, said, "an annotation gitops/timeout, or mend what it waits for")

    def _overdue(self, ref: ObjectRef) -> NotReady:
        one = self._pending[ref]
        hint = "a longer --timeout, or mend what it waits for"
        limit = self.timeout if one.own is None else one.own
        return self._failed(ref, f"is not ready after {limit:.0f} s: {one.said}", hint)

    def _failed(self, ref: ObjectRef, problem: str, hint: str) -> NotReady:
        one = self._pending[ref]
        assert one.body is not None
        pod = one.body if ref.kind == "Pod" else _to_blame(one.pods)
        lines = (self.mask.text(line) for line in evidence(self.reader, one.body, pod))
        return NotReady(ref, " ".join(self.mask.text(problem).split()), hint, tuple(lines))


def _progress_deadline(each: KubeObject) -> float:
    """Seconds without progress after which a Deployment has failed anew; of other kinds what it is by default."""
    return float((each.body.get("spec") or {}).get("progressDeadlineSeconds") or 600)


def _to_blame(pods: tuple[KubeObject, ...]) -> KubeObject | None:
    """The pod that tells most: one in lasting trouble, in any, or not ready; the newest of these."""

    def tells(pod: KubeObject) -> tuple[int, str]:
        found = trouble(pod.body)
        ready = status(pod.body).state is State.READY
        worst = 3 if found and found.lasting else 2 if found else 0 if ready else 1
        return worst, str(pod.metadata.get("creationTimestamp") or "")

    return max(pods, key=tells, default=None)


def _is_older(news: KubeObject | None, known: KubeObject | None) -> bool:
    """Whether `news` are of before our apply: a list that is behind would show the old revision, or the object that was
    replaced, and it is ready."""
    if news is None or known is None:
        return False
    return is_before(str(news.metadata.get("resourceVersion")), str(known.metadata.get("resourceVersion")))


def _versions(pods: tuple[KubeObject, ...]) -> set[tuple[str, str]]:
    return {(pod.uid, str(pod.metadata.get("resourceVersion"))) for pod in pods}


def _place(ref: ObjectRef) -> str:
    return f" -n {ref.namespace}" if ref.namespace else ""


def _name(ref: ObjectRef) -> str:
    return f"{ref.kind.lower()} {ref.name}"
