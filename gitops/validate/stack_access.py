"""Checks of what CloudFormation templates let whom do: roles, users, clusters, registries. Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any

from gitops.errors import GitopsError
from gitops.template.catalogues import managed_policy
from gitops.validate.commands import NODE_POLICIES
from gitops.validate.finding import Finding
from gitops.validate.sources import Path
from gitops.validate.stack_resources import Resource, mappings

_OPEN = {"0.0.0.0/0", "::/0"}
_MANAGED = re.compile(r":iam::aws:policy/(\S+)$")


def _role(resource: Resource) -> Iterator[Finding]:
    nodes = "ec2.amazonaws.com" in json.dumps(resource.properties.get("AssumeRolePolicyDocument"), default=str)
    arns = resource.properties.get("ManagedPolicyArns")
    for number, policy in enumerate(arns if isinstance(arns, list) else ()):
        arn = str(next(iter(policy.values()), "") if isinstance(policy, dict) else policy)
        name = arn.rpartition("/")[2]
        path = ("ManagedPolicyArns", number)
        yield from _managed(resource, path, arn)
        if name.endswith("FullAccess"):
            yield resource.finding("C014", path, f"{name} is for people")
        elif nodes and _names_workers(resource) and name not in NODE_POLICIES:
            yield resource.finding("C013", path, f"{name} is every pod's, on every node of that role")
    for number, inline in enumerate(mappings(resource.properties.get("Policies"))):
        yield from _statements(resource, ("Policies", number, "PolicyDocument"), inline.get("PolicyDocument"))


def _managed(resource: Resource, path: Path, arn: str) -> Iterator[Finding]:
    """cfn-lint and change sets take any name: a stack fails at one that is gone when it is created."""
    named = _MANAGED.search(arn)
    if not named:
        return
    try:
        managed_policy(named[1])
    except GitopsError as error:
        yield resource.finding("C023", path, f"{error.problem}: {named[1]}; {error.hint}")


def _policy(resource: Resource) -> Iterator[Finding]:
    yield from _statements(resource, ("PolicyDocument",), resource.properties.get("PolicyDocument"))


def _statements(resource: Resource, path: Path, document: Any) -> Iterator[Finding]:
    """Statements that allow, on everything, any action of a service, or to hand on any role."""
    statements = document.get("Statement") if isinstance(document, dict) else None
    single = isinstance(statements, dict)
    for number, statement in enumerate(mappings([statements] if single else statements)):
        place = (*path, "Statement", *(() if single else (number,)))
        if statement.get("Effect") != "Allow" or "*" not in _several(statement.get("Resource")):
            continue
        if "Condition" in statement:
            continue
        for action in _several(statement.get("Action")):
            if action == "iam:PassRole" or re.fullmatch(r"\*|[\w-]+:\*", action):
                yield resource.finding("C024", (*place, "Action"), f"{action} on *")


def _several(value: Any) -> list[str]:
    """What IAM takes as one text or as a list of them."""
    return [str(entry) for entry in value] if isinstance(value, list) else [str(value)]


def _names_workers(resource: Resource) -> bool:
    """It is a role of EKS nodes: EC2's, with what a node needs."""
    return any(name in json.dumps(resource.properties, default=str) for name in NODE_POLICIES)


def _user(resource: Resource) -> Iterator[Finding]:
    if resource.type == "AWS::IAM::User":
        yield resource.finding("C019", (), "an IAM user has keys that do not expire")
    elif ":user/" in json.dumps(resource.properties.get("PrincipalArn", ""), default=str):
        yield resource.finding("C019", ("PrincipalArn",), "the entry is an IAM user's")


def _entry(resource: Resource) -> Iterator[Finding]:
    groups = resource.properties.get("KubernetesGroups")
    if isinstance(groups, list) and "system:masters" in groups:
        yield resource.finding("R004", ("KubernetesGroups",), "whoever has that role may do everything in the cluster")


def _repository(resource: Resource) -> Iterator[Finding]:
    scanning = resource.properties.get("ImageScanningConfiguration")
    if not (isinstance(scanning, dict) and str(scanning.get("ScanOnPush")).lower() == "true"):
        yield resource.finding("C020", (), "it has no ScanOnPush")


def _entries(resource: Resource) -> Iterator[Finding]:
    """CloudFormation's own default is CONFIG_MAP: aws-auth, and no access entry."""
    access = resource.properties.get("AccessConfig")
    mode = access.get("AuthenticationMode", "CONFIG_MAP") if isinstance(access, dict) else "CONFIG_MAP"
    if mode == "CONFIG_MAP":
        yield resource.finding("C029", ("AccessConfig",), "its authentication mode is CONFIG_MAP")


def _cluster(resource: Resource) -> Iterator[Finding]:
    network = resource.properties.get("ResourcesVpcConfig")
    settings = network if isinstance(network, dict) else {}
    public = str(settings.get("EndpointPublicAccess", True)).lower() == "true"
    allowed = settings.get("PublicAccessCidrs", ["0.0.0.0/0"])
    if public and isinstance(allowed, list) and any(cidr in _OPEN for cidr in map(str, allowed)):
        path = ("ResourcesVpcConfig", *(("PublicAccessCidrs",) if "PublicAccessCidrs" in settings else ()))
        yield resource.finding("C021", path, "the whole world reaches the cluster's API server")


ACCESS_CHECKS = {
    "AWS::IAM::Role": (_role,),
    "AWS::IAM::Policy": (_policy,),
    "AWS::IAM::ManagedPolicy": (_policy,),
    "AWS::IAM::User": (_user,),
    "AWS::EKS::AccessEntry": (_user, _entry),
    "AWS::EKS::Cluster": (_cluster, _entries),
    "AWS::ECR::Repository": (_repository,),
}
"""Type of a resource -> its checks."""
