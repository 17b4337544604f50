"""Whether an object is ready: a pure function of the object, with a message for the person who waits.

The rules are kstatus's (sigs.k8s.io/cli-utils/pkg/kstatus). Stricter, since what depends on a release comes after it:
a Job is ready when it is complete, a Service of type LoadBalancer when it has an address, an APIService when it is
available, an autoscaler when it can scale; a Pod or a claim that has failed has failed. Looser in one: a DaemonSet that
is updated as its pods are deleted (OnDelete) is not waited for, as a StatefulSet is not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gitops.objects import Body


class State(StrEnum):
    """Where an object is on its way to what was asked for."""

    READY = "ready"
    WAITING = "waiting"
    FAILED = "failed"
    TERMINATING = "terminating"


@dataclass(frozen=True)
class Status:
    """The state, and why: "2/3 ready"."""

    state: State
    message: str = ""


READY = Status(State.READY)
NO_DEADLINE = 2**31 - 1
"""Seconds. A Deployment's progress deadline that means none."""


def status(body: Body) -> Status:
    """The status of one object as the cluster has it."""
    if body["metadata"].get("deletionTimestamp"):
        finalizers = body["metadata"].get("finalizers") or []
        held = f"; finalizers: {', '.join(finalizers)}" if finalizers else ""
        return Status(State.TERMINATING, f"is being deleted{held}")
    generation, observed = body["metadata"].get("generation"), _part(body, "status").get("observedGeneration")
    if generation is not None and observed is not None and observed != generation:
        return _UNSEEN
    group = str(body["apiVersion"]).rpartition("/")[0]
    rule = _RULES.get((group, str(body["kind"])), _by_readiness)
    return _by_standard_conditions(body) or rule(body)


def condition(body: Body, name: str) -> Mapping[str, Any]:
    """The condition of type `name`; empty where there is none."""
    for each in _part(body, "status").get("conditions") or []:
        if each.get("type") == name:
            return dict(each)
    return {}


def _part(body: Body, key: str) -> Mapping[str, Any]:
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}


def _holds(body: Body, name: str) -> bool:
    return condition(body, name).get("status") == "True"


def _said(found: Mapping[str, Any]) -> str:
    return ": ".join(str(found[key]) for key in ("reason", "message") if found.get(key))


def _waiting(message: str) -> Status:
    return Status(State.WAITING, message)


def _failed(message: str) -> Status:
    return Status(State.FAILED, message)


_UNSEEN = _waiting("its controller has not seen it yet")


def _by_standard_conditions(body: Body) -> Status | None:
    """What the conditions say that any controller may set; None where neither holds."""
    if _holds(body, "Reconciling"):
        return _waiting(_said(condition(body, "Reconciling")))
    if _holds(body, "Stalled"):
        return _failed(_said(condition(body, "Stalled")))
    return None


def _by_readiness(body: Body) -> Status:
    ready = condition(body, "Ready")
    if ready.get("observedGeneration", 0) < body["metadata"].get("generation", 0) and "observedGeneration" in ready:
        return _UNSEEN
    return _waiting(_said(ready) or "not ready") if ready.get("status") in ("False", "Unknown") else READY


def _deployment(body: Body) -> Status:
    spec, now = _part(body, "spec"), _part(body, "status")
    progressing = condition(body, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return _failed(_said(progressing))
    if "observedGeneration" not in now:
        return _UNSEEN
    wanted, updated = spec.get("replicas", 1), now.get("updatedReplicas", 0)
    paused = "; paused" if spec.get("paused") else ""
    if updated < wanted:
        return _waiting(f"{updated}/{wanted} updated{paused}")
    if now.get("replicas", 0) > wanted:
        return _waiting(f"{now['replicas'] - wanted} old to end{paused}")
    ready = min(now.get("readyReplicas", 0), now.get("availableReplicas", 0))
    if ready < wanted:
        return _waiting(f"{ready}/{wanted} ready{paused}")
    rolled_out = progressing.get("status") == "True" and progressing.get("reason") == "NewReplicaSetAvailable"
    if not rolled_out and spec.get("progressDeadlineSeconds", NO_DEADLINE) != NO_DEADLINE:
        return _waiting(f"its new pods are not available yet{paused}")
    if not _holds(body, "Available"):
        return _waiting("not available yet")
    return Status(State.READY, f"{ready}/{wanted} ready")


def _replica_set(body: Body) -> Status:
    now, wanted = _part(body, "status"), _part(body, "spec").get("replicas", 1)
    if _holds(body, "ReplicaFailure"):
        return _waiting(_said(condition(body, "ReplicaFailure")))
    ready = min(now.get(key, 0) for key in ("fullyLabeledReplicas", "availableReplicas", "readyReplicas"))
    if "observedGeneration" not in now or ready < wanted:
        return _waiting(f"{ready}/{wanted} ready")
    if now.get("replicas", 0) > wanted:
        return _waiting(f"{now['replicas'] - wanted} to end")
    return Status(State.READY, f"{wanted}/{wanted} ready")


def _stateful_set(body: Body) -> Status:
    spec, now = _part(body, "spec"), _part(body, "status")
    strategy = _part(spec, "updateStrategy")
    if strategy.get("type") == "OnDelete":
        return Status(State.READY, "updated as its pods are deleted")
    if "observedGeneration" not in now:
        return _UNSEEN
    wanted = spec.get("replicas", 1)
    ready = min(now.get("replicas", 0), now.get("readyReplicas", 0))
    if ready < wanted:
        return _waiting(f"{ready}/{wanted} ready")
    if now["replicas"] > wanted:
        return _waiting(f"{now['replicas'] - wanted} to end")
    if behind := _not_rolled_out(now, wanted, _part(strategy, "rollingUpdate").get("partition")):
        return _waiting(behind)
    return Status(State.READY, f"{ready}/{wanted} ready")


def _not_rolled_out(now: Mapping[str, Any], wanted: int, partition: int | None) -> str:
    """What a StatefulSet's new revision lacks; pods below `partition` keep the old one."""
    if partition is not None:
        updated, due = now.get("updatedReplicas", 0), wanted - partition
        return f"{updated}/{due} updated" if updated < due else ""
    if now.get("currentReplicas", 0) < wanted:
        return f"{now.get('currentReplicas', 0)}/{wanted} current"
    return "" if now.get("currentRevision") == now.get("updateRevision") else "the new revision is not the current one"


def _daemon_set(body: Body) -> Status:
    now = _part(body, "status")
    if "observedGeneration" not in now or "desiredNumberScheduled" not in now:
        return _UNSEEN
    wanted = now["desiredNumberScheduled"]
    if now.get("currentNumberScheduled", 0) < wanted:
        return _waiting(f"{now.get('currentNumberScheduled', 0)}/{wanted} scheduled")
    updated = now.get("updatedNumberScheduled", 0)
    if updated < wanted and _part(_part(body, "spec"), "updateStrategy").get("type") != "OnDelete":
        return _waiting(f"{updated}/{wanted} updated")
    ready = min(now.get("numberAvailable", 0), now.get("numberReady", 0))
    return Status(State.READY if ready >= wanted else State.WAITING, f"{ready}/{wanted} ready")


def _job(body: Body) -> Status:
    if _holds(body, "Failed") or _holds(body, "FailureTarget"):
        return _failed(_said(condition(body, "Failed") or condition(body, "FailureTarget")))
    if _holds(body, "Complete"):
        return Status(State.READY, "complete")
    spec, now = _part(body, "spec"), _part(body, "status")
    if spec.get("suspend") and _holds(body, "Suspended"):
        return Status(State.READY, "suspended")
    if spec.get("parallelism") == 0 and not now.get("active"):
        return Status(State.READY, "paused: its parallelism is 0")
    wanted = spec.get("completions", spec.get("parallelism", 1))
    return _waiting(f"{now.get('succeeded', 0)}/{wanted} complete")


def _pod(body: Body) -> Status:
    phase = _part(body, "status").get("phase")
    if phase == "Succeeded" or (phase == "Running" and _holds(body, "Ready")):
        return READY
    found = trouble(body)
    if found and found.lasting:
        return _failed(found.message)
    return _waiting(found.message if found else _said(condition(body, "Ready")) or str(phase or "not started"))


def _claim(body: Body) -> Status:
    phase = _part(body, "status").get("phase")
    if phase == "Lost":
        return _failed("its volume is lost")
    return READY if phase == "Bound" else _waiting("not bound")


def _service(body: Body) -> Status:
    if _part(body, "spec").get("type") != "LoadBalancer":
        return READY
    return READY if _part(_part(body, "status"), "loadBalancer").get("ingress") else _waiting("no address yet")


def _definition(body: Body) -> Status:
    if condition(body, "NamesAccepted").get("status") == "False":
        return _failed(_said(condition(body, "NamesAccepted")))
    established = condition(body, "Established")
    if established.get("status") == "False" and established.get("reason") != "Installing":
        return _failed(_said(established))
    return READY if _holds(body, "Established") else _waiting("not established")


def _api_service(body: Body) -> Status:
    return READY if _holds(body, "Available") else _waiting(_said(condition(body, "Available")) or "not available")


def _autoscaler(body: Body) -> Status:
    able = condition(body, "AbleToScale")
    return _waiting(_said(able)) if able.get("status") == "False" else READY


_RULES: Mapping[tuple[str, str], Callable[[Body], Status]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
}
"""Group and kind -> its rule. Every other kind is judged by the standard conditions."""


@dataclass(frozen=True)
class Trouble:
    """Why a pod will not become ready. `lasting` troubles fail at once; others may pass, and get some patience."""

    message: str
    container: str = ""
    lasting: bool = True
    crashed: bool = False
    """The container ran and ended, so that its previous run has a log."""
    old: bool = False
    """It was so before, and nothing was tried since: only the next try tells."""


_NO_IMAGE = (
    "not found", "denied", "unauthorized", "manifest unknown", "no such image", "forbidden", "does not exist",
    "no basic auth credentials", "authorization failed", "no match for platform", "no matching manifest",
)  # fmt: skip
_LASTING = {"CrashLoopBackOff", "InvalidImageName", "ErrImageNeverPull", "SignatureValidationFailed"}
_PASSING = {
    "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable", "CreateContainerError",
    "RunContainerError",
}  # fmt: skip
_NO_CONFIG = "CreateContainerConfigError"


def trouble(pod: Body) -> Trouble | None:
    """What keeps `pod` from ever being ready; None while it may just need time, and of a pod that is on its way out."""
    if pod.get("metadata", {}).get("deletionTimestamp"):
        return None
    now = _part(pod, "status")
    for each in [*(now.get("initContainerStatuses") or []), *(now.get("containerStatuses") or [])]:
        if found := _container_trouble(each):
            return found
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        return Trouble(f"Unschedulable: {scheduled.get('message', '')}".rstrip(": "), lasting=False)
    return _ended(now) if now.get("phase") == "Failed" else None


def _container_trouble(container: Mapping[str, Any]) -> Trouble | None:
    name = str(container.get("name", ""))
    waiting = _part(_part(container, "state"), "waiting")
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if reason == "CrashLoopBackOff":
        ended = _part(_part(container, "lastState"), "terminated")
        return Trouble(f"CrashLoopBackOff, container {name}{_exit(ended)}", name, crashed=True)
    if reason in _LASTING | _PASSING | {_NO_CONFIG}:
        certain = reason in _LASTING or any(words in message.lower() for words in _NO_IMAGE)
        if reason == _NO_CONFIG:
            # A Secret that an operator makes of a custom object comes a moment later.
            certain = "not found" not in message
        said = f", {message}" if message else ""
        return Trouble(f"{reason}, container {name}{said}", name, lasting=certain)
    return None


def _exit(ended: Mapping[str, Any]) -> str:
    code = f", exit {ended['exitCode']}" if "exitCode" in ended else ""
    return f"{code}, {ended['reason']}" if ended.get("reason") in ("OOMKilled", "DeadlineExceeded") else code


def _ended(now: Mapping[str, Any]) -> Trouble:
    """A pod that failed for good: its own word for it (Evicted), else the container that ended badly."""
    for each in [*(now.get("initContainerStatuses") or []), *(now.get("containerStatuses") or [])]:
        ended = _part(_part(each, "state"), "terminated")
        if ended.get("exitCode") and not now.get("reason"):
            name = str(each.get("name", ""))
            return Trouble(f"container {name} ended{_exit(ended)}", name, crashed=True)
    return Trouble(_said(now) or "failed")
