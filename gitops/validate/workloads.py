"""Checks of what a container asks for, mounts, runs and carries."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gitops.plan.fields import quantity
from gitops.validate.commands import command_problems
from gitops.validate.finding import Finding
from gitops.validate.scope import Overlay, Pod
from gitops.validate.secrets import SECRET_VALUE, tells
from gitops.validate.sources import Path

_DOCKER = re.compile(r"^/var/(run/docker\.sock|lib/docker)(/|$)|^/run/docker\.sock$")
_CERTIFICATES = re.compile(r"^/etc/(ssl|pki)(/|$)")


def check_workloads(overlay: Overlay) -> Iterator[Finding]:
    """Findings in workloads' containers, volumes and jobs."""
    for pod in overlay.pods():
        yield from _paths(overlay, pod)
        for path, container in pod.containers:
            yield from _container(overlay, pod, path, container)
            yield from _commands(overlay, pod, path, container)
    for obj in overlay.of_kind("Job"):
        spec = obj.body.get("spec") or {}
        if "activeDeadlineSeconds" not in spec or "ttlSecondsAfterFinished" not in spec:
            yield overlay.finding("W007", obj, ("spec",), "no activeDeadlineSeconds or ttlSecondsAfterFinished")


def _paths(overlay: Overlay, pod: Pod) -> Iterator[Finding]:
    for position, volume in enumerate(pod.spec.get("volumes") or []):
        host = str((volume.get("hostPath") or {}).get("path", ""))
        if _DOCKER.search(host):
            path = (*pod.path, "volumes", position, "hostPath", "path")
            yield overlay.finding("W003", pod.owner, path, f"{host} is Docker's")
        if _CERTIFICATES.search(host):
            path = (*pod.path, "volumes", position, "hostPath", "path")
            yield overlay.finding("W008", pod.owner, path, f"{host} is the node's")


def _container(overlay: Overlay, pod: Pod, path: Path, container: Mapping[str, Any]) -> Iterator[Finding]:
    name, resources = container.get("name"), container.get("resources") or {}
    if "ephemeralContainers" in path:
        return
    if not {"cpu", "memory"} <= set(resources.get("requests") or {}):
        yield overlay.finding("W001", pod.owner, (*path, "resources"), f"container {name} requests no CPU or memory")
    if "memory" not in (resources.get("limits") or {}):
        yield overlay.finding("W004", pod.owner, (*path, "resources"), f"container {name} has no memory limit")
    for resource, asked in (resources.get("requests") or {}).items():
        most = quantity((resources.get("limits") or {}).get(resource))
        if most is not None and (quantity(asked) or 0) > most:
            what = f"container {name} requests more {resource} than its limit"
            yield overlay.finding("W009", pod.owner, (*path, "resources", "limits", resource), what)
    served = pod.owner.kind in ("Deployment", "StatefulSet") and container.get("ports") and "containers" in path
    if served and "readinessProbe" not in container and "livenessProbe" not in container:
        yield overlay.finding("W002", pod.owner, path, f"container {name} has no readinessProbe")
    for position, entry in enumerate(container.get("env") or []):
        value = entry.get("value")
        if tells(entry.get("name"), value) or SECRET_VALUE.search(str(value)):
            yield overlay.finding(
                "W005", pod.owner, (*path, "env", position), f"{entry.get('name')} has its value here"
            )


def _commands(overlay: Overlay, pod: Pod, path: Path, container: Mapping[str, Any]) -> Iterator[Finding]:
    for field in ("command", "args"):
        for position, argument in enumerate(container.get(field) or []):
            for code, _, what in command_problems(str(argument)):
                yield overlay.finding(code, pod.owner, (*path, field, position), what)
