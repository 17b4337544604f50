"""kustomize/overlays/monitoring: the CloudWatch agent for Container Insights."""

from gitops.config import Config
from gitops.generate.clusters import fine_grained_kubelet, platform_cluster
from gitops.generate.pins import Pin, pinned
from gitops.generate.texts import Files, fill, items

MONITORING = "kustomize/overlays/monitoring"


def monitoring_files(config: Config, pins: tuple[Pin, ...]) -> Files:
    """The overlay for the platform's cluster."""
    cluster = platform_cluster(config, "monitoring")
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
    return {f"{MONITORING}/{file}": text.encode() for file, text in result.items()}
