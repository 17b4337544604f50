"""What a person needs to see of a failure: the container's last log lines, and the last warnings."""

from collections.abc import Iterable
from dataclasses import dataclass

from gitops.clients.cluster import Reader
from gitops.errors import GitopsError
from gitops.objects import KubeObject
from gitops.status import Trouble, trouble

LOG_LINES, WARNINGS = 10, 3


@dataclass(frozen=True)
class Evidence:
    """`trouble` says what is wrong with a pod, if one is; `lines` are its log's and its events' last."""

    trouble: str
    lines: tuple[str, ...]


def evidence(reader: Reader, workload: KubeObject, pod: KubeObject | None) -> Evidence:
    """What can be seen of the failure of `workload`, and of `pod` where one is to blame. Never raises: it only adds
    to an error that is on its way."""
    try:
        found = trouble(pod.body) if pod else None
        lines = [*_log(reader, pod, found), *_warnings(reader, [workload, *([pod] if pod else [])])]
        return Evidence(found.message if found else "", tuple(lines))
    except GitopsError as error:
        return Evidence("", (f"(its events and logs cannot be read: {error.problem})",))


def _log(reader: Reader, pod: KubeObject | None, found: Trouble | None) -> list[str]:
    if not (pod and found and found.crashed):
        return []
    try:
        log = reader.logs(pod.namespace, pod.name, found.container, LOG_LINES, previous=True)
    except GitopsError as error:
        return [f"(no log of {found.container}: {error.problem})"]
    return [line for line in log.splitlines() if line.strip()][-LOG_LINES:]


def _warnings(reader: Reader, about: Iterable[KubeObject]) -> list[str]:
    lines = []
    for each in about:
        fields = {"involvedObject.uid": each.uid, "type": "Warning"}
        events = reader.list("", "Event", each.namespace or "default", fields=fields).objects
        latest = sorted(
            events, key=lambda event: str(event.body.get("lastTimestamp") or event.body.get("eventTime") or "")
        )
        lines += [f"{event.body.get('reason')}: {event.body.get('message')}" for event in latest[-WARNINGS:]]
    return lines
