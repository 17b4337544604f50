"""What this machine has of what some tests need. Each answer is None, or the reason why the tests are skipped."""

import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

CLUSTER_PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")


def cluster_programs() -> Path:
    """The folder of envtest's convention."""
    return Path(os.environ.get("KUBEBUILDER_ASSETS", "/usr/local/kubebuilder/bin"))


@cache
def no_docker() -> str | None:
    import docker

    try:
        client = docker.from_env(timeout=5)
        try:
            client.ping()
        finally:
            client.close()
    except Exception as error:  # noqa: BLE001 - whatever the reason, there is no daemon to test with
        return f"no Docker daemon answers ({type(error).__name__})"
    return None


@cache
def no_registry() -> str | None:
    return None if shutil.which("docker-registry") else "docker-registry is not on PATH"


@cache
def no_cluster() -> str | None:
    missing = [name for name in CLUSTER_PROGRAMS if not (cluster_programs() / name).is_file()]
    return f"{', '.join(missing)} not in {cluster_programs()}" if missing else None


@cache
def no_scheduler() -> str | None:
    path = cluster_programs() / "kube-scheduler"
    return None if path.is_file() else f"kube-scheduler not in {cluster_programs()}"


@cache
def no_kubectl() -> str | None:
    from gitops.clients.kubectl import find_kubectl

    return None if find_kubectl() else "kubectl is not there"


MISSING: dict[str, Callable[[], str | None]] = {
    "docker": no_docker,
    "registry": no_registry,
    "cluster": no_cluster,
    "scheduler": no_scheduler,
    "kubectl": no_kubectl,
}
"""Marker -> why its tests cannot run here."""
