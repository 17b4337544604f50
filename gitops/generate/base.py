"""kustomize/base: a folder for each application, the same for every environment."""

from gitops.config import Application, Config
from gitops.errors import GitopsError
from gitops.generate.texts import Files, fill, items, scalar
from gitops.plan.fields import quantity

BASE = "kustomize/base"
LEAST_LIMIT = "128Mi"
"""Of memory, where gitops.yaml gives no limit."""

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
        for file, text in _application(config, application).items():
            result[f"{BASE}/{application.name}/{file}"] = text
    return {path: text.encode() for path, text in result.items()}


def _application(config: Config, application: Application) -> dict[str, str]:
    name = application.name
    environment = {"LOG_LEVEL": "info", "PORT": str(application.port)} | dict(application.env)
    literals = items([scalar(f"{key}={value}") for key, value in environment.items()])
    return {
        "kustomization.yaml": fill(
            "base/application.yaml",
            name=name,
            literals=literals,
            autoscaler="- horizontalpodautoscaler.yaml" if application.autoscaling else "",
        ),
        "serviceaccount.yaml": fill("base/serviceaccount.yaml", name=name),
        "deployment.yaml": _deployment(config, application),
        "service.yaml": _service(application),
        "poddisruptionbudget.yaml": fill("base/poddisruptionbudget.yaml", name=name),
        "networkpolicy.yaml": _network_policy(config, application),
        **_autoscaler(application),
    }


def _autoscaler(application: Application) -> dict[str, str]:
    scaling = application.autoscaling
    if scaling is None:
        return {}
    text = fill(
        "base/horizontalpodautoscaler.yaml",
        name=application.name,
        min=max(application.replicas, 1),
        max=scaling.max,
        cpu=scaling.cpu,
    )
    return {"horizontalpodautoscaler.yaml": text}


def _network_policy(config: Config, application: Application) -> str:
    callers = [_pods(caller) for caller in application.callers]
    callers += [_block(cidr) for cidr in application.caller_cidrs]
    # The security overlay lets every pod of the namespace ask for names; without it each application has to.
    rules = [] if "security" in config.platform.overlays else [_NAMES]
    rules += [_rule("to", [_pods(called.name)], [called.port]) for called in _called(config, application)]
    rules += [_rule("to", [_block(egress.cidr)], list(egress.ports)) for egress in application.egress]
    if application.aws:
        rules.append(
            "# The agent of EKS Pod Identity on the node.\n" + _rule("to", [_block("169.254.170.23/32")], [80])
        )
    return fill(
        "base/networkpolicy.yaml",
        name=application.name,
        ingress="ingress:\n" + _indented(_rule("from", callers, [application.port])) if callers else "",
        egress="egress:\n" + _indented("\n".join(rules)) if rules else "",
    )


_NAMES = """\
# Names, of the cluster and of the world.
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
      podSelector:
        matchLabels:
          k8s-app: kube-dns
  ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53"""


def _called(config: Config, application: Application) -> list[Application]:
    return [other for other in config.workloads if application.name in other.callers]


def _rule(direction: str, peers: list[str], ports: list[int]) -> str:
    listed = "".join(f"\n    - protocol: TCP\n      port: {port}" for port in ports)
    return f"- {direction}:\n" + "\n".join(_indented(peer, 4) for peer in peers) + f"\n  ports:{listed}"


def _pods(application: str) -> str:
    return f"- podSelector:\n    matchLabels:\n      app: {application}"


def _block(cidr: str) -> str:
    return f"- ipBlock:\n    cidr: {cidr}"


def _indented(text: str, by: int = 2) -> str:
    return "\n".join(" " * by + line for line in text.splitlines())


def _replicas(application: Application) -> str:
    if application.autoscaling is None:
        return f"replicas: {application.replicas}"
    return "# No replicas: the HorizontalPodAutoscaler owns their number, and each deploy would set it back."


def _memory_limit(config: Config, application: Application) -> str:
    """Raises `GitopsError` for a limit below the request: the API server refuses such pods."""
    requested, limit = application.resources.memory, application.resources.memory_limit
    asked, most = quantity(requested), quantity(limit or LEAST_LIMIT)
    if asked is None or most is None or asked <= most:
        return limit or LEAST_LIMIT
    if limit is None:
        return requested
    raise GitopsError(
        config.file,
        f"{application.name} requests {requested} of memory, and its memoryLimit is {limit}",
        "make the limit as high as the request, or leave it out",
    )


def _architecture(config: Config, application: Application) -> str:
    """Where its nodes may not be of the usual kind: an image of one architecture does not start on another."""
    image = next(image for image in config.images if image.name == application.image)
    built = {platform.split("/")[1] for platform in image.platforms}
    if len(built) > 1 or built == {"amd64"}:
        return ""
    return f"# Its image is built for {min(built)} only.\nnodeSelector:\n  kubernetes.io/arch: {min(built)}"


def _deployment(config: Config, application: Application) -> str:
    return fill(
        "base/deployment.yaml",
        name=application.name,
        replicas=_replicas(application),
        image=scalar(application.image),
        port=application.port,
        health=scalar(application.health),
        cpu=scalar(application.resources.cpu),
        memory=scalar(application.resources.memory),
        memory_limit=scalar(_memory_limit(config, application)),
        node_selector=_architecture(config, application),
    )


def _service(application: Application) -> str:
    external = application.service == "LoadBalancer"
    return fill(
        "base/service.yaml",
        name=application.name,
        type=application.service,
        annotations=_INTERNAL if external else "",
        nodeports="# The load balancer sends to the pods themselves.\nallocateLoadBalancerNodePorts: false"
        if external
        else "",
        port=application.port,
    )
