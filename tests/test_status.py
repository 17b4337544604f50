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


SEEN: dict[str, Any] = {"observedGeneration": 2}
FULL = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
TWO = {"replicas": 2}
CRD = "apiextensions.k8s.io/v1"
ROLLED_OUT = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
AVAILABLE = {"type": "Available", "status": "True"}
DONE: dict[str, Any] = {**SEEN, **FULL, "conditions": [ROLLED_OUT, AVAILABLE]}
READY, WAITING, FAILED, TERMINATING = State.READY, State.WAITING, State.FAILED, State.TERMINATING

Case = tuple[dict[str, Any], State, str]


def rollout(now: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return body("apps/v1", "Deployment", now, {**TWO, "progressDeadlineSeconds": 600, **spec})


DEPLOYMENTS: list[Case] = [
    (rollout({}), WAITING, "its controller has not seen it yet"),
    (rollout({**DONE, "observedGeneration": 1}), WAITING, "its controller has not seen it yet"),
    (rollout({**DONE, "observedGeneration": 3}), WAITING, "its controller has not seen it yet"),
    (rollout(DONE), READY, "2/2 ready"),
    (rollout({**DONE, "replicas": 1, "updatedReplicas": 1}), WAITING, "1/2 updated"),
    (rollout({**DONE, "updatedReplicas": 1}), WAITING, "1/2 updated"),
    (rollout({**DONE, "updatedReplicas": 1}, paused=True), WAITING, "1/2 updated; paused"),
    (rollout({**DONE, "replicas": 3}), WAITING, "1 old to end"),
    (rollout({**DONE, "replicas": 3, "updatedReplicas": 3}), WAITING, "1 old to end"),
    (rollout({**DONE, "availableReplicas": 1}), WAITING, "1/2 ready"),
    (rollout({**DONE, "readyReplicas": 1}), WAITING, "1/2 ready"),
    (rollout({**DONE, "conditions": [AVAILABLE]}), WAITING, "its new pods are not available yet"),
    (rollout({**DONE, "conditions": [AVAILABLE]}, progressDeadlineSeconds=2**31 - 1), READY, "2/2 ready"),
    (body("apps/v1", "Deployment", {**DONE, "conditions": [AVAILABLE]}, TWO), READY, "2/2 ready"),
    (rollout({**DONE, "conditions": [ROLLED_OUT]}), WAITING, "not available yet"),
    (rollout({**SEEN, "conditions": [ROLLED_OUT, AVAILABLE]}, replicas=0), READY, "0/0 ready"),
    (
        rollout(SEEN | condition("Progressing", "False", "ProgressDeadlineExceeded", "late")),
        FAILED,
        "ProgressDeadlineExceeded: late",
    ),
    (rollout(DONE | condition("Stalled", "True", "Quota", "no room")), FAILED, "Quota: no room"),
    (rollout(DONE | condition("Reconciling", "True", "Working")), WAITING, "Working"),
]


def replica_set(**now: Any) -> dict[str, Any]:
    counts: dict[str, Any] = dict.fromkeys(
        ("replicas", "readyReplicas", "availableReplicas", "fullyLabeledReplicas"), 2
    )
    return body("apps/v1", "ReplicaSet", {**SEEN, **counts, **now}, TWO)


REPLICA_SETS: list[Case] = [
    (body("apps/v1", "ReplicaSet", {}, TWO), WAITING, "0/2 ready"),
    (replica_set(), READY, "2/2 ready"),
    (replica_set(**condition("ReplicaFailure", "False")), READY, "2/2 ready"),
    (replica_set(**condition("ReplicaFailure", "True", "FailedCreate", "quota")), WAITING, "FailedCreate: quota"),
    (replica_set(readyReplicas=1), WAITING, "1/2 ready"),
    (replica_set(availableReplicas=1), WAITING, "1/2 ready"),
    (replica_set(fullyLabeledReplicas=1), WAITING, "1/2 ready"),
    (replica_set(replicas=3), WAITING, "1 to end"),
]


def stateful_set(spec: dict[str, Any] | None = None, **now: Any) -> dict[str, Any]:
    counts: dict[str, Any] = dict.fromkeys(("replicas", "readyReplicas", "currentReplicas", "updatedReplicas"), 2)
    same = {"currentRevision": "a", "updateRevision": "a"}
    return body("apps/v1", "StatefulSet", {**SEEN, **counts, **same, **now}, {**TWO, **(spec or {})})


def partition(below: int) -> dict[str, Any]:
    return {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": below}}}


NEW: dict[str, Any] = {"updateRevision": "b"}
STATEFUL_SETS: list[Case] = [
    (body("apps/v1", "StatefulSet", {}, TWO), WAITING, "its controller has not seen it yet"),
    (stateful_set(), READY, "2/2 ready"),
    (stateful_set(replicas=1), WAITING, "1/2 ready"),
    (stateful_set(readyReplicas=1), WAITING, "1/2 ready"),
    (stateful_set(replicas=4), WAITING, "2 to end"),
    (stateful_set(currentReplicas=1), WAITING, "1/2 current"),
    (stateful_set(**NEW), WAITING, "the new revision is not the current one"),
    (stateful_set(partition(0), updatedReplicas=1, **NEW), WAITING, "1/2 updated"),
    (stateful_set(partition(1), updatedReplicas=1, **NEW), READY, "2/2 ready"),
    (stateful_set(partition(1), updatedReplicas=0, **NEW), WAITING, "0/1 updated"),
    (stateful_set(partition(3), updatedReplicas=0, **NEW), READY, "2/2 ready"),
    (stateful_set({"updateStrategy": {"type": "OnDelete"}}, updatedReplicas=0, **NEW), READY, "updated as its pods"),
]


def daemon_set(spec: dict[str, Any] | None = None, **now: Any) -> dict[str, Any]:
    names = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    counts: dict[str, Any] = dict.fromkeys((*names, "numberReady"), 3)
    return body("apps/v1", "DaemonSet", {**SEEN, **counts, **now}, spec)


DAEMON_SETS: list[Case] = [
    (body("apps/v1", "DaemonSet", {}), WAITING, "its controller has not seen it yet"),
    (body("apps/v1", "DaemonSet", {**SEEN, "numberReady": 3}), WAITING, "its controller has not seen it yet"),
    (daemon_set(), READY, "3/3 ready"),
    (daemon_set(currentNumberScheduled=2), WAITING, "2/3 scheduled"),
    (daemon_set(updatedNumberScheduled=2), WAITING, "2/3 updated"),
    (daemon_set({"updateStrategy": {"type": "OnDelete"}}, updatedNumberScheduled=2), READY, "3/3 ready"),
    (daemon_set(numberAvailable=2), WAITING, "2/3 ready"),
    (daemon_set(numberReady=2), WAITING, "2/3 ready"),
    (daemon_set(observedGeneration=1), WAITING, "its controller has not seen it yet"),
    (daemon_set(desiredNumberScheduled=0, numberAvailable=0, numberReady=0), READY, "0/0 ready"),
]

JOBS: list[Case] = [
    (body("batch/v1", "Job", {}), WAITING, "0/1 complete"),
    (body("batch/v1", "Job", condition("Complete", "True")), READY, "complete"),
    (body("batch/v1", "Job", {"active": 1, "succeeded": 2}, {"completions": 4}), WAITING, "2/4 complete"),
    (body("batch/v1", "Job", {}, {"parallelism": 3}), WAITING, "0/3 complete"),
    (body("batch/v1", "Job", condition("Failed", "False")), WAITING, "0/1 complete"),
    (body("batch/v1", "Job", condition("Failed", "True", "BackoffLimitExceeded", "x")), FAILED, "BackoffLimit"),
    (body("batch/v1", "Job", condition("FailureTarget", "True", "PodFailurePolicy", "x")), FAILED, "PodFailurePolicy"),
    (body("batch/v1", "Job", {}, {"suspend": True}), WAITING, "0/1 complete"),
    (body("batch/v1", "Job", condition("Suspended", "True"), {"suspend": True}), READY, "suspended"),
    (body("batch/v1", "Job", {}, {"parallelism": 0}), READY, "paused: its parallelism is 0"),
    (body("batch/v1", "Job", {"active": 1}, {"parallelism": 0}), WAITING, "0/0 complete"),
    (body("batch/v1", "CronJob", {}), READY, ""),
]


def pod(phase: str, **now: Any) -> dict[str, Any]:
    return body("v1", "Pod", {"phase": phase, **now}, generation=1)


PODS: list[Case] = [
    (body("v1", "Pod", {}), WAITING, "not started"),
    (pod("Running", **condition("Ready", "True")), READY, ""),
    (pod("Pending", **condition("Ready", "True")), WAITING, "Pending"),
    (pod("Running", **condition("Ready", "False", "ContainersNotReady", "x")), WAITING, "ContainersNotReady: x"),
    (pod("Succeeded", **condition("Ready", "False", "PodCompleted")), READY, ""),
    (pod("Failed", reason="Evicted", message="no room"), FAILED, "Evicted: no room"),
    (
        pod("Pending", **condition("PodScheduled", "False", "Unschedulable", "no node")),
        WAITING,
        "Unschedulable: no node",
    ),
    (
        pod("Running", containerStatuses=[{"name": "web", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]),
        FAILED,
        "CrashLoopBackOff, container web",
    ),
]

NAMES_TAKEN = condition("NamesAccepted", "False", "Taken", "x")
OTHERS: list[Case] = [
    (body("v1", "PersistentVolumeClaim", {}), WAITING, "not bound"),
    (body("v1", "PersistentVolumeClaim", {"phase": "Pending"}), WAITING, "not bound"),
    (body("v1", "PersistentVolumeClaim", {"phase": "Bound"}), READY, ""),
    (body("v1", "PersistentVolumeClaim", {"phase": "Lost"}), FAILED, "its volume is lost"),
    (body("v1", "Service", {}, {"type": "ClusterIP"}), READY, ""),
    (body("v1", "Service", {}, {"type": "LoadBalancer"}), WAITING, "no address yet"),
    (
        body("v1", "Service", {"loadBalancer": {"ingress": [{"hostname": "x"}]}}, {"type": "LoadBalancer"}),
        READY,
        "",
    ),
    (body(CRD, "CustomResourceDefinition", {}), WAITING, "not established"),
    (
        body(CRD, "CustomResourceDefinition", condition("Established", "False", "Installing")),
        WAITING,
        "not established",
    ),
    (
        body(CRD, "CustomResourceDefinition", condition("Established", "False", "NotAccepted", "x")),
        FAILED,
        "NotAccepted",
    ),
    (body(CRD, "CustomResourceDefinition", condition("Established", "True")), READY, ""),
    (body(CRD, "CustomResourceDefinition", NAMES_TAKEN), FAILED, "Taken: x"),
    (body("apiregistration.k8s.io/v1", "APIService", {}), WAITING, "not available"),
    (body("apiregistration.k8s.io/v1", "APIService", condition("Available", "False", "Down")), WAITING, "Down"),
    (body("apiregistration.k8s.io/v1", "APIService", condition("Available", "True")), READY, ""),
    (
        body("autoscaling/v2", "HorizontalPodAutoscaler", condition("AbleToScale", "False", "FailedGetScale")),
        WAITING,
        "FailedGetScale",
    ),
    (
        body("policy/v1", "PodDisruptionBudget", {"observedGeneration": 1}),
        WAITING,
        "its controller has not seen it yet",
    ),
    (body("policy/v1", "PodDisruptionBudget", {"observedGeneration": 2}), READY, ""),
    (body("v1", "ConfigMap", {}), READY, ""),
    (body("v1", "Secret", {}), READY, ""),
]

CUSTOM: list[Case] = [
    (body("example.invalid/v1", "Thing", {}), READY, ""),
    (body("example.invalid/v1", "Thing", condition("Other", "False")), READY, ""),
    (body("example.invalid/v1", "Thing", condition("Ready", "False", "Why")), WAITING, "Why"),
    (body("example.invalid/v1", "Thing", condition("Ready", "Unknown", "Why")), WAITING, "Why"),
    (body("example.invalid/v1", "Thing", condition("Ready", "True")), READY, ""),
    (body("example.invalid/v1", "Thing", condition("Stalled", "True", "Bad")), FAILED, "Bad"),
    (body("example.invalid/v1", "Thing", condition("Stalled", "False", "Fine")), READY, ""),
    (body("example.invalid/v1", "Thing", condition("Reconciling", "True", "Working")), WAITING, "Working"),
    (body("example.invalid/v1", "Thing", {"observedGeneration": 1}), WAITING, "its controller has not seen it yet"),
    (
        body(
            "example.invalid/v1",
            "Thing",
            {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]},
        ),
        WAITING,
        "its controller has not seen it yet",
    ),
    (
        body("v1", "Namespace", {}, deletionTimestamp="2026-11-24T00:00:00Z", finalizers=["kubernetes"]),
        TERMINATING,
        "is being deleted; finalizers: kubernetes",
    ),
]

CASES = [*DEPLOYMENTS, *REPLICA_SETS, *STATEFUL_SETS, *DAEMON_SETS, *JOBS, *PODS, *OTHERS, *CUSTOM]


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
    [
        ("rpc error: not found", True),
        ("pull access denied", True),
        ("no match for platform in manifest", True),
        ("no basic auth credentials", True),
        ("i/o timeout", False),
        ("toomanyrequests: pull rate limit", False),
        ("dial tcp: lookup registry.invalid: no such host", False),
    ],
)
def test_an_image_that_does_not_exist_lasts_and_a_registry_that_does_not_answer_may_pass(
    message: str, lasting: bool
) -> None:
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": message}}, "name": "web"}
    found = trouble({"status": {"containerStatuses": [waiting]}})
    assert found is not None
    assert found.lasting is lasting


@pytest.mark.parametrize(
    ("message", "lasting"), [('secret "made-by-an-operator" not found', False), ("container has runAsNonRoot", True)]
)
def test_a_missing_secret_may_come_and_other_configuration_does_not_mend_itself(message: str, lasting: bool) -> None:
    waiting = {"state": {"waiting": {"reason": "CreateContainerConfigError", "message": message}}, "name": "web"}
    found = trouble({"status": {"containerStatuses": [waiting]}})
    assert found is not None
    assert found.lasting is lasting


def test_a_pod_that_only_needs_time_is_in_no_trouble() -> None:
    waiting = {"state": {"waiting": {"reason": "ContainerCreating"}}, "name": "web"}
    assert trouble({"status": {"phase": "Pending", "containerStatuses": [waiting]}}) is None


def test_a_pod_on_its_way_out_is_in_no_trouble() -> None:
    gone = {"metadata": {"deletionTimestamp": "2026-11-24T00:00:00Z"}, "status": pod_status("web:crash")}
    assert trouble(gone) is None
