"""kustomize/overlays/security: namespaces, and who may do what in them."""

from gitops.config import Config, Environment
from gitops.generate.texts import Files, fill, items

SECURITY = "kustomize/overlays/security"


def security_files(config: Config) -> Files:
    """The overlay, with the namespace of every environment."""
    result = {
        f"namespace-{environment.namespace}.yaml": namespace(config, environment) for environment in config.environments
    }
    result["kustomization.yaml"] = fill("security/kustomization.yaml", resources=items(list(result)))
    return {f"{SECURITY}/{file}": text.encode() for file, text in result.items()}


def namespace(config: Config, environment: Environment) -> str:
    """The Namespace of `environment`, with its Pod Security labels."""
    return fill(
        "security/namespace.yaml",
        system=config.name,
        namespace=environment.namespace,
        enforce=environment.pod_security,
        version=security_version(config, environment),
    )


def security_version(config: Config, environment: Environment) -> str:
    """The Kubernetes version whose Pod Security rules hold: the cluster's, or `latest` where none is known."""
    version = config.cluster(environment.cluster).version if environment.cluster else None
    return f"v{version}" if version else "latest"
