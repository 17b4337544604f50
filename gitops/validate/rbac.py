"""Checks of roles and bindings against the resources that an API server really has."""

import re
from collections.abc import Iterator
from typing import Any

from gitops.errors import nearest
from gitops.objects import KubeObject
from gitops.validate.finding import Finding
from gitops.validate.objects import served
from gitops.validate.scope import Overlay
from gitops.validate.sources import Path

RBAC = "rbac.authorization.k8s.io"
KUBELET = {"proxy", "metrics", "stats", "log", "spec", "healthz", "configz", "pods", "checkpoint"}
"""Subresources of nodes that the kubelet asks about itself: no API server lists them."""

SPECIAL_VERBS = {"*", "impersonate", "bind", "escalate", "use", "approve", "sign", "attest", "proxy"}
POWERS = {"bind", "escalate", "impersonate"}
"""Verbs with which whoever has them gives themselves every other right."""

ANYBODY = {"system:anonymous", "system:unauthenticated"}
BUILT_IN_ROLES = {"cluster-admin", "admin", "edit", "view", "extension-apiserver-authentication-reader"}


def check_rbac(overlay: Overlay) -> Iterator[Finding]:
    """Findings in roles and bindings, and in what EKS takes for one."""
    for obj in overlay.of_kind("ConfigMap"):
        if (obj.namespace, obj.name) == ("kube-system", "aws-auth"):
            yield overlay.finding("R010", obj, ("metadata", "name"), "it maps IAM's users and roles by hand")
    for obj in overlay.of_kind("Role", "ClusterRole"):
        for position, rule in enumerate(obj.body.get("rules") or []):
            yield from _rule(overlay, obj, ("rules", position), rule)
            yield from _power(overlay, obj, ("rules", position), rule)
    for obj in overlay.of_kind("RoleBinding", "ClusterRoleBinding"):
        yield from _role(overlay, obj)
        for position, subject in enumerate(obj.body.get("subjects") or []):
            yield from _subject(overlay, obj, ("subjects", position), subject)


def _rule(overlay: Overlay, obj: KubeObject, path: Path, rule: dict[str, Any]) -> Iterator[Finding]:
    groups, resources = rule.get("apiGroups") or [], rule.get("resources") or []
    for position, group in enumerate(groups):
        where = (*path, "apiGroups", position)
        if group == "extensions":
            yield overlay.finding("R002", obj, where, "extensions is gone since 1.22; use apps or networking.k8s.io")
        elif group != "*" and not _known_group(overlay, group):
            yield overlay.finding("R002", obj, where, f"no API group '{group}'; {nearest(group, _close_groups(group))}")
    for field, values in (("apiGroups", groups), ("resources", resources), ("verbs", rule.get("verbs") or [])):
        if "*" in values:
            yield overlay.finding("R005", obj, (*path, field, values.index("*")), f"{field} has *")
    known = [group for group in groups if group in served()]
    if known and len(known) == len(groups):
        for position, resource in enumerate(resources):
            yield from _resource(overlay, obj, (*path, "resources", position), str(resource), known, rule)


def _resource(
    overlay: Overlay, obj: KubeObject, path: Path, resource: str, groups: list[str], rule: dict[str, Any]
) -> Iterator[Finding]:
    if resource == "nodes/proxy":
        yield overlay.finding("R006", obj, path, "nodes/proxy is as good as exec into every container")
    base, _, sub = resource.partition("/")
    if "*" in resource or (base == "nodes" and sub in KUBELET and "" in groups):
        return
    entries = [served()[group][resource] for group in groups if resource in served()[group]]
    if not entries:
        names = [name for group in groups for name in served()[group]]
        yield overlay.finding(
            "R001", obj, path, f"no resource {resource} in {_shown(groups)}; {_near(resource, names)}"
        )
        return
    verbs = {verb for entry in entries for verb in entry["verbs"]} | SPECIAL_VERBS
    for verb in [verb for verb in rule.get("verbs") or [] if verb not in verbs] if len(rule["resources"]) == 1 else []:
        yield overlay.finding("R008", obj, path, f"{resource} has no verb {verb}")


def _power(overlay: Overlay, obj: KubeObject, path: Path, rule: dict[str, Any]) -> Iterator[Finding]:
    verbs, resources = rule.get("verbs") or [], rule.get("resources") or []
    for verb in [verb for verb in verbs if verb in POWERS and not rule.get("resourceNames")]:
        yield overlay.finding("R013", obj, (*path, "verbs", verbs.index(verb)), f"it may {verb}")
    everywhere = any(
        other.kind == "ClusterRoleBinding" and (other.body.get("roleRef") or {}).get("name") == obj.name
        for other in overlay.everything
    )
    reads = {"get", "list", "watch"} & set(verbs) and not rule.get("resourceNames")
    if obj.kind == "ClusterRole" and everywhere and reads and "secrets" in resources:
        where = (*path, "resources", resources.index("secrets"))
        yield overlay.finding("R014", obj, where, "it reads the Secrets of every namespace")


def _near(resource: str, names: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(resource, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else "kubectl api-resources lists them"


def _shown(groups: list[str]) -> str:
    return ", ".join(group or "the core group" for group in groups)


def _known_group(overlay: Overlay, group: str) -> bool:
    if group in served() or group == "metrics.k8s.io":
        return True
    if any((obj.body.get("spec") or {}).get("group") == group for obj in overlay.everything):
        return True
    # Groups of others' CRDs cannot be known; those of Kubernetes are all in `served`.
    return bool(re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.[a-z0-9-]+", group)) and not group.endswith(".k8s.io")


def _close_groups(group: str) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(group, [known for known in served() if known], n=3) or ["apps", "batch", RBAC]


def _role(overlay: Overlay, obj: KubeObject) -> Iterator[Finding]:
    role = obj.body.get("roleRef") or {}
    if role.get("apiGroup", RBAC) != RBAC:
        yield overlay.finding("R003", obj, ("roleRef", "apiGroup"), f"apiGroup '{role.get('apiGroup')}' of roleRef")
    name, kind = str(role.get("name")), role.get("kind")
    if name == "cluster-admin":
        yield overlay.finding("R011", obj, ("roleRef", "name"), "it binds cluster-admin")
    namespace = obj.namespace if kind == "Role" else ""
    defined = any(
        other.kind == kind and other.name == name and (other.namespace == namespace or kind == "ClusterRole")
        for other in overlay.everything
    )
    if not defined and not name.startswith("system:") and name not in BUILT_IN_ROLES:
        yield overlay.finding("R007", obj, ("roleRef", "name"), f"nothing defines {kind} {name}")


def _subject(overlay: Overlay, obj: KubeObject, path: Path, subject: dict[str, Any]) -> Iterator[Finding]:
    kind, name = subject.get("kind"), str(subject.get("name"))
    if kind in ("User", "Group") and subject.get("apiGroup", RBAC) != RBAC:
        yield overlay.finding("R003", obj, (*path, "apiGroup"), f"apiGroup '{subject['apiGroup']}' of {kind} {name}")
    if name == "system:masters":
        yield overlay.finding("R004", obj, (*path, "name"), "it binds system:masters")
    if name in ANYBODY:
        yield overlay.finding("R012", obj, (*path, "name"), f"{name} is whoever reaches the API server")
    if kind == "ServiceAccount":
        namespace = subject.get("namespace") or obj.namespace
        accounts = {(o.namespace, o.name) for o in overlay.everything if o.kind == "ServiceAccount"}
        if (namespace, name) not in accounts and name != "default" and namespace != "kube-system":
            yield overlay.finding("R009", obj, (*path, "name"), f"nothing defines ServiceAccount {namespace}/{name}")
