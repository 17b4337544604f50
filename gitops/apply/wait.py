"""Watches until every object of a plan is ready. Fails as soon as failure is certain, and always within its time."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from gitops.apply.events import Event
from gitops.apply.evidence import Evidence, evidence
from gitops.clients.cluster import Expired, Reader
from gitops.errors import GitopsError, Problems
from gitops.objects import KubeObject, ObjectRef
from gitops.plan.mask import Mask
from gitops.plan.model import Plan
from gitops.status import State, creation_trouble, status, trouble

WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"})
WINDOW = 20.0
"""Seconds that one watch request lasts; a new one follows where it ended."""
TICK = 0.5
"""Seconds between two looks at the clock."""


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
class Waiter:
    """Waits for the objects of a plan on the cluster behind `reader`."""

    reader: Reader
    mask: Mask
    timeout: float = 300.0
    patience: float = 30.0
    """Seconds that a trouble which may pass (no node yet, a quota, a registry that does not answer) may last."""
    now: Callable[[], float] = time.monotonic
    _current: dict[ObjectRef, KubeObject] = field(default_factory=dict)
    _said: dict[ObjectRef, str] = field(default_factory=dict)
    _trouble_since: dict[ObjectRef, float] = field(default_factory=dict)

    def wait(self, plan: Plan, applied: dict[ObjectRef, KubeObject]) -> Iterator[Event]:
        """Yield an event when an object becomes ready, and when what it waits for changes. Raises `NotReady`."""
        levels = {change.ref: change.level for change in plan.changes if change.desired}
        for change in plan.changes:
            if change.desired and (known := applied.get(change.ref) or change.live):
                self._current[change.ref] = known
        pending = {ref for ref, known in self._current.items() if status(known.body).state is not State.READY}
        at_once = sorted(ref for ref in applied if ref.kind in WORKLOADS and ref in levels and ref not in pending)
        yield from (Event(ref, "ready", status(applied[ref].body).message, levels[ref]) for ref in at_once)
        if pending:
            yield from self._watch(pending, levels)

    def _watch(self, pending: set[ObjectRef], levels: dict[ObjectRef, int]) -> Iterator[Event]:
        started = self.now()
        with Watches(self.reader, pending) as watches:
            while pending:
                self._judge_pods(pending, watches.pods)
                for ref in sorted(pending):
                    event = self._judge(ref)
                    if event and event.status == "ready":
                        pending.discard(ref)
                    if event:
                        yield Event(ref, event.status, event.detail, levels[ref])
                if pending and self.now() - started > self.timeout:
                    raise self._late(pending)
                for seen in watches.news(TICK if pending else 0):
                    if seen.ref in self._current:
                        self._current[seen.ref] = seen

    def _judge(self, ref: ObjectRef) -> Event | None:
        """What is new about one object; None while nothing is. Raises `NotReady` where it failed."""
        found = self._current[ref]
        now = status(found.body)
        if now.state is State.FAILED:
            raise self._failed(ref, now.message, None)
        if now.state is State.READY:
            return Event(ref, "ready", now.message)
        if stopped := creation_trouble(found.body):
            self._bear(ref, stopped)
        message = self.mask.text(now.message)
        if self._said.get(ref) == message:
            return None
        self._said[ref] = message
        return Event(ref, "waiting", message)

    def _judge_pods(self, pending: set[ObjectRef], pods: dict[ObjectRef, KubeObject]) -> None:
        for pod in list(pods.values()):
            found = trouble(pod.body)
            owner = self._owner(pod, pending) if found else None
            if found and owner and found.lasting:
                raise self._failed(owner, found.message, pod)
            if found and owner:
                self._bear(owner, found.message, pod)

    def _bear(self, ref: ObjectRef, message: str, pod: KubeObject | None = None) -> None:
        """Let a trouble pass for a while."""
        since = self._trouble_since.setdefault(ref, self.now())
        if self.now() - since >= self.patience:
            raise self._failed(ref, message, pod)

    def _owner(self, pod: KubeObject, pending: set[ObjectRef]) -> ObjectRef | None:
        """The pending workload that `pod` belongs to, in its new revision: an old pod that fails fails no release."""
        for ref in pending:
            if ref.namespace == pod.namespace and ref.kind in WORKLOADS and self._is_of(pod, self._current[ref]):
                return ref
        return None

    def _is_of(self, pod: KubeObject, workload: KubeObject) -> bool:
        uids = {str(owner.get("uid")) for owner in pod.metadata.get("ownerReferences") or []}
        labels = pod.metadata.get("labels") or {}
        if (workload.body.get("status") or {}).get("observedGeneration", 0) < workload.metadata.get("generation", 0):
            # Which pods are the new ones is not decided yet.
            return False
        if workload.kind == "Deployment":
            return bool(uids & new_replica_sets(self.reader, workload))
        if workload.uid not in uids:
            return False
        if workload.kind == "StatefulSet":
            wanted = (workload.body.get("status") or {}).get("updateRevision")
            return bool(labels.get("controller-revision-hash") == wanted)
        if workload.kind == "DaemonSet":
            return labels.get("pod-template-generation") == str(workload.metadata.get("generation"))
        # A Job tries again; its own status says when it has given up.
        return workload.kind != "Job"

    def _failed(self, ref: ObjectRef, message: str, pod: KubeObject | None) -> NotReady:
        found: Evidence = evidence(self.reader, self._current[ref], pod)
        lines = tuple(self.mask.text(line) for line in found.lines)
        problem = self.mask.text(" ".join((found.trouble or message).split()))
        return NotReady(
            ref, f"failed: {problem}", f"kubectl -n {ref.namespace} describe {ref.kind.lower()} {ref.name}", lines
        )

    def _late(self, pending: set[ObjectRef]) -> GitopsError:
        late = [self._overdue(ref) for ref in sorted(pending)]
        return late[0] if len(late) == 1 else Problems(late)

    def _overdue(self, ref: ObjectRef) -> NotReady:
        found = evidence(self.reader, self._current[ref], None)
        said = found.trouble or status(self._current[ref].body).message
        problem = f"is not ready after {self.timeout:.0f} s: {self.mask.text(' '.join(said.split()))}"
        lines = tuple(self.mask.text(line) for line in found.lines)
        return NotReady(ref, problem, "a longer --timeout, or mend what it waits for", lines)


def new_replica_sets(reader: Reader, deployment: KubeObject) -> set[str]:
    """uids of the ReplicaSets of a Deployment's present revision."""
    key = "deployment.kubernetes.io/revision"
    return {
        each.uid
        for each in reader.list("apps", "ReplicaSet", deployment.namespace).objects
        if any(owner.get("uid") == deployment.uid for owner in each.metadata.get("ownerReferences") or [])
        and each.annotations.get(key) == deployment.annotations.get(key)
    }


class Watches:
    """A watch for each kind and namespace of `refs`, and one for the pods where there are workloads."""

    def __init__(self, reader: Reader, refs: Sequence[ObjectRef] | set[ObjectRef]) -> None:
        self.pods: dict[ObjectRef, KubeObject] = {}
        self._reader = reader
        self._news: queue.SimpleQueue[KubeObject | GitopsError] = queue.SimpleQueue()
        self._stop = threading.Event()
        collections = {(ref.group, ref.kind, ref.namespace) for ref in refs}
        collections |= {("", "Pod", ref.namespace) for ref in refs if ref.kind in WORKLOADS}
        self._threads = [
            threading.Thread(target=self._follow, args=key, daemon=True, name=f"watch-{key[1]}") for key in collections
        ]

    def __enter__(self) -> "Watches":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # The threads end by themselves with their window; nobody needs to wait for that.
        self._stop.set()

    def news(self, seconds: float) -> Iterator[KubeObject]:
        """What was seen since the last call; waits up to `seconds` for the first of it. Raises a watch's failure."""
        try:
            found = self._news.get(timeout=seconds) if seconds else self._news.get_nowait()
            while True:
                if isinstance(found, GitopsError):
                    raise found
                if found.kind == "Pod":
                    self.pods[found.ref] = found
                yield found
                found = self._news.get_nowait()
        except queue.Empty:
            return

    def _follow(self, group: str, kind: str, namespace: str) -> None:
        try:
            while not self._stop.is_set():
                self._list_and_watch(group, kind, namespace)
        except GitopsError as error:
            self._news.put(error)

    def _list_and_watch(self, group: str, kind: str, namespace: str) -> None:
        listing = self._reader.list(group, kind, namespace)
        for each in listing.objects:
            self._news.put(each)
        version = listing.resource_version
        while not self._stop.is_set():
            try:
                for event in self._reader.watch(group, kind, namespace, version, WINDOW):
                    version = str(event.object.metadata.get("resourceVersion", version))
                    if self._stop.is_set():
                        return
                    if event.type in ("ADDED", "MODIFIED"):
                        self._news.put(event.object)
            except Expired:
                return
