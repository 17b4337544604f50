"""Why the pods of a workload cannot be created: what its controller said, held against what the API server says now.

A controller that was refused its pods tries again later and later, up to 16 minutes later, and what it said last stays
in the object until then. It may be mended since: a label, a quota, a webhook. So the API server itself is asked, by the
dry run of such a pod, and the controller is asked to try at once.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gitops.apply.watches import SILENT, Family
from gitops.clients.api_errors import NO_RIGHT
from gitops.clients.cluster import ApiError, Reader
from gitops.errors import GitopsError
from gitops.objects import MANAGER, Body, KubeObject, ObjectRef
from gitops.plan.fields import quantity
from gitops.status import Trouble, condition

ASK_AGAIN = 5.0
"""Seconds after which the API server is asked once more."""
PROBE = "gitops-dry-run"
"""Ends the name of the pod that is asked for, and never made."""
_REFUSED = ("denied the request", "denied request", "violates PodSecurity", "is forbidden")
"""In what a controller is told when admission refuses its pods."""
_MAY_PASS = ("exceeded quota", "error looking up service account")
"""Refusals of pods that end when other pods do, or when what comes beside them is there."""
_QUOTA = re.compile(r"exceeded quota: .*?, requested: (\S+), used: \S*, limited: (\S+)")


@dataclass(frozen=True)
class _Answer:
    """What the API server said of a pod; `refusal` is None where it would take it, or could not be asked."""

    moment: float
    known: bool
    refusal: Trouble | None = None


@dataclass
class Creation:
    """Judges the refusals of pods on the cluster behind `reader`, in one wait."""

    reader: Reader
    retry: Callable[[ObjectRef], None]
    """Makes the controller of an object try at once."""
    now: Callable[[], float]
    _since: dict[ObjectRef, float] = field(default_factory=dict)
    _answers: dict[ObjectRef, _Answer] = field(default_factory=dict)

    def trouble(self, workload: KubeObject, family: Family) -> Trouble | None:
        """Why pods of `workload` cannot be created; None where they can, as far as anybody said."""
        ref, said = workload.ref, _said_of(workload, family)
        if said is None:
            self._since.pop(ref, None)
            self._answers.pop(ref, None)
            return None
        if ref not in self._since:
            self._since[ref] = self.now()
            self.retry(ref)
        if ref not in self._answers or self.now() - self._answers[ref].moment >= ASK_AGAIN:
            self._answers[ref] = self._ask(workload)
        return self._verdict(said, self._answers[ref], self.now() - self._since[ref])

    def _verdict(self, said: Trouble, answer: _Answer, seconds: float) -> Trouble:
        if answer.refusal:
            return answer.refusal
        if answer.known:
            # Room that there is by now will be found at the next try. A policy may have been mended, or be one for
            # controllers alone.
            message = f"{said.message}; a dry run of its pods is accepted by now"
            return Trouble(message, lasting=False, old=not said.lasting)
        # Nobody can tell, so what the controller says once it has tried again is the truth.
        return said if seconds >= ASK_AGAIN else replace(said, lasting=False)

    def _ask(self, workload: KubeObject) -> _Answer:
        try:
            self.reader.preview(_pod(workload))
        except ApiError as error:
            if error.status not in (400, 403, 422) or NO_RIGHT.search(error.problem):
                return _Answer(self.now(), known=False)
            message = f"FailedCreate: {error.problem}"
            return _Answer(self.now(), True, Trouble(message, lasting=not _may_pass(message)))
        except GitopsError:
            # The controller's word stands where nobody answers.
            return _Answer(self.now(), known=False)
        return _Answer(self.now(), known=True)


def refused_pods(message: str) -> Trouble:
    """Why pods could not be created, by their controller's word. What admission refuses it refuses again."""
    return Trouble(message, lasting=any(words in message for words in _REFUSED) and not _may_pass(message))


def lacks_pods(body: Body) -> bool:
    """Whether the controller of a workload has still to create some of its pods."""
    spec, now = body.get("spec") or {}, body.get("status") or {}
    if body["kind"] == "DaemonSet":
        return int(now.get("currentNumberScheduled", 0)) < int(now.get("desiredNumberScheduled", 1))
    if body["kind"] == "Job":
        return not any(now.get(key) for key in ("active", "succeeded", "failed"))
    return int(now.get("replicas", 0)) < int(spec.get("replicas", 1))


def _said_of(workload: KubeObject, family: Family) -> Trouble | None:
    """What the controller said last: Deployments and ReplicaSets by a condition, of others it is an event that does.
    An event counts from the workload's last apply on, and as long as it lacks pods."""
    if workload.kind in SILENT:
        said = family.refusal(workload, _applied_at(workload)) if lacks_pods(workload.body) else ""
        return refused_pods(f"FailedCreate: {said}") if said else None
    if not family.is_seen(workload):
        return None
    # A Deployment says it of its old ReplicaSets too.
    present = family.present(workload) if workload.kind == "Deployment" else []
    failures = (condition(each.body, "ReplicaFailure") for each in present or [workload])
    found = next((each for each in failures if each.get("status") == "True"), None)
    return refused_pods(f"{found.get('reason')}: {found.get('message')}") if found else None


def _may_pass(message: str) -> bool:
    """A quota may have room later, unless it never has for as much as one pod asks."""
    return any(words in message for words in _MAY_PASS) and not _is_beyond_quota(message)


def _is_beyond_quota(message: str) -> bool:
    """Whether one pod alone asks for more than the quota has in all."""
    found = _QUOTA.search(message)
    if not found:
        return False
    requested, limited = (
        dict(part.split("=", 1) for part in text.split(",") if "=" in part) for text in found.groups()
    )
    pairs = ((quantity(value), quantity(limited.get(name))) for name, value in requested.items())
    return any(one is not None and most is not None and one > most for one, most in pairs)


def _pod(workload: KubeObject) -> KubeObject:
    """A pod as the controller of `workload` would make it."""
    template = workload.body["spec"]["template"]
    kept = {key: value for key, value in (template.get("metadata") or {}).items() if key in ("labels", "annotations")}
    owner = {"apiVersion": workload.api_version, "kind": workload.kind, "name": workload.name, "uid": workload.uid}
    metadata = {
        **kept,
        "name": f"{workload.name[:200]}-{PROBE}",
        "namespace": workload.namespace,
        # There are policies against pods that nobody owns.
        "ownerReferences": [{**owner, "controller": True}],
    }
    return KubeObject({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})


def _applied_at(each: KubeObject) -> str:
    """When we last applied an object, by the server's clock; empty where that is not known."""
    entries = each.metadata.get("managedFields") or []
    ours = [entry for entry in entries if (entry.get("manager"), entry.get("operation")) == (MANAGER, "Apply")]
    return str(ours[0].get("time") or "") if ours else ""
