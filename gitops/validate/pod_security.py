"""Pod Security Standards: what each level refuses of a pod, and what the namespaces say.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gitops.objects import KubeObject
from gitops.validate.finding import Finding
from gitops.validate.scope import Overlay, Pod
from gitops.validate.sources import Path

LABEL = "pod-security.kubernetes.io/"
BASELINE_CAPABILITIES = {
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
}
RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
    "image",
}
SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}
Refusal = tuple[Path, str]


def check_pod_security(overlay: Overlay) -> Iterator[Finding]:
    """Namespaces without levels, pods that theirs refuses, or would refuse once it enforces `restricted`."""
    levels = {obj.name: _labels(obj) for obj in overlay.everything if obj.kind == "Namespace"}
    for obj in overlay.of_kind("Namespace"):
        yield from _namespace(overlay, obj)
    for pod in overlay.pods():
        labels = levels.get(pod.owner.namespace, {})
        enforced = labels.get(f"{LABEL}enforce", "privileged")
        refused = list(refusals(pod, enforced))
        for path, what in refused:
            yield overlay.finding("P001", pod.owner, path, f"{enforced} refuses it: {what}")
        if labels.get(f"{LABEL}warn") == "restricted":
            for path, what in refusals(pod, "restricted"):
                if (path, what) not in refused:
                    yield overlay.finding("P002", pod.owner, path, what)


def _labels(obj: KubeObject) -> Mapping[str, str]:
    return obj.metadata.get("labels") or {}


def _namespace(overlay: Overlay, obj: KubeObject) -> Iterator[Finding]:
    labels = _labels(obj)
    if f"{LABEL}enforce" not in labels:
        yield overlay.finding("P003", obj, ("metadata",), "it has no pod-security.kubernetes.io/enforce")
        return
    for mode in ("enforce", "audit", "warn"):
        path = ("metadata", "labels", f"{LABEL}{mode}")
        if f"{LABEL}{mode}" not in labels:
            yield overlay.finding("P006", obj, ("metadata", "labels"), f"it has no {mode} label")
        elif labels.get(f"{LABEL}{mode}-version", "latest") == "latest":
            yield overlay.finding("P004", obj, path, f"{mode} is not pinned to a version")


def refusals(pod: Pod, level: str) -> Iterator[Refusal]:
    """Where and why `level` refuses `pod`."""
    if level in ("baseline", "restricted"):
        yield from _baseline(pod)
    if level == "restricted":
        yield from _restricted(pod)


def _baseline(pod: Pod) -> Iterator[Refusal]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(key):
            yield (*pod.path, key), f"{key} must not be true"
    for position, volume in enumerate(pod.spec.get("volumes") or []):
        if "hostPath" in volume:
            yield (*pod.path, "volumes", position), f"volume {volume.get('name')} is a hostPath"
    context = pod.spec.get("securityContext") or {}
    for position, sysctl in enumerate(context.get("sysctls") or []):
        if sysctl.get("name") not in SAFE_SYSCTLS:
            yield (*pod.path, "securityContext", "sysctls", position), f"sysctl {sysctl.get('name')} is not allowed"
    yield from _profiles(context, (*pod.path, "securityContext"))
    for path, container in pod.containers:
        yield from _baseline_container(path, container)


def _baseline_container(path: Path, container: Mapping[str, Any]) -> Iterator[Refusal]:
    name, context = container.get("name"), container.get("securityContext") or {}
    here = (*path, "securityContext")
    if context.get("privileged"):
        yield (*here, "privileged"), f"container {name} must not be privileged"
    added = set((context.get("capabilities") or {}).get("add") or [])
    if added - BASELINE_CAPABILITIES:
        listed = ", ".join(sorted(added - BASELINE_CAPABILITIES))
        yield (*here, "capabilities", "add"), f"container {name} must not add {listed}"
    for position, port in enumerate(container.get("ports") or []):
        if port.get("hostPort"):
            yield (*path, "ports", position, "hostPort"), f"container {name} must not use hostPort"
    if context.get("procMount", "Default") != "Default":
        yield (*here, "procMount"), f"container {name} must not set procMount"
    yield from _profiles(context, here)


def _profiles(context: Mapping[str, Any], path: Path) -> Iterator[Refusal]:
    if (context.get("seccompProfile") or {}).get("type") == "Unconfined":
        yield (*path, "seccompProfile"), "seccompProfile must not be Unconfined"
    if (context.get("appArmorProfile") or {}).get("type") == "Unconfined":
        yield (*path, "appArmorProfile"), "appArmorProfile must not be Unconfined"
    options = context.get("seLinuxOptions") or {}
    if options.get("user") or options.get("role"):
        yield (*path, "seLinuxOptions"), "seLinuxOptions must not set user or role"


def _restricted(pod: Pod) -> Iterator[Refusal]:
    for position, volume in enumerate(pod.spec.get("volumes") or []):
        kinds = set(volume) - {"name"} - RESTRICTED_VOLUMES - {"hostPath"}
        if kinds:
            yield (*pod.path, "volumes", position), f"volume {volume.get('name')} is of kind {', '.join(sorted(kinds))}"
    context = pod.spec.get("securityContext") or {}
    if context.get("runAsUser") == 0:
        yield (*pod.path, "securityContext", "runAsUser"), "runAsUser must not be 0"
    for path, container in pod.containers:
        yield from _restricted_container(path, container, context)


def _restricted_container(path: Path, container: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[Refusal]:
    name, own = container.get("name"), container.get("securityContext") or {}
    here = (*path, "securityContext")
    if own.get("allowPrivilegeEscalation") is not False:
        yield (*here, "allowPrivilegeEscalation"), f"container {name} needs allowPrivilegeEscalation: false"
    capabilities = own.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or []):
        yield (*here, "capabilities", "drop"), f"container {name} needs capabilities: {{drop: [ALL]}}"
    if set(capabilities.get("add") or []) - {"NET_BIND_SERVICE"}:
        yield (*here, "capabilities", "add"), f"container {name} may add NET_BIND_SERVICE only"
    if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield (*here, "runAsNonRoot"), f"container {name} needs runAsNonRoot: true"
    if own.get("runAsUser") == 0:
        yield (*here, "runAsUser"), f"container {name} must not run as user 0"
    profile = (own.get("seccompProfile") or pod.get("seccompProfile") or {}).get("type")
    if profile not in ("RuntimeDefault", "Localhost"):
        yield (*here, "seccompProfile"), f"container {name} needs seccompProfile: {{type: RuntimeDefault}}"
