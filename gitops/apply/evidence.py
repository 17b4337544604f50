"""What a person needs to see of a failure: the container's last log lines, and the last warnings."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gitops.apply.watches import last_seen
from gitops.clients.cluster import Reader
from gitops.errors import GitopsError
from gitops.objects import KubeObject

LOG_LINES, WARNINGS = 10, 3


class Blamed(NamedTuple):
    """A container whose log may tell why, and whether it is its previous run's."""

    name: str
    previous: bool


def evidence(reader: Reader, workload: KubeObject, pod: KubeObject | None) -> tuple[str, ...]:
    """The last lines of the log of `pod`, where one is to blame, and of the events of both. Never raises: it only adds
    to an error that is on its way."""
    about = [workload, *([pod] if pod and pod.uid != workload.uid else [])]
    try:
        return (*_log(reader, pod), *dict.fromkeys(_warnings(reader, about)))
    except GitopsError as error:
        return (f"(its events and logs cannot be read: {error.problem})",)


def blamed_container(pod: KubeObject) -> Blamed | None:
    """The container that ended badly, or waits to be started again; else one that runs and is not ready. None where
    none ever ran."""
    now = pod.body.get("status") or {}
    statuses = [*(now.get("initContainerStatuses") or []), *(now.get("containerStatuses") or [])]
    for each in statuses:
        state = each.get("state") or {}
        if "waiting" in state and (each.get("lastState") or {}).get("terminated"):
            return Blamed(str(each["name"]), previous=True)
        if (state.get("terminated") or {}).get("exitCode"):
            return Blamed(str(each["name"]), previous=False)
    running = (each for each in statuses if "running" in (each.get("state") or {}) and not each.get("ready"))
    return next((Blamed(str(each["name"]), previous=False) for each in running), None)


def _log(reader: Reader, pod: KubeObject | None) -> list[str]:
    blamed = blamed_container(pod) if pod else None
    if pod is None or blamed is None:
        return []
    try:
        log = reader.logs(pod.namespace, pod.name, blamed.name, LOG_LINES, blamed.previous)
    except GitopsError as error:
        return [f"(no log of {blamed.name}: {error.problem})"]
    return [line for line in log.splitlines() if line.strip()][-LOG_LINES:]


def _warnings(reader: Reader, about: Iterable[KubeObject]) -> list[str]:
    lines = []
    for each in about:
        fields: Mapping[str, Any] = {"involvedObject.uid": each.uid, "type": "Warning"}
        events = reader.list("", "Event", each.namespace or "default", fields=fields).objects
        latest = sorted(events, key=last_seen)[-WARNINGS:]
        lines += [f"{event.body.get('reason')}: {event.body.get('message')}" for event in latest]
    return lines
