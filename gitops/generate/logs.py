"""kustomize/overlays/logging: Fluent Bit."""

from gitops.config import Cluster, Config
from gitops.generate.clusters import fine_grained_kubelet
from gitops.generate.pins import Pin, pinned
from gitops.generate.texts import Files, fill

_KUBELET_RULE = """\
# The kubelet's list of pods. Not nodes/proxy, which would let it run commands in any container of the node.
- apiGroups:
    - ""
  resources:
    - nodes/pods
  verbs:
    - get"""
_KUBELET_LINES = "Use_Kubelet         On\nKubelet_Port        10250"


def logging_files(config: Config, cluster: Cluster, pins: tuple[Pin, ...]) -> Files:
    """The overlay of `cluster`, by file."""
    kubelet = fine_grained_kubelet(cluster)
    region = cluster.region or config.region
    image = pinned(pins, "fluent-bit", config, cluster.version)
    result = {
        "kustomization.yaml": fill("logging/kustomization.yaml", cluster=cluster.name, region=region),
        "rbac.yaml": fill("logging/rbac.yaml", kubelet=_KUBELET_RULE if kubelet else ""),
        "daemonset.yaml": fill("logging/daemonset.yaml", image=image),
        "fluent-bit.conf": fill("logging/fluent-bit.conf"),
        "application.conf": fill("logging/application.conf", kubelet=_KUBELET_LINES if kubelet else ""),
        "dataplane.conf": fill("logging/dataplane.conf"),
        "host.conf": fill("logging/host.conf"),
    }
    return {file: text.encode() for file, text in result.items()}
