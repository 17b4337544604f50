"""What of a cluster the platform's overlays depend on, and which environments it runs."""

from gitops.config import Cluster, Config, Environment
from gitops.config.overlays import platform_clusters


def environments_of(config: Config, cluster: Cluster) -> tuple[Environment, ...]:
    """The environments that are deployed to `cluster`."""
    return tuple(environment for environment in config.environments if environment.cluster == cluster.name)


def has_platform(config: Config, environment: Environment, overlay: str) -> bool:
    """Whether the platform's `overlay` is deployed to the environment's cluster."""
    return overlay in config.platform.overlays and environment.cluster in platform_clusters(config)


def fine_grained_kubelet(cluster: Cluster) -> bool:
    """Whether the kubelet checks nodes/pods and its like instead of nodes/proxy alone: on by default since 1.33.

    https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/#fine-grained-authorization
    """
    return cluster.version is not None and int(cluster.version.split(".")[1]) >= 33
