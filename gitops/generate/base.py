"""kustomize/base: a folder for each application, the same for every environment."""

from gitops.config import Application, Config
from gitops.generate.texts import Files, fill, items, scalar

BASE = "kustomize/base"
_INTERNAL = """\
annotations:
  # Inside of the VPC only; take this away to be reached from the internet.
  service.beta.kubernetes.io/aws-load-balancer-scheme: internal
  service.beta.kubernetes.io/aws-load-balancer-type: external
  service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip"""


def base_files(config: Config) -> Files:
    """The base of every application, and the kustomization that joins them."""
    names = items([application.name for application in config.workloads])
    result = {f"{BASE}/kustomization.yaml": fill("base/kustomization.yaml", system=config.name, applications=names)}
    for application in config.workloads:
        for file, text in _application(application).items():
            result[f"{BASE}/{application.name}/{file}"] = text
    return {path: text.encode() for path, text in result.items()}


def _application(application: Application) -> dict[str, str]:
    name = application.name
    environment = {"LOG_LEVEL": "info", "PORT": str(application.port)} | dict(application.env)
    literals = items([scalar(f"{key}={value}") for key, value in environment.items()])
    return {
        "kustomization.yaml": fill("base/application.yaml", name=name, literals=literals, autoscaler=""),
        "serviceaccount.yaml": fill("base/serviceaccount.yaml", name=name),
        "deployment.yaml": _deployment(application),
        "service.yaml": _service(application),
        "poddisruptionbudget.yaml": fill("base/poddisruptionbudget.yaml", name=name),
    }


def _deployment(application: Application) -> str:
    return fill(
        "base/deployment.yaml",
        name=application.name,
        replicas=f"replicas: {application.replicas}",
        image=scalar(application.image),
        port=application.port,
        health=scalar(application.health),
        cpu=scalar(application.resources.cpu),
        memory=scalar(application.resources.memory),
        memory_limit=scalar(application.resources.memory_limit),
    )


def _service(application: Application) -> str:
    return fill(
        "base/service.yaml",
        name=application.name,
        type=application.service,
        annotations=_INTERNAL if application.service == "LoadBalancer" else "",
        port=application.port,
    )
