"""Preflight: a cluster's state against what gitops.yaml needs of it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from gitops.cluster_state import EVERYWHERE, ClusterState
from gitops.config import Cluster, Config
from gitops.errors import GitopsError
from gitops.template import catalogues, names

SOON = timedelta(days=60)
"""How long before the end of a version's support it is said."""

_NEEDED_ADDONS = ("vpc-cni", "coredns", "kube-proxy")
_NEARLY = 0.8
"""Share of a quota from which it is said."""

AUTOSCALER, MONITORING = "autoscaling", "monitoring"
"""Platform overlays that the checks know."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `level` is ok, warning or error; an error stops a first deployment."""

    level: str
    subject: str
    text: str
    hint: str = ""


def check_cluster(config: Config, cluster: Cluster, state: ClusterState, today: date) -> list[Finding]:
    """Everything that was looked at, in a fixed order."""
    return [
        *_status(state),
        *_version(cluster, state, today),
        *_authentication(state),
        *_entries(config, cluster, state),
        *_endpoint(state),
        *_mode(config, cluster, state),
        *_addons(config, state),
        *_network_policy(state),
        *_quotas(state),
    ]


def _status(state: ClusterState) -> Iterator[Finding]:
    if state.status != "ACTIVE":
        yield Finding("error", "status", f"is {state.status}", "wait until it is ACTIVE")


def _version(cluster: Cluster, state: ClusterState, today: date) -> Iterator[Finding]:
    if cluster.version and cluster.version != state.version:
        said = f"is {state.version}, but gitops.yaml says {cluster.version}"
        yield Finding("error", "version", said, f'write version: "{state.version}", or upgrade the cluster')
    try:
        support = catalogues.eks_version(state.version)
    except GitopsError as error:
        yield Finding("error", "version", f"{state.version} {error.problem}", error.hint)
        return
    if today > support.extended:
        said = f"{state.version}: all support ended on {support.extended}"
        yield Finding("error", "version", said, "EKS upgrades it by itself: upgrade first")
    elif today > support.standard:
        said = f"{state.version} is in extended support, which costs more, to {support.extended}"
        yield Finding("warning", "version", said, "plan an upgrade")
    elif today + SOON > support.standard:
        said = f"{state.version}: standard support ends on {support.standard}"
        yield Finding("warning", "version", said, "plan an upgrade")
    else:
        yield Finding("ok", "version", f"{state.version}, in standard support to {support.standard}")


def _authentication(state: ClusterState) -> Iterator[Finding]:
    if state.authentication == "CONFIG_MAP":
        hint = "aws eks update-cluster-config --access-config authenticationMode=API_AND_CONFIG_MAP (one way)"
        yield Finding("error", "authentication", "is CONFIG_MAP, which knows no access entries", hint)
    elif state.authentication == "API_AND_CONFIG_MAP":
        said = "is API_AND_CONFIG_MAP: aws-auth counts beside the access entries"
        yield Finding("warning", "authentication", said, "move to API when aws-auth is empty")
    else:
        yield Finding("ok", "authentication", "access entries only (API)")


def _entries(config: Config, cluster: Cluster, state: ClusterState) -> Iterator[Finding]:
    """The role of each duty on this cluster has an entry, and none is an administrator of everything."""
    for duty in _duties(config, cluster):
        arn = principal(config, cluster, duty)
        entry = state.entries.get(arn)
        if entry is None:
            hint = "gitops pipeline up makes it (access stack)"
            yield Finding("error", "access", f"{names.role(config, duty)} has no access entry", hint)
        elif "system:masters" in entry.groups or "AmazonEKSClusterAdminPolicy" in entry.policies:
            said = f"{names.role(config, duty)} may do everything on the cluster"
            yield Finding("warning", "access", said, "give it the entry of the access stack")
        else:
            yield Finding("ok", "access", names.role(config, duty))


def _duties(config: Config, cluster: Cluster) -> list[str]:
    duties = [names.VALIDATE]
    if config.platform.overlays and cluster in names.platform_clusters(config):
        duties.append(names.DEPLOY_PLATFORM)
    here = [each for each in config.environments if each.cluster == cluster.name]
    return duties + [names.deploy_duty(environment) for environment in here]


def principal(config: Config, cluster: Cluster, duty: str) -> str:
    """ARN of the role of `duty` that acts on `cluster`."""
    account, region = names.place_of(config, cluster)
    return f"arn:{names.partition(region)}:iam::{account}:role/{names.role(config, duty)}"


def _endpoint(state: ClusterState) -> Iterator[Finding]:
    """CodeBuild outside of a VPC comes from addresses that change."""
    if not state.public:
        hint = "give the CodeBuild projects the cluster's VPC, and its security group port 443"
        yield Finding("error", "endpoint", "is private only: builds outside of the VPC cannot reach it", hint)
    elif EVERYWHERE not in state.cidrs:
        said = f"is open to {', '.join(state.cidrs)} only: CodeBuild outside of the VPC has no fixed address"
        yield Finding("error", "endpoint", said, "put the CodeBuild projects in a VPC with one of these addresses")
    else:
        yield Finding("warning", "endpoint", "is open to every address", "gitops cluster harden --cidr …")
    if state.public and not state.private:
        said = "nodes reach it by the public endpoint only"
        yield Finding("warning", "endpoint", said, "gitops cluster harden turns the private one on")


def _mode(config: Config, cluster: Cluster, state: ClusterState) -> Iterator[Finding]:
    if state.auto_mode != cluster.auto_mode:
        said = "is" if state.auto_mode else "is not"
        hint = f"write autoMode: {str(state.auto_mode).lower()} at the cluster"
        yield Finding("error", "auto mode", f"the cluster {said} in Auto Mode, gitops.yaml says otherwise", hint)
    if state.auto_mode and AUTOSCALER in config.platform.overlays:
        said = "Auto Mode scales its nodes by itself: the Cluster Autoscaler would fight it"
        yield Finding("error", "auto mode", said, f"take {AUTOSCALER} out of platform.overlays")
    if not state.auto_mode and not state.nodegroups:
        yield Finding("warning", "nodes", "there is no managed node group", "pods stay Pending without nodes")


def _addons(config: Config, state: ClusterState) -> Iterator[Finding]:
    needed = [] if state.auto_mode else [*_NEEDED_ADDONS, "eks-pod-identity-agent"]
    if MONITORING not in config.platform.overlays:
        needed.append("amazon-cloudwatch-observability")
    for name in needed:
        addon = state.addons.get(name)
        if addon is None:
            yield Finding("warning" if name in _NEEDED_ADDONS else "error", "add-ons", *_missing(name))
        elif addon.status != "ACTIVE":
            yield Finding("error", "add-ons", f"{name} {addon.version} is {addon.status}", "see its health in EKS")
        else:
            yield Finding("ok", "add-ons", f"{name} {addon.version}")


def _missing(name: str) -> tuple[str, str]:
    if name in _NEEDED_ADDONS:
        return f"{name} is no EKS add-on: EKS does not keep it current", f"aws eks create-addon --addon-name {name}"
    if name == "eks-pod-identity-agent":
        return f"{name} is missing: pods get no AWS role", f"aws eks create-addon --addon-name {name}"
    return f"{name} is missing: the alarms have no metrics", "gitops pipeline up makes it (observability stack)"


def network_policy_on(state: ClusterState) -> bool:
    """The VPC CNI enforces NetworkPolicies; without it they are silently ignored."""
    addon = state.addons.get("vpc-cni")
    return addon is not None and str(addon.configuration.get("enableNetworkPolicy", "")).lower() == "true"


def _network_policy(state: ClusterState) -> Iterator[Finding]:
    if state.auto_mode:
        said = "in Auto Mode a NodeClass decides; it was not looked at"
        yield Finding("warning", "network policy", said, "kubectl get nodeclass -o yaml: networkPolicy")
    elif network_policy_on(state):
        yield Finding("ok", "network policy", "enforced by the VPC CNI")
    else:
        said = "the VPC CNI ignores NetworkPolicies"
        yield Finding("error", "network policy", said, "gitops cluster harden turns it on")


def _quotas(state: ClusterState) -> Iterator[Finding]:
    used = {
        "Managed node groups per cluster": len(state.nodegroups),
        "Public endpoint access CIDR ranges per cluster": len(state.cidrs),
    }
    for name, count in used.items():
        limit = state.quotas.get(name)
        if limit is not None and count >= limit * _NEARLY:
            said = f"{name}: {count} of {limit:.0f}"
            yield Finding("warning", "quotas", said, "ask for more in Service Quotas")
