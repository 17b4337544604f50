"""ClusterRoles that a controller puts together from others: their `rules` are left to it.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
"""

from gitops.objects import KubeObject

GROUP = "rbac.authorization.k8s.io"


def without_aggregated_rules(desired: KubeObject) -> KubeObject:
    """`desired` without its `rules` where it has an `aggregationRule`: the controller overwrites them, usually `[]`."""
    aggregates = (desired.group, desired.kind) == (GROUP, "ClusterRole") and desired.body.get("aggregationRule")
    if not aggregates or "rules" not in desired.body:
        return desired
    body = {key: value for key, value in desired.body.items() if key != "rules"}
    return KubeObject(body, desired.origin)
