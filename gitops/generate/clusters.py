"""The one cluster that a platform overlay is written for, and what of it the overlays need."""

from gitops.config import Cluster, Config
from gitops.errors import GitopsError


def platform_cluster(config: Config, overlay: str) -> Cluster:
    """The cluster whose name and version `overlay` holds.

    Raises `GitopsError` where there are several: the agents' manifests name their cluster.
    """
    names = config.platform.clusters or tuple(cluster.name for cluster in config.clusters)
    if not names:
        raise GitopsError(config.file, f"the platform overlay '{overlay}' needs a cluster", "name one under clusters")
    if len(names) > 1:
        raise GitopsError(
            config.file,
            f"the platform overlay '{overlay}' names its cluster, and there are {len(names)}: {', '.join(names)}",
            "keep a manifest repository for each, or name one under platform.clusters",
        )
    return config.cluster(names[0])


def fine_grained_kubelet(cluster: Cluster) -> bool:
    """Whether the kubelet checks nodes/pods and its like instead of nodes/proxy alone: on by default since 1.33.

    https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/#fine-grained-authorization
    """
    return cluster.version is not None and int(cluster.version.split(".")[1]) >= 33
