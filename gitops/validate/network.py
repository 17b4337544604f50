"""Checks of network policies and services against the pods that they select."""

from collections.abc import Iterator, Mapping
from typing import Any

from gitops.objects import KubeObject
from gitops.validate.finding import Finding
from gitops.validate.scope import Overlay, Pod, selects


def check_network(overlay: Overlay) -> Iterator[Finding]:
    """Findings in NetworkPolicies and Services."""
    policies = [obj for obj in overlay.everything if obj.kind == "NetworkPolicy"]
    pods = list(overlay.pods(overlay.everything))
    for obj in overlay.of_kind("NetworkPolicy"):
        yield from _policy(overlay, obj, policies, pods)
    for obj in overlay.of_kind("Service"):
        yield from _service(overlay, obj, pods)
    for pod in overlay.pods():
        yield from _calico(overlay, pod)
    for obj in overlay.of_kind("Installation"):
        yield from _tigera(overlay, obj)


def _calico(overlay: Overlay, pod: Pod) -> Iterator[Finding]:
    """calico-node with a backend of its own instead of the VPC CNI's interfaces, as calico-vxlan.yaml has it."""
    for path, container in pod.containers if pod.owner.name == "calico-node" else []:
        for position, entry in enumerate(container.get("env") or []):
            if entry.get("name") == "CALICO_NETWORKING_BACKEND" and entry.get("value") != "none":
                where = (*path, "env", position)
                yield overlay.finding("N007", pod.owner, where, "CALICO_NETWORKING_BACKEND is not none")


def _tigera(overlay: Overlay, obj: KubeObject) -> Iterator[Finding]:
    """https://docs.tigera.io/calico/latest/getting-started/kubernetes/managed-public-cloud/eks"""
    if not obj.api_version.startswith("operator.tigera.io/"):
        return
    kind = ((obj.body.get("spec") or {}).get("cni") or {}).get("type", "Calico")
    if kind != "AmazonVPC":
        yield overlay.finding("N007", obj, ("spec", "cni", "type"), f"cni.type is {kind}")


def _policy(overlay: Overlay, obj: KubeObject, policies: list[KubeObject], pods: list[Pod]) -> Iterator[Finding]:
    spec = obj.body.get("spec") or {}
    types = spec.get("policyTypes")
    if not types:
        yield overlay.finding("N001", obj, ("spec",), "it has no policyTypes")
    selected = [p for p in pods if p.owner.namespace == obj.namespace and selects(_selector(spec), p.labels)]
    if spec.get("podSelector") and not selected:
        yield overlay.finding("N004", obj, ("spec", "podSelector"), "no pod here has these labels")
    labels = _system_labels(overlay)
    if "Egress" in (types or []) and not any(_allows_dns(p, labels) for p in policies if _covers(p, obj, pods)):
        yield overlay.finding("N002", obj, ("spec", "policyTypes"), "no policy lets these pods ask for names")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for number, rule in enumerate(spec.get(direction) or []):
            kinds = [set(peer) for peer in (rule or {}).get(peers) or []]
            if {"namespaceSelector"} in kinds and {"podSelector"} in kinds:
                path = ("spec", direction, number, peers)
                yield overlay.finding("N003", obj, path, "namespaceSelector and podSelector are two list items")
    yield from _ports(overlay, obj, spec, selected)


def _selector(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return spec.get("podSelector") or {"matchLabels": {}}


def _covers(policy: KubeObject, other: KubeObject, pods: list[Pod]) -> bool:
    """Whether `policy` selects every pod that `other` selects."""
    if policy.namespace != other.namespace:
        return False
    mine, theirs = (_selector(obj.body.get("spec") or {}) for obj in (policy, other))
    if not (mine.get("matchLabels") or mine.get("matchExpressions")):
        return True
    selected = [p for p in pods if p.owner.namespace == other.namespace and selects(theirs, p.labels)]
    return bool(selected) and all(selects(mine, pod.labels) for pod in selected)


def _system_labels(overlay: Overlay) -> dict[str, str]:
    """The labels of kube-system: what an API server gives every namespace, and what an overlay says besides."""
    labels = {"kubernetes.io/metadata.name": "kube-system"}
    for obj in overlay.everything:
        if (obj.kind, obj.name) == ("Namespace", "kube-system"):
            labels |= (obj.body.get("metadata") or {}).get("labels") or {}
    return labels


def _reaches_dns(peer: Mapping[str, Any], policy: KubeObject, labels: Mapping[str, str]) -> bool:
    """Whether a peer can be kube-dns, or the address of a cache of it on the node."""
    if "ipBlock" in peer:
        return True
    namespace, pods = peer.get("namespaceSelector"), peer.get("podSelector")
    if namespace is None and policy.namespace != "kube-system":
        return False
    there = not namespace or selects(namespace, labels)
    # The labels of CoreDNS in EKS; a rule by another key is of another DNS.
    named = (pods or {}).get("matchLabels") or {}
    return there and named.get("k8s-app", "kube-dns") in ("kube-dns", "node-local-dns")


def _allows_dns(policy: KubeObject, labels: Mapping[str, str]) -> bool:
    for rule in (policy.body.get("spec") or {}).get("egress") or []:
        ports, peers = (rule or {}).get("ports"), (rule or {}).get("to")
        if peers and not any(_reaches_dns(peer, policy, labels) for peer in peers):
            continue
        if not ports or any(_is_dns(port) for port in ports):
            return True
    return False


def _is_dns(port: Mapping[str, Any]) -> bool:
    first = port.get("port")
    return port.get("protocol", "TCP") == "UDP" and (first in (None, 53, "dns", "53"))


def _ports(overlay: Overlay, obj: KubeObject, spec: Mapping[str, Any], selected: list[Pod]) -> Iterator[Finding]:
    known = {port.get(key) for pod in selected for port in _container_ports(pod) for key in ("containerPort", "name")}
    for number, rule in enumerate(spec.get("ingress") or []):
        for position, port in enumerate((rule or {}).get("ports") or []):
            if known and port.get("port") is not None and port["port"] not in known and "endPort" not in port:
                path = ("spec", "ingress", number, "ports", position, "port")
                yield overlay.finding("N005", obj, path, f"no container of these pods has the port {port['port']}")


def _container_ports(pod: Pod) -> list[Mapping[str, Any]]:
    return [port for _, container in pod.containers for port in container.get("ports") or []]


def _service(overlay: Overlay, obj: KubeObject, pods: list[Pod]) -> Iterator[Finding]:
    spec = obj.body.get("spec") or {}
    selector = spec.get("selector")
    if not selector:
        return
    selected = [pod for pod in pods if pod.owner.namespace == obj.namespace and selects(selector, pod.labels)]
    if not selected:
        yield overlay.finding("F004", obj, ("spec", "selector"), "no pod here has these labels")
        return
    ports = [port for pod in selected for port in _container_ports(pod)]
    named = {port.get("name"): port.get("containerPort") for port in ports}
    for position, port in enumerate(spec.get("ports") or []):
        target = port.get("targetPort", port.get("port"))
        number = named.get(target, target)
        path = ("spec", "ports", position)
        if ports and number not in {each.get("containerPort") for each in ports}:
            yield overlay.finding("F007", obj, (*path, "targetPort"), f"no container has the port {target}")
        elif number != port.get("port") and any(
            p.kind == "NetworkPolicy" for p in overlay.everything if p.namespace == obj.namespace
        ):
            yield overlay.finding(
                "N006", obj, (*path, "port"), f"the service has {port.get('port')}, the container {number}"
            )
