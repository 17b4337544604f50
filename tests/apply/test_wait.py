"""What a wait gives up on, and when."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gitops.apply.wait import NotReady, Waiter, _to_blame
from gitops.clients.cluster import ApiError, Expired, Listing, WatchEvent
from gitops.errors import GitopsError
from gitops.objects import KubeObject
from gitops.plan.mask import Mask
from gitops.plan.model import Action, Change, Plan, Release, Snapshot
from gitops.plan.planner import plan as make_plan
from tests.support.fake_cluster import FakeCluster
from tests.support.kube_objects import deployment, namespace, secret
from tests.support.stale_cluster import BehindCluster

CANARY = "canary-99-secret"


def waiting(cluster: FakeCluster, desired: KubeObject, **options: Any) -> list[str]:
    plan = Plan(Release("prod", "fake", ""), (Change(Action.CREATE, desired.ref, desired),))
    waiter = Waiter(cluster, Mask([secret(password=CANARY)]), **options)
    return [event.status for event in waiter.wait(plan, {desired.ref: cluster.apply(desired)})]


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster()
    cluster.controlled = False
    cluster.apply(namespace("app"))
    return cluster


@pytest.fixture
def full(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """It has no room for a pod."""

    def refuses(pod: KubeObject, force: bool = False) -> KubeObject:
        raise ApiError(str(pod.ref), "exceeded quota: small", status=403)

    monkeypatch.setattr(cluster, "preview", refuses)
    return cluster


def test_a_quota_gets_some_patience_and_is_then_the_reason(full: FakeCluster) -> None:
    stopped = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: small"}

    def controller() -> None:
        time.sleep(0.2)
        full.set_status(deployment().ref, observedGeneration=1, conditions=[stopped])

    thread = threading.Thread(target=controller)
    thread.start()
    with pytest.raises(NotReady, match="failed: FailedCreate: exceeded quota: small"):
        waiting(full, deployment(), patience=0.5, timeout=60)
    thread.join()


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("exceeded quota: q", "is not ready after 2 s"),  # It will find the room that there is at its next try.
        ('admission webhook "w" denied the request', "failed: FailedCreate: .*; a dry run of its pods is accepted"),
    ],
)
def test_what_the_server_would_take_by_now_gets_time(cluster: FakeCluster, said: str, problem: str) -> None:
    stopped = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": said}
    status = {"observedGeneration": 1, "conditions": [stopped]}
    thread = threading.Timer(0.2, lambda: cluster.set_status(deployment().ref, **status))
    thread.start()
    with pytest.raises(NotReady, match=problem):
        waiting(cluster, deployment(), patience=0.5, timeout=2)
    thread.join()


def test_a_job_that_was_replaced_does_not_make_the_new_one_ready() -> None:
    cluster = BehindCluster()
    cluster.apply(namespace("app"))
    metadata = {"name": "migrate", "namespace": "app"}
    job = KubeObject({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {}})
    cluster.apply(job)
    cluster.set_status(job.ref, conditions=[{"type": "Complete", "status": "True"}])
    before = cluster.moment()
    cluster.delete(job.ref)
    cluster.answer_from(before, "Job")
    with pytest.raises(NotReady, match="is not ready after 1 s"):
        waiting(cluster, job, timeout=1)
    assert cluster.has_answered


def test_what_an_old_replica_set_is_refused_is_no_trouble_of_the_new_one(cluster: FakeCluster) -> None:
    stopped = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "is forbidden: old"}
    revision = {"deployment.kubernetes.io/revision": "2"}

    def controller() -> None:
        time.sleep(0.2)
        cluster.update(deployment().ref, {"metadata": {"annotations": revision}}, manager="kube-controller-manager")
        owner = cluster.get(deployment().ref)
        assert owner is not None
        owned = {"ownerReferences": [{"uid": owner.uid, "kind": "Deployment"}], "annotations": revision}
        metadata = {"name": "web-2", "namespace": "app", **owned}
        cluster.create(KubeObject({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": {}}))
        time.sleep(0.3)
        cluster.set_status(deployment().ref, observedGeneration=1, conditions=[stopped])

    thread = threading.Thread(target=controller)
    thread.start()
    with pytest.raises(NotReady, match=r"is not ready after 2 s: 0/2 updated\n"):
        waiting(cluster, deployment(), patience=0.5, timeout=2)
    thread.join()


@pytest.mark.parametrize("problem", ['User "jane" cannot patch resource "pods" in API group ""', "no dry run"])
def test_where_nobody_can_ask_the_controllers_word_stands(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    def cannot(pod: KubeObject, force: bool = False) -> KubeObject:
        raise ApiError(str(pod.ref), problem, status=403 if "User" in problem else 500)

    monkeypatch.setattr(cluster, "preview", cannot)
    monkeypatch.setattr("gitops.apply.creation.ASK_AGAIN", 0.5)
    stopped = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "is forbidden: no"}
    status = {"observedGeneration": 1, "conditions": [stopped]}
    thread = threading.Timer(0.2, lambda: cluster.set_status(deployment().ref, **status))
    thread.start()
    with pytest.raises(NotReady, match="failed: FailedCreate: is forbidden: no"):
        waiting(cluster, deployment(), patience=60, timeout=60)
    thread.join()


def test_a_progress_deadline_is_the_end(cluster: FakeCluster) -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": f"by {CANARY}"}
    thread = threading.Timer(0.2, lambda: cluster.set_status(deployment().ref, observedGeneration=1, conditions=[late]))
    thread.start()
    with pytest.raises(NotReady, match=r"ProgressDeadlineExceeded: by \*\*\*") as caught:
        waiting(cluster, deployment(), timeout=60)
    assert CANARY not in str(caught.value)
    thread.join()


def test_it_waits_until_ready_and_tells_what_changes(cluster: FakeCluster) -> None:
    full: dict[str, Any] = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 2)
    full["conditions"] = [{"type": "Available", "status": "True"}]
    steps = [
        threading.Timer(0.3, lambda: cluster.set_status(deployment().ref, observedGeneration=1)),
        threading.Timer(1.5, lambda: cluster.set_status(deployment().ref, **full)),
    ]
    for step in steps:
        step.start()
    assert waiting(cluster, deployment(), timeout=60) == ["waiting", "waiting", "ready"]
    for step in steps:
        step.join()


def test_what_was_ready_for_a_moment_was_ready(cluster: FakeCluster) -> None:
    full: dict[str, Any] = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 2)
    full |= {"observedGeneration": 1, "conditions": [{"type": "Available", "status": "True"}]}

    def controller() -> None:
        time.sleep(0.5)
        cluster.set_status(deployment().ref, **full)
        cluster.set_status(deployment().ref, **full | {"readyReplicas": 1})

    thread = threading.Thread(target=controller)
    thread.start()
    assert waiting(cluster, deployment(), timeout=5)[-1] == "ready"
    thread.join()


def test_the_time_is_bounded(cluster: FakeCluster) -> None:
    with pytest.raises(NotReady, match="is not ready after 1 s: its controller has not seen it yet"):
        waiting(cluster, deployment(), timeout=1)


def test_a_trouble_that_passed_does_not_count_when_another_comes(full: FakeCluster) -> None:
    def stopped(value: str) -> None:
        condition = {
            "type": "ReplicaFailure",
            "status": value,
            "reason": "FailedCreate",
            "message": "exceeded quota: q",
        }
        full.set_status(deployment().ref, observedGeneration=1, conditions=[condition])

    steps = [
        threading.Timer(when, stopped, [value])
        for when, value in ((0.1, "True"), (0.7, "False"), (2.0, "True"), (2.6, "False"))
    ]
    for step in steps:
        step.start()
    with pytest.raises(NotReady, match="is not ready after 4 s: 0/2 updated"):
        waiting(full, deployment(), patience=1.5, timeout=4)
    for step in steps:
        step.join()


def test_what_makes_no_progress_is_given_up(cluster: FakeCluster) -> None:
    with pytest.raises(NotReady, match="made no progress for 1 s: its controller has not seen it yet"):
        waiting(cluster, deployment(), stall=1, timeout=60)


def test_what_says_itself_how_long_it_takes_is_given_that_long(cluster: FakeCluster) -> None:
    patient = deployment().with_annotations({"gitops/timeout": "2s"})
    with pytest.raises(NotReady, match="is not ready after 2 s"):
        waiting(cluster, patient, stall=1, timeout=1)


def test_a_watch_that_breaks_is_heard_of(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise KeyError("metadata")

    monkeypatch.setattr(cluster, "watch", breaks)
    with pytest.raises(KeyError):
        waiting(cluster, deployment(), timeout=60)


def expired(*_: object, **__: object) -> Iterator[WatchEvent]:
    raise Expired("Deployment", "the watch is out of date", status=410)


@pytest.mark.parametrize(
    "refusal",
    [
        GitopsError("https://fake", "does not answer (Connection refused)"),
        ApiError("Deployment", "jane cannot list resource", status=403),
    ],
)
def test_a_server_that_is_away_for_a_while_is_waited_for(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, refusal: GitopsError
) -> None:
    """It starts again, has forgotten what it was asked to watch, and does not know anybody's rights yet."""
    monkeypatch.setattr("gitops.apply.watches.RETRY", 0.05)
    listed, asked = cluster.list, list[str]()

    def comes_back(group: str, kind: str, *rest: Any, **more: Any) -> Listing:
        asked.append(kind)
        if 1 < asked.count(kind) < 5:
            raise refusal
        return listed(group, kind, *rest, **more)

    monkeypatch.setattr(cluster, "list", comes_back)
    monkeypatch.setattr(cluster, "watch", expired)
    with pytest.raises(NotReady, match="is not ready after 2 s"):
        waiting(cluster, deployment(), timeout=2)
    assert asked.count("Deployment") > 5


def test_a_server_that_stays_away_is_the_reason(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitops.apply.watches.RETRY", 0.05)
    monkeypatch.setattr("gitops.apply.watches.OUTAGE", 0.2)
    listed, asked = cluster.list, list[str]()

    def goes_away(group: str, kind: str, *rest: Any, **more: Any) -> Listing:
        asked.append(kind)
        if asked.count(kind) > 1:
            raise GitopsError("https://fake", "does not answer (Connection refused)")
        return listed(group, kind, *rest, **more)

    monkeypatch.setattr(cluster, "list", goes_away)
    monkeypatch.setattr(cluster, "watch", expired)
    with pytest.raises(GitopsError, match="does not answer"):
        waiting(cluster, deployment(), timeout=60)


def test_who_may_not_read_events_waits_without(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = cluster.list

    def forbids(group: str, kind: str, *rest: Any, **more: Any) -> Listing:
        if kind == "Event":
            raise ApiError("Event", "jane cannot list", status=403)
        return listed(group, kind, *rest, **more)

    monkeypatch.setattr(cluster, "list", forbids)
    template = {key: value for key, value in deployment().body.items() if key != "kind"}
    with pytest.raises(NotReady, match="is not ready after 1 s"):
        waiting(cluster, KubeObject({**template, "kind": "StatefulSet"}), timeout=1)


def test_a_server_that_ends_every_watch_at_once_is_not_asked_without_a_breath(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ends(group: str, kind: str, *_: object, **__: object) -> Iterator[WatchEvent]:
        asked.append(kind)
        return iter(())

    monkeypatch.setattr(cluster, "watch", ends)
    with pytest.raises(NotReady):
        waiting(cluster, deployment(), timeout=1)
    assert 0 < asked.count("Deployment") <= 10


@pytest.mark.parametrize("text", ["", "5", "-1s", "0s", "1 hour", "1d", "1h30m"])
def test_a_deadline_that_cannot_be_read_is_told_before_anything_is_done(text: str) -> None:
    with pytest.raises(
        GitopsError, match=r"^Deployment/app/web: its annotation gitops/timeout is .*\n  try: such as 90s"
    ):
        make_plan(Release("prod", "fake", ""), [deployment().with_annotations({"gitops/timeout": text})], Snapshot())


def test_a_list_that_is_behind_does_not_make_the_old_revision_the_new(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache on the way may answer with what was true before the apply: the old revision, ready, or nothing at all."""
    cluster.controlled = True
    cluster.apply(deployment())
    old, listed = cluster.list("apps", "Deployment", "app"), cluster.list
    cluster.controlled = False

    def behind(group: str, kind: str, *rest: Any, **more: Any) -> Listing:
        return old if kind == "Deployment" else listed(group, kind, *rest, **more)

    def silent(*_: Any, **__: Any) -> Iterator[WatchEvent]:
        time.sleep(0.1)
        return iter(())

    monkeypatch.setattr(cluster, "list", behind)
    monkeypatch.setattr(cluster, "watch", silent)
    with pytest.raises(NotReady, match="is not ready after 1 s: its controller has not seen it yet"):
        waiting(cluster, deployment(image="registry.invalid/web:2"), timeout=1)


def test_what_a_list_that_is_behind_lacks_is_asked_for_before_it_is_taken_for_deleted(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lists_and_then_lacks(group: str, kind: str, namespace: str, *_: Any, **__: Any) -> Iterator[WatchEvent]:
        if kind == "Deployment":
            found = cluster.get(deployment().ref)
            assert found is not None
            yield WatchEvent("DELETED", found)
        time.sleep(0.05)

    monkeypatch.setattr(cluster, "watch", lists_and_then_lacks)
    with pytest.raises(NotReady, match="is not ready after 1 s"):
        waiting(cluster, deployment(), timeout=1)


def test_the_pod_in_the_worst_trouble_tells_most_and_of_equals_the_newest() -> None:
    def pod(name: str, created: str, *, waiting: str = "", ready: bool = False) -> KubeObject:
        state = [{"name": "main", "state": {"waiting": {"reason": waiting}}}] if waiting else []
        now = {"phase": "Running", "containerStatuses": state, "conditions": [{"type": "Ready", "status": str(ready)}]}
        about = {"name": name, "namespace": "app", "creationTimestamp": created}
        return KubeObject({"apiVersion": "v1", "kind": "Pod", "metadata": about, "status": now})

    pods = [
        pod("ready", "2026-01-05T00:00:00Z", ready=True),
        pod("starting", "2026-01-04T00:00:00Z"),
        pod("pulling", "2026-01-03T00:00:00Z", waiting="ErrImagePull"),
        pod("crashing", "2026-01-01T00:00:00Z", waiting="CrashLoopBackOff"),
        pod("crashing-later", "2026-01-02T00:00:00Z", waiting="CrashLoopBackOff"),
    ]
    told = []
    while found := _to_blame(tuple(pods)):
        told.append(found.name)
        pods = [each for each in pods if each is not found]
    assert told == ["crashing-later", "crashing", "pulling", "starting", "ready"]
