"""kustomize/overlays/autoscaling: Cluster Autoscaler, metrics-server, headroom; and the load test beside it."""

from gitops.config import Application, Cluster, Config, Environment
from gitops.errors import GitopsError
from gitops.generate.pins import Pin, pinned
from gitops.generate.security import HEADROOM_NAMESPACE, load_test_namespace, namespace_text, psa_version
from gitops.generate.texts import Files, fill, scalar

LOAD_TEST = "kustomize/load-test"


def autoscaling_files(config: Config, cluster: Cluster, pins: tuple[Pin, ...]) -> Files:
    """The overlay of `cluster`, by file. Raises `GitopsError` on EKS Auto Mode, which scales by itself."""
    if cluster.auto_mode:
        raise GitopsError(
            config.file,
            f"{cluster.name} runs in EKS Auto Mode, where a Cluster Autoscaler would fight AWS's own",
            "take autoscaling out of platform.overlays",
        )
    room = config.platform.headroom
    result = {
        "kustomization.yaml": fill("autoscaling/kustomization.yaml", headroom="- headroom.yaml" if room.pods else ""),
        "cluster-autoscaler-rbac.yaml": fill("autoscaling/cluster-autoscaler-rbac.yaml"),
        "cluster-autoscaler.yaml": fill(
            "autoscaling/cluster-autoscaler.yaml",
            image=pinned(pins, "cluster-autoscaler", config, cluster.version),
            cluster=cluster.name,
            region=cluster.region or config.region,
        ),
        "metrics-server-rbac.yaml": fill("autoscaling/metrics-server-rbac.yaml"),
        "metrics-server.yaml": fill(
            "autoscaling/metrics-server.yaml", image=pinned(pins, "metrics-server", config, cluster.version)
        ),
    }
    if room.pods:
        result["headroom.yaml"] = fill(
            "autoscaling/headroom.yaml",
            pods=room.pods,
            image=pinned(pins, "pause", config, cluster.version),
            cpu=scalar(room.cpu),
            memory=scalar(room.memory),
        )
        if "security" not in config.platform.overlays:
            raise GitopsError(
                config.file,
                f"headroom runs in the namespace {HEADROOM_NAMESPACE}, which the overlay security makes",
                "add security to platform.overlays, or write platform: {headroom: {pods: 0}}",
            )
    return {file: text.encode() for file, text in result.items()}


def load_tested(config: Config) -> tuple[Environment, Application] | None:
    """Where a load is put on what: on the first application that scales, in the first environment; None without one."""
    scaled = next((application for application in config.workloads if application.autoscaling), None)
    return (config.environments[0], scaled) if scaled else None


def load_test_files(config: Config, pins: tuple[Pin, ...]) -> Files:
    """kustomize/load-test for the first application that scales; nothing where none does."""
    tested = load_tested(config)
    if tested is None:
        return {}
    environment, scaled = tested
    namespace = load_test_namespace(config)
    version = config.cluster(environment.cluster).version if environment.cluster else None
    result = {
        "kustomization.yaml": fill(
            "loadtest/kustomization.yaml",
            application=scaled.name,
            target=environment.namespace,
            namespace=namespace,
        ),
        "namespace.yaml": namespace_text(namespace, {}, "restricted", psa_version(version), "restricted"),
        "job.yaml": fill(
            "loadtest/job.yaml",
            image=pinned(pins, "load-test", config, version),
            application=scaled.name,
            target=environment.namespace,
            port=scaled.port,
            health=scaled.health,
        ),
        "networkpolicy.yaml": fill(
            "loadtest/networkpolicy.yaml",
            target=environment.namespace,
            application=scaled.name,
            port=scaled.port,
        ),
    }
    return {f"{LOAD_TEST}/{file}": text.encode() for file, text in result.items()}
