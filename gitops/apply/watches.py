"""Follows what a wait looks at: the objects themselves, and of workloads their pods and what refuses those."""

import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gitops.clients.cluster import ApiError, Expired, Listing, Reader, WatchEvent
from gitops.errors import GitopsError
from gitops.objects import KubeObject, ObjectRef
from gitops.status import condition, trouble

WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"})
SILENT = frozenset({"StatefulSet", "DaemonSet", "Job"})
"""Workloads that tell by an event alone why their pods cannot be created."""
WINDOW = 20.0
"""Seconds that one watch request lasts; a new one follows where it ended."""
TOGETHER = 0.1
"""Seconds in which news are taken together."""
BREATH = 0.25
"""Seconds between two watches of a server that ends them at once."""
OUTAGE, RETRY = 60.0, 1.0
"""Seconds that a server which answered before may be away, and between two questions until it is back."""


class Collection(NamedTuple):
    """What one watch follows: a kind in a namespace, or in all."""

    group: str
    kind: str
    namespace: str


REFUSED = {"type": "Warning", "reason": "FailedCreate"}
"""Fields of the events that are followed."""

News = Listing | WatchEvent | Exception


class Watches:
    """A watch for each kind and namespace of `refs`, and for what belongs to the workloads among them."""

    def __init__(self, reader: Reader, refs: Iterable[ObjectRef]) -> None:
        self._reader = reader
        self._news: queue.SimpleQueue[tuple[Collection, News]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._answered: set[Collection] = set()
        self._there: dict[Collection, dict[ObjectRef, KubeObject]] = {}
        self._threads = [
            threading.Thread(target=self._follow, args=(each,), daemon=True, name=f"watch-{each.kind}")
            for each in _collections(refs)
        ]

    def __enter__(self) -> "Watches":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # The threads end by themselves with their window; nobody needs to wait for that.
        self._stop.set()

    def of_kind(self, kind: str) -> list[KubeObject]:
        """The objects of a kind that are there now."""
        return [each for (_, name, _), found in self._there.items() if name == kind for each in found.values()]

    def news(self, seconds: float) -> Iterator[tuple[ObjectRef, KubeObject | None]]:
        """What was seen since the last call, None for what is gone; waits up to `seconds` for the first of it, and a
        moment for what comes with it: to judge hundreds of objects anew for each would be slow. Raises a watch's
        failure."""
        try:
            found = self._news.get(timeout=seconds) if seconds else self._news.get_nowait()
            last = time.monotonic() + (TOGETHER if seconds else 0)
            while True:
                yield from self._take(*found)
                found = self._news.get(timeout=max(0.0, last - time.monotonic()))
        except queue.Empty:
            return

    def _take(self, collection: Collection, news: News) -> Iterator[tuple[ObjectRef, KubeObject | None]]:
        there = self._there.setdefault(collection, {})
        if isinstance(news, Exception):
            raise news
        if isinstance(news, Listing):
            listed = {each.ref: each for each in news.objects}
            yield from ((ref, None) for ref in there.keys() - listed.keys())
            self._there[collection] = listed
            yield from listed.items()
        elif news.type == "DELETED":
            there.pop(news.object.ref, None)
            yield news.object.ref, None
        else:
            there[news.object.ref] = news.object
            yield news.object.ref, news.object

    def _follow(self, collection: Collection) -> None:
        try:
            while not self._stop.is_set():
                self._list_and_watch(collection)
        except ApiError as error:
            # Events only add to what is known: who may not read them waits without.
            if collection.kind != "Event" or error.status != 403:
                self._news.put((collection, error))
        except Exception as error:  # noqa: BLE001 - it is raised where the news are read, or nobody would hear of it
            self._news.put((collection, error))

    def _list(self, collection: Collection, fields: Mapping[str, str] | None) -> Listing:
        """What there is. Once there was an answer, an API server that is away for a while, or that has just started and
        knows nobody's rights yet, is asked again and again."""
        began = time.monotonic()
        while True:
            try:
                listing = self._reader.list(*collection, fields=fields)
            except GitopsError:
                if collection not in self._answered or time.monotonic() - began > OUTAGE or self._stop.wait(RETRY):
                    raise
            else:
                self._answered.add(collection)
                return listing

    def _list_and_watch(self, collection: Collection) -> None:
        fields = REFUSED if collection.kind == "Event" else None
        listing = self._list(collection, fields)
        self._news.put((collection, listing))
        version = listing.resource_version
        while not self._stop.is_set():
            try:
                for event in self._reader.watch(*collection, version, WINDOW, fields=fields):
                    version = str(event.object.metadata.get("resourceVersion", version))
                    if self._stop.is_set():
                        return
                    if event.type != "BOOKMARK":
                        self._news.put((collection, event))
            except Expired:
                return
            except ApiError as error:
                if error.status not in (401, 403):
                    raise
                # Rights may be unknown for a moment; the list tells.
                self._stop.wait(RETRY)
                return
            finally:
                self._stop.wait(BREATH)


def _collections(refs: Iterable[ObjectRef]) -> set[Collection]:
    refs = list(refs)
    found = {Collection(ref.group, ref.kind, ref.namespace) for ref in refs}
    found |= {Collection("", "Pod", ref.namespace) for ref in refs if ref.kind in WORKLOADS}
    found |= {Collection("apps", "ReplicaSet", ref.namespace) for ref in refs if ref.kind == "Deployment"}
    found |= {Collection("", "Event", ref.namespace) for ref in refs if ref.kind in SILENT}
    return found


class Family:
    """Who belongs to whom, of what the watches see at one moment."""

    def __init__(self, watches: Watches) -> None:
        pods = watches.of_kind("Pod")
        self.is_leaving = any(pod.metadata.get("deletionTimestamp") for pod in pods)
        """Pods are on their way out, whosever they are, and what they take will be free."""
        self._pods = _by_owner(pods)
        self._replica_sets = _by_owner(watches.of_kind("ReplicaSet"))
        self._refusals: dict[str, list[KubeObject]] = {}
        for event in watches.of_kind("Event"):
            self._refusals.setdefault(str(event.body["involvedObject"].get("uid")), []).append(event)

    def pods(self, workload: KubeObject) -> list[KubeObject]:
        """The pods of a workload's present revision: an old pod that fails fails no release. None of them while the
        controller has not decided which they are."""
        if workload.kind == "Pod":
            return [workload]
        if not self.is_seen(workload):
            return []
        if workload.kind == "Deployment":
            return [pod for each in self.present(workload) for pod in self._pods.get(each.uid, ())]
        return [pod for pod in self._pods.get(workload.uid, ()) if _is_present(pod, workload)]

    def in_the_way(self, workload: KubeObject) -> list[KubeObject]:
        """Pods of earlier revisions that a StatefulSet would wait for until they are ready, and they never will be: it
        goes on in order (kubernetes#67250). Of the revision that was well before, only those that fail for certain."""
        spec, now = workload.body["spec"], workload.body.get("status") or {}
        strategy = spec.get("updateStrategy") or {}
        in_order = spec.get("podManagementPolicy") != "Parallel" and strategy.get("type") != "OnDelete"
        kept = (strategy.get("rollingUpdate") or {}).get("partition") or 0
        if workload.kind != "StatefulSet" or not in_order or kept or not self.is_seen(workload):
            return []
        pods = [each for each in self._pods.get(workload.uid, ()) if not each.metadata.get("deletionTimestamp")]
        unready = [each for each in pods if condition(each.body, "Ready").get("status") != "True"]
        return [each for each in unready if _is_left_over(each, now)]

    def refusal(self, workload: KubeObject, since: str) -> str:
        """What was last said of why pods of `workload` cannot be created; empty where nothing was since then."""
        found = sorted(self._refusals.get(workload.uid, ()), key=last_seen)
        return str(found[-1].body.get("message", "")) if found and last_seen(found[-1]) >= since else ""

    def is_seen(self, workload: KubeObject) -> bool:
        """Whether its controller has seen the workload as it is; a Job's does not say."""
        observed = (workload.body.get("status") or {}).get("observedGeneration")
        return workload.kind == "Job" or (observed or 0) >= workload.metadata.get("generation", 0)

    def present(self, deployment: KubeObject) -> list[KubeObject]:
        """The ReplicaSet of the present revision."""
        key = "deployment.kubernetes.io/revision"
        revision = deployment.annotations.get(key)
        return [each for each in self._replica_sets.get(deployment.uid, ()) if each.annotations.get(key) == revision]


def last_seen(event: KubeObject) -> str:
    """When an event happened last: an old one is counted up, a new one has a series."""
    series: Mapping[str, object] = event.body.get("series") or {}
    found = event.body.get("lastTimestamp") or series.get("lastObservedTime") or event.body.get("eventTime")
    return str(found or "")


def _by_owner(objects: Sequence[KubeObject]) -> dict[str, list[KubeObject]]:
    found: dict[str, list[KubeObject]] = {}
    for each in objects:
        for owner in each.metadata.get("ownerReferences") or []:
            found.setdefault(str(owner.get("uid")), []).append(each)
    return found


def _is_left_over(pod: KubeObject, now: Mapping[str, Any]) -> bool:
    """Whether `pod` is of a revision that failed. `now` is the status of its StatefulSet."""
    revision = (pod.metadata.get("labels") or {}).get("controller-revision-hash")
    if revision == now.get("updateRevision"):
        return False
    found = trouble(pod.body)
    return revision != now.get("currentRevision") or bool(found and found.lasting)


def _is_present(pod: KubeObject, workload: KubeObject) -> bool:
    labels = pod.metadata.get("labels") or {}
    if workload.kind == "StatefulSet":
        wanted = (workload.body.get("status") or {}).get("updateRevision")
        return bool(labels.get("controller-revision-hash") == wanted)
    if workload.kind == "DaemonSet":
        wanted = workload.annotations.get("deprecated.daemonset.template.generation")
        return bool(labels.get("pod-template-generation") == wanted)
    return True
