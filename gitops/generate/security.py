"""kustomize/overlays/security: namespaces, and who may do what in them."""

import json

from gitops.config import Cluster, Config, Environment
from gitops.generate.clusters import environments_of
from gitops.generate.pins import Pin
from gitops.generate.texts import Files, fill, items

AGENTS_NAMESPACE = "amazon-cloudwatch"
HEADROOM_NAMESPACE = "headroom"
OLDEST = "1.33"
"""The oldest Kubernetes that `gitops validate` knows: every cluster since can hold pods to the rules of then."""
_AGENTS_REASON = "The agents read the node's files and network, which no other level lets them."
_ALL_REASON = "Everything here passes the strictest level."
_APPLICATION_REASON = (
    "Audit and warn tell of pods that `restricted` would refuse; raise enforce (podSecurity in gitops.yaml) once\n"
    "# `gitops validate` and they are silent."
)


def readers_group(config: Config) -> str:
    """The group that may look and not touch; an access entry puts people's role into it."""
    return f"{config.name}-readers"


def load_test_namespace(config: Config) -> str:
    """Where the load test runs: applications let it in, and it exists only while it runs."""
    return f"{config.name}-load-test"


def security_files(config: Config, cluster: Cluster, _: tuple[Pin, ...]) -> Files:
    """The overlay of `cluster`, by file: its namespaces, then roles, policies and limits of each environment's."""
    group = readers_group(config)
    result = _platform_namespaces(config, cluster)
    result["readers-role.yaml"] = fill("security/readers-role.yaml", group=group)
    result["images.yaml"] = fill("security/images.yaml", system=config.name, registries=_registries(config))
    for environment in environments_of(config, cluster):
        name = environment.namespace
        quota = environment.quota
        result |= {
            f"{name}/namespace.yaml": namespace(config, environment),
            f"{name}/readers.yaml": fill("security/readers-binding.yaml", group=group, namespace=name),
            f"{name}/networkpolicies.yaml": fill("security/networkpolicies.yaml", namespace=name),
            f"{name}/limits.yaml": fill(
                "security/limits.yaml", namespace=name, pods=quota.pods, cpu=quota.cpu, memory=quota.memory
            ),
        }
    text = fill("security/kustomization.yaml", resources=items(list(result)))
    return {file: content.encode() for file, content in {"kustomization.yaml": text, **result}.items()}


def _platform_namespaces(config: Config, cluster: Cluster) -> dict[str, str]:
    version = psa_version(cluster.version)
    result = {}
    if {"logging", "monitoring"} & set(config.platform.overlays):
        text = namespace_text(AGENTS_NAMESPACE, {}, "privileged", version, "privileged", _AGENTS_REASON)
        result[f"{AGENTS_NAMESPACE}.yaml"] = text
    if "autoscaling" in config.platform.overlays and config.platform.headroom.pods:
        result[f"{HEADROOM_NAMESPACE}.yaml"] = namespace_text(
            HEADROOM_NAMESPACE, {}, "restricted", version, "restricted"
        )
    return result


def _registries(config: Config) -> str:
    allowed = [f"{config.registry_host}/", *(registry.rstrip("/") + "/" for registry in config.platform.registries)]
    return json.dumps(allowed)


def namespace(config: Config, environment: Environment) -> str:
    """The Namespace of `environment`, with its Pod Security labels."""
    version = config.cluster(environment.cluster).version if environment.cluster else None
    labels = {"app.kubernetes.io/part-of": config.name}
    level = environment.pod_security
    return namespace_text(environment.namespace, labels, level, psa_version(version), "restricted", _APPLICATION_REASON)


def namespace_text(
    name: str, labels: dict[str, str], enforce: str, version: str, audit: str, reason: str = _ALL_REASON
) -> str:
    """A Namespace that enforces one level of Pod Security, and audits and warns of another."""
    return fill(
        "security/namespace.yaml",
        namespace=name,
        labels="\n".join(f"{key}: {value}" for key, value in labels.items()),
        reason=reason.replace("\n# ", "\n    # "),
        enforce=enforce,
        audit=audit,
        version=version,
    )


def psa_version(version: str | None) -> str:
    """The Kubernetes version whose Pod Security rules hold: the cluster's, or `OLDEST` where none is known."""
    return f"v{version or OLDEST}"
