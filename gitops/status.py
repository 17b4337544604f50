"""Whether an object is ready: a pure function of the object, with a message for the person who waits.

The rules are kstatus's (sigs.k8s.io/cli-utils/pkg/kstatus), save that a Job is ready when it is complete, and a
Service of type LoadBalancer when it has an address: a release that depends on them is not done before.
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


def status(body: Body) -> Status:
    """The status of one object as the cluster has it."""
    if body["metadata"].get("deletionTimestamp"):
        finalizers = body["metadata"].get("finalizers") or []
        held = f"; finalizers: {', '.join(finalizers)}" if finalizers else ""
        return Status(State.TERMINATING, f"is being deleted{held}")
    observed = _part(body, "status").get("observedGeneration")
    if observed is not None and observed < body["metadata"].get("generation", 0):
        return Status(State.WAITING, "its controller has not seen it yet")
    group = str(body["apiVersion"]).rpartition("/")[0]
    rule = _RULES.get((group, str(body["kind"])), _by_conditions)
    return rule(body)


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


def _by_conditions(body: Body) -> Status:
    if _holds(body, "Stalled"):
        return _failed(_said(condition(body, "Stalled")))
    if _holds(body, "Reconciling"):
        return _waiting(_said(condition(body, "Reconciling")))
    ready = condition(body, "Ready")
    if ready and ready.get("status") != "True":
        return _waiting(_said(ready) or "not ready")
    return READY


def _deployment(body: Body) -> Status:
    spec, now = _part(body, "spec"), _part(body, "status")
    wanted = spec.get("replicas", 1)
    if condition(body, "Progressing").get("reason") == "ProgressDeadlineExceeded":
        return _failed(_said(condition(body, "Progressing")))
    if "observedGeneration" not in now:
        return _waiting("its controller has not seen it yet")
    updated, ready = now.get("updatedReplicas", 0), now.get("readyReplicas", 0)
    if updated < wanted:
        return _waiting(f"{updated}/{wanted} updated")
    if now.get("replicas", 0) > updated:
        return _waiting(f"{now['replicas'] - updated} old to end")
    if now.get("availableReplicas", 0) < wanted:
        return _waiting(f"{min(ready, now.get('availableReplicas', 0))}/{wanted} ready")
    return Status(State.READY, f"{ready}/{wanted} ready")


def _replica_set(body: Body) -> Status:
    now, wanted = _part(body, "status"), _part(body, "spec").get("replicas", 1)
    if "observedGeneration" not in now or now.get("availableReplicas", 0) < wanted:
        return _waiting(f"{now.get('availableReplicas', 0)}/{wanted} ready")
    return Status(State.READY, f"{wanted}/{wanted} ready")


def _stateful_set(body: Body) -> Status:
    spec, now = _part(body, "spec"), _part(body, "status")
    strategy = _part(spec, "updateStrategy")
    if strategy.get("type") == "OnDelete":
        return Status(State.READY, "updated as its pods are deleted")
    wanted, ready = spec.get("replicas", 1), now.get("readyReplicas", 0)
    if "observedGeneration" not in now:
        return _waiting("its controller has not seen it yet")
    if ready < wanted:
        return _waiting(f"{ready}/{wanted} ready")
    partition = _part(strategy, "rollingUpdate").get("partition") or 0
    updated = now.get("updatedReplicas", 0)
    if now.get("currentRevision") != now.get("updateRevision") and updated < wanted - partition:
        return _waiting(f"{updated}/{wanted - partition} updated")
    return Status(State.READY, f"{ready}/{wanted} ready")


def _daemon_set(body: Body) -> Status:
    now = _part(body, "status")
    if "observedGeneration" not in now:
        return _waiting("its controller has not seen it yet")
    wanted = now.get("desiredNumberScheduled", 0)
    if _part(_part(body, "spec"), "updateStrategy").get("type") != "OnDelete":
        updated = now.get("updatedNumberScheduled", 0)
        if updated < wanted:
            return _waiting(f"{updated}/{wanted} updated")
    if now.get("numberAvailable", 0) < wanted:
        return _waiting(f"{now.get('numberAvailable', 0)}/{wanted} ready")
    return Status(State.READY, f"{wanted}/{wanted} ready")


def _job(body: Body) -> Status:
    if _holds(body, "Failed") or _holds(body, "FailureTarget"):
        return _failed(_said(condition(body, "Failed") or condition(body, "FailureTarget")))
    if _holds(body, "Complete"):
        return Status(State.READY, "complete")
    if _part(body, "spec").get("suspend"):
        return Status(State.READY, "suspended")
    now = _part(body, "status")
    return _waiting(f"{now.get('succeeded', 0)}/{_part(body, 'spec').get('completions', 1)} complete")


def _pod(body: Body) -> Status:
    phase = _part(body, "status").get("phase")
    if phase == "Failed":
        return _failed(_said(_part(body, "status")) or "failed")
    if phase == "Succeeded" or _holds(body, "Ready"):
        return READY
    return _waiting(_said(condition(body, "Ready")) or str(phase or "not started"))


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


_NO_IMAGE = ("not found", "denied", "unauthorized", "manifest unknown", "no such image", "forbidden", "does not exist")
_LASTING = {"CrashLoopBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}
_PASSING = {"ErrImagePull", "ImagePullBackOff", "CreateContainerError", "RunContainerError"}


def trouble(pod: Body) -> Trouble | None:
    """What keeps `pod` from ever being ready; None while it may just need time."""
    now = _part(pod, "status")
    for each in [*(now.get("initContainerStatuses") or []), *(now.get("containerStatuses") or [])]:
        if found := _container_trouble(each):
            return found
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        return Trouble(f"Unschedulable: {scheduled.get('message', '')}".rstrip(": "), lasting=False)
    if now.get("phase") == "Failed":
        return Trouble(_said(now) or "failed")
    return None


def _container_trouble(container: Mapping[str, Any]) -> Trouble | None:
    name = str(container.get("name", ""))
    waiting = _part(_part(container, "state"), "waiting")
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if reason == "CrashLoopBackOff":
        ended = _part(_part(container, "lastState"), "terminated")
        exit_code = f", exit {ended['exitCode']}" if "exitCode" in ended else ""
        killed = f", {ended['reason']}" if ended.get("reason") == "OOMKilled" else ""
        return Trouble(f"CrashLoopBackOff, container {name}{exit_code}{killed}", name, crashed=True)
    if reason in _LASTING | _PASSING:
        certain = reason in _LASTING or any(words in message.lower() for words in _NO_IMAGE)
        said = f", {message}" if message else ""
        return Trouble(f"{reason}, container {name}{said}", name, lasting=certain)
    return None


def creation_trouble(body: Body) -> str:
    """Why a workload's controller cannot create its pods: a quota, a webhook's refusal. Empty where it can."""
    found = condition(body, "ReplicaFailure")
    return _said(found) if found.get("status") == "True" else ""
