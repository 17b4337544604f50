"""kustomize/overlays/monitoring: the CloudWatch agent for Container Insights."""

from gitops.config import Cluster, Config
from gitops.generate.clusters import fine_grained_kubelet
from gitops.generate.pins import Pin, pinned
from gitops.generate.texts import Files, fill, items


def monitoring_files(config: Config, cluster: Cluster, pins: tuple[Pin, ...]) -> Files:
    """The overlay of `cluster`, by file."""
    fine = ["nodes/metrics", "nodes/pods", "nodes/stats"]
    kubelet = fine if fine_grained_kubelet(cluster) else ["nodes/metrics", "nodes/proxy", "nodes/stats"]
    result = {
        "kustomization.yaml": fill("monitoring/kustomization.yaml"),
        "rbac.yaml": fill("monitoring/rbac.yaml", kubelet=items(kubelet)),
        "daemonset.yaml": fill(
            "monitoring/daemonset.yaml", image=pinned(pins, "cloudwatch-agent", config, cluster.version)
        ),
        "cwagentconfig.json": fill(
            "monitoring/cwagentconfig.json", region=cluster.region or config.region, cluster=cluster.name
        ),
    }
    return {file: text.encode() for file, text in result.items()}
