"""What things are called in AWS. Names are fixed, so that stacks, accounts and regions find each other by them.

A name begins with the system's own (`name` in gitops.yaml), which keeps several systems in one account apart.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gitops.config import Cluster, Config, Environment, Image, Repository
from gitops.template.yaml_text import Tagged

ACCOUNT, REGION, PARTITION = "${AWS::AccountId}", "${AWS::Region}", "${AWS::Partition}"

PIPELINE, BUILD, BUMP, VALIDATE, REVIEW = "pipeline", "build", "bump", "validate", "review"
EVENTS, PATH_FILTER, DEPLOY_PLATFORM = "events", "path-filter", "deploy-platform"


@dataclass(frozen=True)
class Place:
    """An account and a region that has clusters, or the pipelines (`home`)."""

    account: str
    region: str
    home: bool
    clusters: tuple[Cluster, ...]
    first_of_account: bool
    """Whether the account's roles are made here: IAM is global, and a role is made once."""


def sub(text: str) -> Tagged:
    """`text`, with CloudFormation's variables in it."""
    return Tagged("!Sub", text)


def places(config: Config) -> Sequence[Place]:
    """Home first, then each other account and region with a cluster, in the order of gitops.yaml."""
    home = (config.account, config.region)
    where = list(dict.fromkeys([home, *(place_of(config, cluster) for cluster in config.clusters)]))
    return [
        Place(
            account,
            region,
            (account, region) == home,
            tuple(cluster for cluster in config.clusters if place_of(config, cluster) == (account, region)),
            account not in [earlier for earlier, _ in where[:index]],
        )
        for index, (account, region) in enumerate(where)
    ]


def place_of(config: Config, cluster: Cluster) -> tuple[str, str]:
    """The account and region of `cluster`."""
    return cluster.account or config.account, cluster.region or config.region


def partition(region: str) -> str:
    """The ARN partition of `region`."""
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(
        region.rsplit("-", 2)[0] if region.startswith("us-gov") else region[:2], "aws"
    )


def logical(*words: str) -> str:
    """A CloudFormation logical id: the words in CamelCase, letters and digits only."""
    parts = [part for word in words for part in re.split(r"[^A-Za-z0-9]+", word) if part]
    return "".join(part[0].upper() + part[1:] for part in parts)


def role(config: Config, duty: str) -> str:
    """Name of the role for `duty`, the same in each account that has one."""
    return f"{config.name}-{duty}"


def role_arn(config: Config, duty: str, account: str = ACCOUNT) -> str:
    """ARN of that role in `account`, for `Fn::Sub`."""
    return f"arn:{PARTITION}:iam::{account}:role/{role(config, duty)}"


def deploy_duty(environment: Environment) -> str:
    """The duty of deploying `environment`: its project, and its role."""
    return f"deploy-{environment.name}"


def project(config: Config, duty: str) -> str:
    """Name of the CodeBuild project for `duty`."""
    return f"{config.name}-{duty}"


def project_arn(config: Config, duty: str) -> str:
    """ARN of that project, for `Fn::Sub`."""
    return f"arn:{PARTITION}:codebuild:{REGION}:{ACCOUNT}:project/{project(config, duty)}"


def projects(config: Config) -> Iterator[str]:
    """The duties that have a CodeBuild project."""
    yield from (BUILD, BUMP, VALIDATE)
    if uses_codecommit(config.manifests):
        yield REVIEW
    if config.platform.overlays and config.clusters:
        yield DEPLOY_PLATFORM
    yield from (deploy_duty(environment) for environment in config.environments)


def build_log_group(config: Config, duty: str) -> str:
    """Log group of the builds of `duty`."""
    return f"/aws/codebuild/{project(config, duty)}"


def source_pipeline(config: Config) -> str:
    """Name of the pipeline from the source repository to a commit in the manifest repository."""
    return f"{config.name}-source"


def manifest_pipeline(config: Config) -> str:
    """Name of the pipeline from the manifest repository to the clusters."""
    return f"{config.name}-manifests"


def pipeline_arn(name: str) -> str:
    """ARN of the pipeline `name`, for `Fn::Sub`."""
    return f"arn:{PARTITION}:codepipeline:{REGION}:{ACCOUNT}:{name}"


def bucket(config: Config) -> str:
    """Name of the artifact bucket; it has the toolkit's wheel too. Names of buckets are global, hence the account."""
    return f"{config.name}-artifacts-{config.account}-{config.region}"


def topic(config: Config) -> str:
    """Name of the SNS topic for alarms and failures."""
    return f"{config.name}-alarms"


def topic_arn(config: Config) -> str:
    """ARN of that topic, for `Fn::Sub`."""
    return f"arn:{PARTITION}:sns:{REGION}:{ACCOUNT}:{topic(config)}"


def key_export(config: Config) -> str:
    """Name of the exported ARN of the encryption key."""
    return f"{config.name}-key"


def key_arn(config: Config) -> Tagged:
    """The ARN of the encryption key of this region."""
    return Tagged("!ImportValue", key_export(config))


def uses_codecommit(repository: Repository) -> bool:
    """Whether `repository` is one of the account's CodeCommit."""
    return not repository.connection and not repository.url


def repository_arn(repository: Repository) -> str:
    """ARN of a CodeCommit repository, for `Fn::Sub`."""
    return f"arn:{PARTITION}:codecommit:{REGION}:{ACCOUNT}:{repository.repository}"


def image_repository_arn(image: Image) -> str:
    """ARN of an image's ECR repository, for `Fn::Sub`."""
    return f"arn:{PARTITION}:ecr:{REGION}:{ACCOUNT}:repository/{image.repository}"


def cluster_arn(config: Config, cluster: Cluster) -> str:
    """ARN of an EKS cluster, for `Fn::Sub`."""
    account, region = place_of(config, cluster)
    return f"arn:{PARTITION}:eks:{region}:{account}:cluster/{cluster.name}"


def platform_clusters(config: Config) -> Sequence[Cluster]:
    """The clusters that get the platform overlays."""
    return [c for c in config.clusters if not config.platform.clusters or c.name in config.platform.clusters]


def duties_on(config: Config, cluster: Cluster) -> Iterator[str]:
    """The duties that talk to `cluster`."""
    yield VALIDATE
    if uses_codecommit(config.manifests):
        yield REVIEW
    if config.platform.overlays and cluster in platform_clusters(config):
        yield DEPLOY_PLATFORM
    yield from (deploy_duty(environment) for environment in environments_on(config, cluster))


def environments_on(config: Config, cluster: Cluster) -> list[Environment]:
    """The environments that run on `cluster`."""
    return [environment for environment in config.environments if environment.cluster == cluster.name]


def cluster_log_group(cluster: Cluster, kind: str) -> str:
    """Log group that Container Insights writes `kind` of `cluster` to."""
    return f"/aws/containerinsights/{cluster.name}/{kind}"


def filters_paths(config: Config) -> bool:
    """Whether a push may start the source pipeline for some images only, or not at all."""
    return any(image.context != "." for image in config.images)


def deploy_group(environment: Environment) -> str:
    """Kubernetes group of the deploy role of `environment`, for Roles beyond the access policy."""
    return f"gitops-deploy-{environment.name}"


VALIDATE_GROUP = "gitops-validate"
"""Kubernetes group of the validate role, for reads beyond the access policy."""

AGENT = "cloudwatch-agent"
"""Service account of the CloudWatch agent, and the duty of its role on a cluster."""


def readers_group(config: Config) -> str:
    """Kubernetes group of the developers who may read; the security overlay binds it."""
    return f"{config.name}-readers"
