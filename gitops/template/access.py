"""`access.yaml`, what all the rest stands on: key, artifact bucket, a role for each duty, entries of the clusters.

Clusters are entered through EKS access entries: never aws-auth, never system:masters. A stack of an account and region
other than home has the roles that home's deploy roles take there, under the same names.
"""

from collections.abc import Iterator

from gitops.config import Config
from gitops.template import names
from gitops.template.artifacts import artifact_bucket
from gitops.template.cluster_access import agents, entries
from gitops.template.iam import Everything, Statement, allow
from gitops.template.names import Place
from gitops.template.roles import home_roles, visiting_roles
from gitops.template.yaml_text import Block, Comment, Tagged


def access(config: Config, place: Place) -> Block:
    """The template of `place`'s access stack."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{config.name}: encryption key, artifact bucket, roles, and who may do what on the clusters.",
        "Resources": {
            **_key(config),
            **(artifact_bucket(config) if place.home else {}),
            **(home_roles(config) if place.home else visiting_roles(config, place)),
            **agents(config, place),
            **entries(config, place),
        },
        "Outputs": {
            "KeyArn": {
                "Description": "Encrypts artifacts, images, logs and notifications.",
                "Value": Tagged("!GetAtt", "Key.Arn"),
                "Export": {"Name": names.key_export(config)},
            }
        },
    }


def _key(config: Config) -> Block:
    return {
        "Key": {
            "Type": "AWS::KMS::Key",
            Comment("Logs and images stay readable after the stack is gone."): None,
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "Description": f"{config.name}: artifacts, images, logs and notifications.",
                "EnableKeyRotation": True,
                "KeyPolicy": {"Version": "2012-10-17", "Statement": list(_key_statements())},
            },
        },
        "KeyAlias": {
            "Type": "AWS::KMS::Alias",
            "Properties": {"AliasName": f"alias/{config.name}", "TargetKeyId": Tagged("!Ref", "Key")},
        },
    }


def _key_statements() -> Iterator[Statement]:
    this_key = Everything("In a key's own policy, * is this key.")
    administer = (
        "CancelKeyDeletion CreateAlias CreateGrant Decrypt DeleteAlias DescribeKey DisableKey EnableKey"
        " EnableKeyRotation Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GetKeyPolicy GetKeyRotationStatus"
        " ListGrants ListKeyPolicies ListResourceTags PutKeyPolicy ReEncryptFrom ReEncryptTo RetireGrant RevokeGrant"
        " ScheduleKeyDeletion TagResource UntagResource UpdateAlias UpdateKeyDescription"
    )
    yield {
        **allow("The account decides by IAM who uses the key.", [f"kms:{a}" for a in administer.split()], this_key),
        "Principal": {"AWS": names.sub(f"arn:{names.PARTITION}:iam::{names.ACCOUNT}:root")},
    }
    log_groups = names.sub(f"arn:{names.PARTITION}:logs:{names.REGION}:{names.ACCOUNT}:log-group:*")
    yield {
        **allow(
            "CloudWatch Logs encrypts this account's log groups.",
            [
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:Encrypt",
                "kms:GenerateDataKey",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
            ],
            this_key,
            ArnLike={"kms:EncryptionContext:aws:logs:arn": log_groups},
        ),
        # By partition, unlike the others: logs.cn-north-1.amazonaws.com.cn.
        "Principal": {"Service": names.sub(f"logs.{names.REGION}.${{AWS::URLSuffix}}")},
    }
    use = ["kms:Decrypt", "kms:GenerateDataKey"]
    own = {"aws:SourceAccount": names.sub(names.ACCOUNT)}
    yield {
        **allow("Alarms publish to the encrypted topic.", use, this_key, StringEquals=own),
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
    }
    yield {
        **allow("Rules too; EventBridge documents no condition for it.", use, this_key),
        "Principal": {"Service": "events.amazonaws.com"},
    }
