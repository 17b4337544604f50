"""What a wait gives up on, and when."""

import threading
import time
from typing import Any

import pytest

from gitops.apply.wait import NotReady, Waiter
from gitops.objects import KubeObject
from gitops.plan.mask import Mask
from gitops.plan.model import Action, Change, Plan, Release
from tests.support.fake_cluster import FakeCluster
from tests.support.kube_objects import deployment, namespace, secret

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


def test_a_quota_gets_some_patience_and_is_then_the_reason(cluster: FakeCluster) -> None:
    stopped = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: small"}

    def controller() -> None:
        time.sleep(0.2)
        cluster.set_status(deployment().ref, observedGeneration=1, conditions=[stopped])

    thread = threading.Thread(target=controller)
    thread.start()
    with pytest.raises(NotReady, match="failed: FailedCreate: exceeded quota: small"):
        waiting(cluster, deployment(), patience=0.5, timeout=60)
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
    full = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 2)
    steps = [
        threading.Timer(0.3, lambda: cluster.set_status(deployment().ref, observedGeneration=1)),
        threading.Timer(1.5, lambda: cluster.set_status(deployment().ref, **full)),
    ]
    for step in steps:
        step.start()
    assert waiting(cluster, deployment(), timeout=60) == ["waiting", "waiting", "ready"]
    for step in steps:
        step.join()


def test_the_time_is_bounded(cluster: FakeCluster) -> None:
    with pytest.raises(NotReady, match="is not ready after 1 s: its controller has not seen it yet"):
        waiting(cluster, deployment(), timeout=1)
