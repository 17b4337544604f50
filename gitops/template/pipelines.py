"""The two pipelines: their stages and actions, and the triggers of a connection."""

import json
from collections.abc import Iterator, Sequence

from gitops.config import Cluster, Config, Environment, Repository
from gitops.template import catalogues, names
from gitops.template.yaml_text import Block, Comment

APPROVAL_MINUTES = 55
"""How long an approval waits: a little less than a saved plan is good for, so that none is approved in vain."""


def pipelines(config: Config) -> Block:
    return {"SourcePipeline": _source_pipeline(config), "ManifestPipeline": _manifest_pipeline(config)}


def _pipeline(config: Config, name: str, stages: Sequence[Block], more: Block) -> Block:
    return {
        "Type": "AWS::CodePipeline::Pipeline",
        "Properties": {
            "Name": name,
            "PipelineType": "V2",
            **more,
            "RoleArn": names.sub(names.role_arn(config, names.PIPELINE)),
            "ArtifactStore": {
                "Type": "S3",
                "Location": names.bucket(config),
                "EncryptionKey": {"Type": "KMS", "Id": names.key_arn(config)},
            },
            "Stages": list(stages),
        },
    }


def _source_pipeline(config: Config) -> Block:
    build = _build_action(
        "Build",
        names.project(config, names.BUILD),
        ["Manifests", "Source"],
        {"GITOPS_IMAGES": "#{variables.images}"},
        output="Built",
    )
    bump = _build_action("Bump", names.project(config, names.BUMP), ["Manifests", "Built"], {}, namespace="Bump")
    image_variable = {
        "Name": "images",
        "DefaultValue": all_images(config),
        "Description": "Images to build, with spaces between them.",
    }
    return _pipeline(
        config,
        names.source_pipeline(config),
        [
            {
                "Name": "Source",
                "Actions": [_source_action("Source", config.source), _source_action("Manifests", config.manifests)],
            },
            {"Name": "Build", "Actions": [build]},
            {"Name": "Bump", "Actions": [bump]},
        ],
        {
            Comment("Each push is built: a superseded run could have been the only one for its image."): None,
            "ExecutionMode": "QUEUED",
            "Variables": [image_variable],
            **_triggers(config),
        },
    )


def all_images(config: Config) -> str:
    return " ".join(image.name for image in config.images)


def folders(config: Config) -> list[str]:
    """The folders that images are built from; empty where one is the whole repository."""
    found = list(dict.fromkeys(image.context.rstrip("/") for image in config.images))
    return [] if "." in found else found


def _triggers(config: Config) -> Block:
    """Path filters of a connection, which CodePipeline has itself: at most 8 patterns in each of 3 filters."""
    if not config.source.connection:
        return {}
    patterns = [f"{folder}/**" for folder in folders(config)]
    size = catalogues.quota("pathPatterns")
    chunks = [patterns[start : start + size] for start in range(0, len(patterns), size)] or [[]]
    push = [
        {
            "Branches": {"Includes": [config.source.branch]},
            **({"FilePaths": {"Includes": chunk}} if chunk else {}),
        }
        for chunk in chunks
    ]
    git = {"SourceActionName": "Source", "Push": push}
    return {"Triggers": [{"ProviderType": "CodeStarSourceConnection", "GitConfiguration": git}]}


def _source_action(name: str, repository: Repository) -> Block:
    if repository.connection:
        provider = "CodeStarSourceConnection"
        settings: Block = {
            "ConnectionArn": repository.connection,
            "FullRepositoryId": repository.repository,
            "BranchName": repository.branch,
            "DetectChanges": False,
        }
    else:
        provider = "CodeCommit"
        settings = {
            "RepositoryName": repository.repository,
            "BranchName": repository.branch,
            "PollForSourceChanges": False,
        }
    return {
        "Name": name,
        "ActionTypeId": {"Category": "Source", "Owner": "AWS", "Provider": provider, "Version": "1"},
        "Namespace": f"{name}Commit",
        Comment("A clone, with its history: builds work on commits."): None,
        "Configuration": {**settings, "OutputArtifactFormat": "CODEBUILD_CLONE_REF"},
        "OutputArtifacts": [{"Name": name}],
    }


def _build_action(
    name: str,
    project: str,
    inputs: Sequence[str],
    variables: dict[str, str],
    output: str = "",
    namespace: str = "",
    order: int = 0,
) -> Block:
    values = [{"name": key, "value": value, "type": "PLAINTEXT"} for key, value in variables.items()]
    return {
        "Name": name,
        "ActionTypeId": {"Category": "Build", "Owner": "AWS", "Provider": "CodeBuild", "Version": "1"},
        **({"RunOrder": order} if order else {}),
        **({"Namespace": namespace} if namespace else {}),
        "Configuration": {
            "ProjectName": project,
            **({"PrimarySource": inputs[0]} if len(inputs) > 1 else {}),
            **({"EnvironmentVariables": json.dumps(values)} if values else {}),
        },
        "InputArtifacts": [{"Name": artifact} for artifact in inputs],
        **({"OutputArtifacts": [{"Name": output}]} if output else {}),
    }


def _manifest_pipeline(config: Config) -> Block:
    validate = _build_action(
        "Validate", names.project(config, names.VALIDATE), ["Manifests"], {}, output="Plans", namespace="Validate"
    )
    stages: list[Block] = [
        {"Name": "Source", "Actions": [_source_action("Manifests", config.manifests)]},
        {"Name": "Validate", "Actions": [validate]},
    ]
    if names.DEPLOY_PLATFORM in names.projects(config):
        stages.append({"Name": "Platform", "Actions": list(_platform_actions(config))})
    stages += [
        {"Name": names.logical(environment.name), "Actions": list(_environment_actions(config, environment))}
        for environment in config.environments
    ]
    return _pipeline(
        config,
        names.manifest_pipeline(config),
        stages,
        {
            Comment("One release after the other: none is skipped, none overtakes."): None,
            "ExecutionMode": "QUEUED",
            **_manifest_triggers(config),
        },
    )


def _manifest_triggers(config: Config) -> Block:
    if not config.manifests.connection:
        return {}
    push = [{"Branches": {"Includes": [config.manifests.branch]}}]
    git = {"SourceActionName": "Manifests", "Push": push}
    return {"Triggers": [{"ProviderType": "CodeStarSourceConnection", "GitConfiguration": git}]}


def _platform_actions(config: Config) -> Iterator[Block]:
    """One action a cluster, at the same time; each deploys the overlays in order."""
    for cluster in names.platform_clusters(config):
        variables = {"GITOPS_TARGET": "platform", "GITOPS_CLUSTER": cluster.name}
        variables |= _role_in_account(config, names.DEPLOY_PLATFORM, cluster)
        yield _build_action(
            names.logical("Deploy", cluster.name),
            names.project(config, names.DEPLOY_PLATFORM),
            ["Manifests"],
            variables,
        )


def _role_in_account(config: Config, duty: str, cluster: Cluster) -> dict[str, str]:
    account, region = names.place_of(config, cluster)
    if account == config.account:
        return {}
    return {"GITOPS_ROLE_ARN": f"arn:{names.partition(region)}:iam::{account}:role/{names.role(config, duty)}"}


def _environment_actions(config: Config, environment: Environment) -> Iterator[Block]:
    project = names.project(config, names.deploy_duty(environment))
    target = {"GITOPS_TARGET": environment.name}
    if environment.cluster:
        target |= _role_in_account(config, names.deploy_duty(environment), config.cluster(environment.cluster))
    if not environment.approval:
        yield _build_action("Deploy", project, ["Manifests"], target)
        return
    stage = names.logical(environment.name)
    plan = f"{stage}Plan"
    yield _build_action(
        "Plan", project, ["Manifests"], {**target, "GITOPS_STEP": "plan"}, output=plan, namespace=plan, order=1
    )
    yield {
        "Name": "Approve",
        "ActionTypeId": {"Category": "Approval", "Owner": "AWS", "Provider": "Manual", "Version": "1"},
        "RunOrder": 2,
        Comment("A plan is good for an hour; after that, retry the stage: it plans again."): None,
        "TimeoutInMinutes": APPROVAL_MINUTES,
        "Configuration": {
            "NotificationArn": names.sub(names.topic_arn(config)),
            Comment("What is approved is this plan: the deploy carries out exactly it, or stops."): None,
            "CustomData": f"{environment.name}: #{{{plan}.PLAN_SUMMARY}}",
        },
    }
    yield _build_action("Deploy", project, ["Manifests", plan], {**target, "GITOPS_PLAN": plan}, order=3)
