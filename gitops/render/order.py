"""The order of the objects: kustomize's legacy order, and sortOptions."""

from typing import Any

from gitops.render.problems import Place, RenderError
from gitops.render.resource import Resource, ResourceList, group_version

FIRST = (
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
)
LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def rank(kind: str) -> int:
    """Below 0 for the kinds that come first, above 0 for those that come last."""
    return _ranks(FIRST, LAST).get(kind, 0)


def _ranks(first: tuple[str, ...], last: tuple[str, ...]) -> dict[str, int]:
    ranks = {kind: index - len(first) for index, kind in enumerate(first)}
    return ranks | {kind: index + 1 for index, kind in enumerate(last)}


def sort(resources: ResourceList, options: dict[str, Any] | None, place: Place) -> None:
    """Sort as `sortOptions` says; without it by kind, namespace and name.

    Raises `RenderError` for an order that is neither legacy nor fifo.
    """
    order = (options or {}).get("order") or ""
    legacy = (options or {}).get("legacySortOptions")
    if options is None:
        order = "legacy"
    if order not in ("legacy", "fifo"):
        raise RenderError(place, f"sortOptions.order is '{order}'", "write legacy or fifo")
    if order == "fifo":
        if legacy is not None:
            raise RenderError(place, "legacySortOptions goes with order: legacy", "take one of them away")
        return
    first, last = (FIRST, LAST) if legacy is None else (legacy.get("orderFirst") or (), legacy.get("orderLast") or ())
    ranks = _ranks(tuple(first), tuple(last))
    resources.items.sort(key=lambda each: _key(each, ranks))


def _key(resource: Resource, ranks: dict[str, int]) -> tuple[int, bool, str, str]:
    group, version = group_version(resource.api_version)
    kind = resource.kind
    of_kind = f"{group or '~G'}_{version or '~V'}_{kind or '~K'}"
    is_core_last = kind == "Namespace" and bool(group)
    return ranks.get(kind, 0), is_core_last, of_kind, f"{resource.namespace or '~X'}|{resource.name or '~N'}"
