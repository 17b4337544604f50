"""Checks of who is asked at which port: probes at containers, Ingresses at Services."""

from collections.abc import Iterator, Mapping
from typing import Any

from gitops.objects import KubeObject
from gitops.validate.finding import Finding
from gitops.validate.scope import Overlay, Pod, value_at
from gitops.validate.sources import Path

_PROBES = (
    ("startupProbe",), ("readinessProbe",), ("livenessProbe",), ("lifecycle", "preStop"), ("lifecycle", "postStart"),
)  # fmt: skip
_CLASS = "kubernetes.io/ingress.class"
_BY_ANNOTATION = "use-annotation"
"""The port's name where the AWS Load Balancer Controller has the backend in an annotation."""


def check_ports(overlay: Overlay) -> Iterator[Finding]:
    """Findings in probes and in the backends of Ingresses."""
    for pod in overlay.pods():
        for path, container in pod.containers:
            yield from _probes(overlay, pod, path, container)
    for obj in overlay.of_kind("Ingress"):
        if _CLASS in (value_at(obj.body, ("metadata", "annotations")) or {}):
            where = ("metadata", "annotations", _CLASS)
            yield overlay.finding("O006", obj, where, f"annotation {_CLASS}; use spec.ingressClassName")
        for path, backend in _backends(obj):
            yield from _backend(overlay, obj, path, backend)


def _probes(overlay: Overlay, pod: Pod, path: Path, container: Mapping[str, Any]) -> Iterator[Finding]:
    named = {port.get("name") for port in container.get("ports") or []}
    numbers = {port.get("containerPort") for _, each in pod.containers for port in each.get("ports") or []} - {None}
    for probe in _PROBES:
        for action in ("httpGet", "tcpSocket"):
            where = (*path, *probe, action, "port")
            port = value_at(container, (*probe, action, "port"))
            if isinstance(port, str) and not port.isdecimal() and port not in named:
                yield overlay.finding("F010", pod.owner, where, f"no port of the container is called {port}")
            elif isinstance(port, int) and numbers and port not in numbers:
                yield overlay.finding("F011", pod.owner, where, f"no container here says that it has port {port}")


def _backends(obj: KubeObject) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    spec = obj.body.get("spec") or {}
    if "defaultBackend" in spec:
        yield ("spec", "defaultBackend"), spec["defaultBackend"]
    for number, rule in enumerate(spec.get("rules") or []):
        for position, path in enumerate(value_at(rule, ("http", "paths")) or []):
            yield ("spec", "rules", number, "http", "paths", position, "backend"), path.get("backend") or {}


def _backend(overlay: Overlay, obj: KubeObject, path: Path, backend: Mapping[str, Any]) -> Iterator[Finding]:
    wanted = backend.get("service") or {}
    port = wanted.get("port") or {}
    if not wanted or port.get("name") == _BY_ANNOTATION:
        return
    services = [other for other in overlay.everything if (other.kind, other.namespace) == ("Service", obj.namespace)]
    found = next((other for other in services if other.name == wanted.get("name")), None)
    if found is None:
        where = (*path, "service", "name")
        yield overlay.finding("F012", obj, where, f"nothing defines Service {wanted.get('name')}")
        return
    ports = value_at(found.body, ("spec", "ports")) or []
    for key, field in (("name", "name"), ("number", "port")):
        if key in port and port[key] not in {each.get(field) for each in ports}:
            where = (*path, "service", "port", key)
            yield overlay.finding("F012", obj, where, f"{found.ref} has no port {port[key]}")
