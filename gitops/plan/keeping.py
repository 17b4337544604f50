"""Objects that say themselves that nobody may prune them."""

from gitops.objects import KubeObject

KEPT_BY = {
    "gitops/prune": "false",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
    "argocd.argoproj.io/sync-options": "Prune=false",
    "helm.sh/resource-policy": "keep",
    "client.lifecycle.config.k8s.io/deletion": "detach",
    "cli-utils.sigs.k8s.io/on-remove": "keep",
}
"""Annotations of objects that are never pruned, and what they say then: ours, and those of Flux, Argo CD, Helm and
cli-utils. Who moves here from there loses nothing."""


def kept_by(live: KubeObject) -> str:
    """The annotation by which an object is not pruned: ours, or what tells other tools the same."""
    for annotation, says in KEPT_BY.items():
        if says in [part.strip() for part in live.annotations.get(annotation, "").split(",")]:
            return annotation
    return ""
