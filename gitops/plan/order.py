"""In which order objects are applied: levels, each of which waits for those below it."""

from collections.abc import Iterator, Mapping, Sequence, Set
from graphlib import CycleError, TopologicalSorter
from typing import NoReturn

from gitops.errors import GitopsError
from gitops.objects import KubeObject, ObjectRef

DEPENDS_ON = "gitops/depends-on"
"""Annotation: `Kind/name` or `Kind/namespace/name`, comma-separated. Those are ready before this object is applied."""
CLI_UTILS_DEPENDS_ON = "config.kubernetes.io/depends-on"
"""The same of cli-utils, kpt and Config Sync: `group/namespaces/namespace/Kind/name`, or `group/Kind/name` for what has
no namespace; the core group is empty. https://kpt.dev/reference/annotations/depends-on/"""

NAMESPACE, DEFINITION, ACCESS, CONFIG, OTHER, WORKLOAD, AROUND, ADMISSION = range(8)
_RANKS = {
    NAMESPACE: "Namespace",
    DEFINITION: "CustomResourceDefinition PriorityClass StorageClass RuntimeClass IngressClass",
    ACCESS: "ServiceAccount Role ClusterRole RoleBinding ClusterRoleBinding LimitRange ResourceQuota NetworkPolicy",
    CONFIG: "ConfigMap Secret PersistentVolume PersistentVolumeClaim Service Endpoints EndpointSlice",
    WORKLOAD: "Deployment StatefulSet DaemonSet ReplicaSet ReplicationController Job CronJob Pod",
    AROUND: "HorizontalPodAutoscaler PodDisruptionBudget Ingress APIService",
    ADMISSION: "ValidatingWebhookConfiguration MutatingWebhookConfiguration ValidatingAdmissionPolicy"
    " ValidatingAdmissionPolicyBinding MutatingAdmissionPolicy MutatingAdmissionPolicyBinding",
}
_DELETED = (ADMISSION, AROUND, OTHER, WORKLOAD, CONFIG, ACCESS, DEFINITION, NAMESPACE)
_RANK = {kind: rank for rank, kinds in _RANKS.items() for kind in kinds.split()}


def rank(kind: str) -> int:
    """When a kind is applied, by what usually needs what. Kinds that are not known come before workloads."""
    return _RANK.get(kind, OTHER)


def deletion_rank(kind: str) -> int:
    """When a kind is deleted: the reverse of when it is applied, but for custom objects, which go before the workloads
    that may see to their finalizers."""
    return _DELETED.index(rank(kind))


def levels(objects: Sequence[KubeObject]) -> dict[ObjectRef, int]:
    """The level of each object: above its kind's rank, and above all that it depends on.

    Raises `GitopsError` for a dependency that is not in the overlay, and for a cycle.
    """
    needs = _needs(objects)
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        # The sorter tells what comes before what; the reader, what needs what.
        circle = list(reversed(error.args[1]))
        way = " -> ".join(map(str, circle))
        raise GitopsError(str(circle[0]), f"depends on itself: {way}", "take one depends-on annotation away") from None
    levels: dict[ObjectRef, int] = {}
    for ref in order:
        levels[ref] = max([rank(ref.kind), *(levels[needed] + 1 for needed in needs[ref])])
    return levels


def dependencies(objects: Sequence[KubeObject]) -> frozenset[ObjectRef]:
    """The objects that others wait for by annotation."""
    return frozenset(needed for found in _needs(objects).values() for needed in found)


def _needs(objects: Sequence[KubeObject]) -> dict[ObjectRef, list[ObjectRef]]:
    """What each object depends on by its annotations."""
    by_name = {(each.kind, each.namespace, each.name): each.ref for each in reversed(objects)}
    refs = {each.ref for each in objects}
    return {each.ref: [*_ours(each, by_name), *_of_cli_utils(each, refs)] for each in objects}


def _ours(needing: KubeObject, by_name: Mapping[tuple[str, str, str], ObjectRef]) -> Iterator[ObjectRef]:
    for text in _listed(needing, DEPENDS_ON):
        kind, *rest = text.split("/")
        spaces = [rest[0]] if len(rest) == 2 else [needing.namespace, ""] if len(rest) == 1 else []
        found = [by_name[key] for space in spaces if (key := (kind, space, rest[-1])) in by_name]
        yield found[0] if found else _refuse(needing, text, DEPENDS_ON)


def _of_cli_utils(needing: KubeObject, refs: Set[ObjectRef]) -> Iterator[ObjectRef]:
    for text in _listed(needing, CLI_UTILS_DEPENDS_ON):
        match text.split("/"):
            case [group, "namespaces", space, kind, name]:
                ref = ObjectRef(group, kind, space, name)
            case [group, kind, name]:
                ref = ObjectRef(group, kind, "", name)
            case _:
                _refuse(needing, text, CLI_UTILS_DEPENDS_ON)
        yield ref if ref in refs else _refuse(needing, text, CLI_UTILS_DEPENDS_ON)


def _listed(needing: KubeObject, annotation: str) -> Iterator[str]:
    return filter(None, map(str.strip, needing.annotations.get(annotation, "").split(",")))


def _refuse(needing: KubeObject, text: str, annotation: str) -> NoReturn:
    raise GitopsError(
        str(needing.ref), f"depends on {text}, which the overlay does not have", f"check its {annotation}"
    )
