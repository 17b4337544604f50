"""Whether an object is ready, kind by kind."""

from typing import Any

import pytest

from gitops.status import State, status, trouble
from tests.support.kubelet import pod_status


def body(
    api_version: str, kind: str, now: dict[str, Any], spec: dict[str, Any] | None = None, **meta: Any
) -> dict[str, Any]:
    metadata = {"name": "x", "generation": 2, **meta}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec or {}, "status": now}


def condition(kind: str, value: str, reason: str = "", message: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": value, "reason": reason, "message": message}]}


SEEN = {"observedGeneration": 2}
FULL = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
TWO = {"replicas": 2}
CRD = "apiextensions.k8s.io/v1"

CASES: list[tuple[dict[str, Any], State, str]] = [
    (body("apps/v1", "Deployment", {}, TWO), State.WAITING, "its controller has not seen it yet"),
    (
        body("apps/v1", "Deployment", {"observedGeneration": 1, **FULL}, TWO),
        State.WAITING,
        "its controller has not seen",
    ),
    (body("apps/v1", "Deployment", {**SEEN, **FULL}, TWO), State.READY, "2/2 ready"),
    (body("apps/v1", "Deployment", {**SEEN, **FULL, "updatedReplicas": 1}, TWO), State.WAITING, "1/2 updated"),
    (body("apps/v1", "Deployment", {**SEEN, **FULL, "replicas": 3}, TWO), State.WAITING, "1 old to end"),
    (body("apps/v1", "Deployment", {**SEEN, **FULL, "availableReplicas": 1}, TWO), State.WAITING, "1/2 ready"),
    (body("apps/v1", "Deployment", SEEN, {"replicas": 0}), State.READY, "0/0 ready"),
    (
        body(
            "apps/v1", "Deployment", SEEN | condition("Progressing", "False", "ProgressDeadlineExceeded", "late"), TWO
        ),
        State.FAILED,
        "ProgressDeadlineExceeded: late",
    ),
    (body("apps/v1", "StatefulSet", {**SEEN, **FULL}, TWO), State.READY, "2/2 ready"),
    (body("apps/v1", "StatefulSet", {**SEEN, "readyReplicas": 1}, TWO), State.WAITING, "1/2 ready"),
    (
        body(
            "apps/v1",
            "StatefulSet",
            {**SEEN, **FULL, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"},
            TWO,
        ),
        State.WAITING,
        "1/2 updated",
    ),
    (
        body(
            "apps/v1",
            "StatefulSet",
            {**SEEN, **FULL, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"},
            {**TWO, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
        ),
        State.READY,
        "2/2 ready",
    ),
    (
        body("apps/v1", "DaemonSet", {**SEEN, "desiredNumberScheduled": 3, "updatedNumberScheduled": 2}),
        State.WAITING,
        "2/3 updated",
    ),
    (
        body(
            "apps/v1",
            "DaemonSet",
            {**SEEN, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3},
        ),
        State.READY,
        "3/3 ready",
    ),
    (body("batch/v1", "Job", condition("Complete", "True")), State.READY, "complete"),
    (body("batch/v1", "Job", {"active": 1}), State.WAITING, "0/1 complete"),
    (body("batch/v1", "Job", condition("Failed", "True", "BackoffLimitExceeded", "x")), State.FAILED, "BackoffLimit"),
    (body("batch/v1", "CronJob", {}), State.READY, ""),
    (body("v1", "PersistentVolumeClaim", {"phase": "Pending"}), State.WAITING, "not bound"),
    (body("v1", "PersistentVolumeClaim", {"phase": "Bound"}), State.READY, ""),
    (body("v1", "PersistentVolumeClaim", {"phase": "Lost"}), State.FAILED, "its volume is lost"),
    (body("v1", "Service", {}, {"type": "ClusterIP"}), State.READY, ""),
    (body("v1", "Service", {}, {"type": "LoadBalancer"}), State.WAITING, "no address yet"),
    (
        body("v1", "Service", {"loadBalancer": {"ingress": [{"hostname": "x"}]}}, {"type": "LoadBalancer"}),
        State.READY,
        "",
    ),
    (body(CRD, "CustomResourceDefinition", {}), State.WAITING, "not established"),
    (body(CRD, "CustomResourceDefinition", condition("Established", "True")), State.READY, ""),
    (
        body(CRD, "CustomResourceDefinition", condition("NamesAccepted", "False", "Taken", "x")),
        State.FAILED,
        "Taken: x",
    ),
    (body("apiregistration.k8s.io/v1", "APIService", condition("Available", "False", "Down")), State.WAITING, "Down"),
    (body("apiregistration.k8s.io/v1", "APIService", condition("Available", "True")), State.READY, ""),
    (
        body("autoscaling/v2", "HorizontalPodAutoscaler", condition("AbleToScale", "False", "FailedGetScale")),
        State.WAITING,
        "FailedGetScale",
    ),
    (body("example.invalid/v1", "Thing", {}), State.READY, ""),
    (body("example.invalid/v1", "Thing", condition("Ready", "False", "Why")), State.WAITING, "Why"),
    (body("example.invalid/v1", "Thing", condition("Ready", "True")), State.READY, ""),
    (body("example.invalid/v1", "Thing", condition("Stalled", "True", "Bad")), State.FAILED, "Bad"),
    (body("example.invalid/v1", "Thing", {"observedGeneration": 1}), State.WAITING, "its controller has not seen"),
    (
        body("v1", "Namespace", {}, deletionTimestamp="2026-11-24T00:00:00Z", finalizers=["kubernetes"]),
        State.TERMINATING,
        "is being deleted; finalizers: kubernetes",
    ),
]


@pytest.mark.parametrize(("given", "state", "message"), CASES)
def test_the_status_of_an_object(given: dict[str, Any], state: State, message: str) -> None:
    found = status(given)
    assert found.state is state
    assert found.message.startswith(message)


def test_a_pod_that_crashes_is_in_lasting_trouble() -> None:
    found = trouble({"status": pod_status("web:crash")})
    assert found is not None
    assert (found.message, found.lasting, found.crashed) == ("CrashLoopBackOff, container web, exit 1", True, True)


@pytest.mark.parametrize(
    ("message", "lasting"),
    [("rpc error: not found", True), ("pull access denied", True), ("i/o timeout", False)],
)
def test_an_image_that_does_not_exist_lasts_and_a_registry_that_does_not_answer_may_pass(
    message: str, lasting: bool
) -> None:
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": message}}, "name": "web"}
    found = trouble({"status": {"containerStatuses": [waiting]}})
    assert found is not None
    assert found.lasting is lasting


def test_a_pod_that_only_needs_time_is_in_no_trouble() -> None:
    waiting = {"state": {"waiting": {"reason": "ContainerCreating"}}, "name": "web"}
    assert trouble({"status": {"phase": "Pending", "containerStatuses": [waiting]}}) is None
