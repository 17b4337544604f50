"""IAM statements and roles, with the rules of the house built in: no wildcard action, no `*` without its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.template import catalogues, names
from gitops.template.yaml_text import Block, Comment

Statement = Block


@dataclass(frozen=True)
class Everything:
    """`Resource: "*"`, for actions that IAM has no narrower form for, and why."""

    reason: str


def allow(
    reason: str, actions: Sequence[str], resources: Sequence[str] | Everything, **conditions: Mapping[str, Any]
) -> Statement:
    """A statement that allows `actions` on `resources`, with `reason` as a comment above it.

    Raises `ValueError` for a wildcard action: that is a defect of the caller.
    """
    wild = [action for action in actions if "*" in action or "?" in action]
    if wild:
        raise ValueError(f"wildcard action {', '.join(wild)}")
    return {
        Comment(reason): None,
        "Effect": "Allow",
        "Action": list(actions),
        **_resource(resources),
        **({"Condition": conditions} if conditions else {}),
    }


def _resource(resources: Sequence[str] | Everything) -> Block:
    if isinstance(resources, Everything):
        return {Comment(resources.reason): None, "Resource": "*"}
    arns = [names.sub(arn) if "${" in arn else arn for arn in resources]
    return {"Resource": arns[0] if len(arns) == 1 else arns}


def role(
    name: str,
    trust: Statement,
    statements: Sequence[Statement],
    description: str,
    managed: Sequence[str] = (),
) -> Block:
    """An IAM role called `name`. `managed` are names of AWS managed policies, each of which must exist."""
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": name,
            "Description": description,
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            **({"ManagedPolicyArns": [names.sub(catalogues.managed_policy(m)) for m in managed]} if managed else {}),
            **({"Policies": [_policy(name, statements)]} if statements else {}),
        },
    }


def _policy(name: str, statements: Sequence[Statement]) -> Block:
    return {
        "PolicyName": name,
        "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)},
    }


def trust_service(service: str, for_this_account: bool = True) -> Statement:
    """Lets an AWS service take the role; where the service says whom for, for this account's resources only."""
    condition = {"StringEquals": {"aws:SourceAccount": names.sub(names.ACCOUNT)}}
    return {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
        **({"Condition": condition} if for_this_account else {}),
    }


def trust_pods() -> Statement:
    """Lets EKS Pod Identity hand the role to the pods of an association."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }


def trust_role(arn: str) -> Statement:
    """Lets one role of another account take the role."""
    return {"Effect": "Allow", "Principal": {"AWS": names.sub(arn)}, "Action": "sts:AssumeRole"}
