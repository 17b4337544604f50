"""ECR and CodeCommit repositories: kept when the stack goes, for clusters run what is in them."""

import json

from gitops.config import Config
from gitops.template import catalogues, names
from gitops.template.yaml_text import Block, Comment

KEEP_IMAGES = 200
"""Images of a repository that lifecycle rules keep: a rollback needs its image for as long as anyone may want it."""


def image_repositories(config: Config) -> Block:
    if config.registry:
        return {}
    return {
        names.logical("Images", image.repository): {
            "Type": "AWS::ECR::Repository",
            Comment("Images outlive the stack: clusters run them."): None,
            **_kept(),
            "Properties": {
                "RepositoryName": image.repository,
                Comment("A tag that was released stays what it was."): None,
                "ImageTagMutability": catalogues.allowed("ecr", "tagMutability", "IMMUTABLE"),
                "ImageScanningConfiguration": {"ScanOnPush": True},
                "EncryptionConfiguration": {
                    "EncryptionType": catalogues.allowed("ecr", "encryption", "KMS"),
                    "KmsKey": names.key_arn(config),
                },
                "LifecyclePolicy": {"LifecyclePolicyText": _lifecycle()},
                **_pullers(config),
            },
        }
        for image in {image.repository: image for image in config.images}.values()
    }


def _lifecycle() -> str:
    rules = [
        {
            "rulePriority": 1,
            "description": "Layers that no tag names any more",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 14,
            },
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "description": f"All but the newest {KEEP_IMAGES}",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEEP_IMAGES},
            "action": {"type": "expire"},
        },
    ]
    return json.dumps({"rules": rules}, indent=2) + "\n"


def _pullers(config: Config) -> Block:
    """Clusters of other accounts may pull."""
    others = [place.account for place in names.places(config) if place.account != config.account]
    if not others:
        return {}
    principals = [names.sub(f"arn:{names.PARTITION}:iam::{account}:root") for account in dict.fromkeys(others)]
    statement = {
        "Sid": "PullFromTheClustersAccounts",
        "Effect": "Allow",
        "Principal": {"AWS": principals},
        "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }
    return {"RepositoryPolicyText": {"Version": "2012-10-17", "Statement": [statement]}}


def code_repositories(config: Config) -> Block:
    kinds = (("Source", config.source, "Source"), ("Manifest", config.manifests, "Manifests"))
    return {
        f"{kind}Repository": {
            "Type": "AWS::CodeCommit::Repository",
            Comment("History outlives the stack."): None,
            **_kept(),
            "Properties": {
                "RepositoryName": repository.repository,
                "RepositoryDescription": f"{what} of {config.name}.",
                "KmsKeyId": names.key_arn(config),
            },
        }
        for kind, repository, what in kinds
        if names.uses_codecommit(repository)
    }


def _kept() -> Block:
    return {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
