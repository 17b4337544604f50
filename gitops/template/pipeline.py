"""`pipeline.yaml`: repositories, artifact bucket, builds, the two pipelines, and what starts them.

source repository -> build -> bump -> (a commit in) the manifest repository -> validate -> platform -> each environment
"""

import json
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

from gitops.config import Cluster, Config, Environment, Repository
from gitops.errors import GitopsError
from gitops.template import catalogues, names
from gitops.template.buildspecs import FOLDER, buildspecs
from gitops.template.yaml_text import Comment, Tagged

Resources = dict[Any, Any]

KEEP_IMAGES = 200
"""Images of a repository that lifecycle rules keep: a rollback needs its image for as long as anyone may want it."""

APPROVAL_MINUTES = 55
"""How long an approval waits: a little less than a saved plan is good for, so that none is approved in vain."""

PRIVILEGED_SKIP = "Docker builds an image here; the role can push to its own repositories only."


def pipeline(config: Config) -> Resources:
    """The template. Raises `GitopsError` where it would be over one of CodePipeline's quotas."""
    check_quotas(config)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{config.name}: from a push to the source repository to a release on the clusters.",
        "Parameters": _parameters(),
        "Resources": {
            **_image_repositories(config),
            **_code_repositories(config),
            **_projects(config),
            **_pipelines(config),
            **_starts(config),
        },
        "Outputs": dict(_outputs(config)),
    }


def check_quotas(config: Config) -> None:
    """Raise `GitopsError` for the first of CodePipeline's quotas that `config` would break."""
    file = config.file
    stages = 2 + bool(names.DEPLOY_PLATFORM in names.projects(config)) + len(config.environments)
    if stages > catalogues.quota("stages"):
        most = catalogues.quota("stages") - stages + len(config.environments)
        raise GitopsError(
            file, f"{len(config.environments)} environments make {stages} stages, and a pipeline has at most"
            f" {catalogues.quota('stages')}", f"at most {most} environments, or two systems"
        )  # fmt: skip
    clusters = len(names.platform_clusters(config))
    if clusters > catalogues.quota("actionsPerStage"):
        raise GitopsError(
            file, f"{clusters} clusters make as many actions of a stage, which has at most"
            f" {catalogues.quota('actionsPerStage')}", "name fewer in platform.clusters"
        )  # fmt: skip
    listed = len(_all_images(config))
    if listed > catalogues.quota("configurationValue"):
        raise GitopsError(
            file, f"the names of the images take {listed} characters, over the"
            f" {catalogues.quota('configurationValue')} of a pipeline's variable", "shorten them, or make two systems"
        )  # fmt: skip
    patterns = len(_folders(config))
    most = catalogues.quota("pathPatterns") * catalogues.quota("pushFilters")
    if config.source.connection and patterns > most:
        raise GitopsError(
            file, f"{patterns} folders are built from, and a trigger has at most {most} path patterns",
            "put images that change together under one folder"
        )  # fmt: skip


def _parameters() -> Resources:
    return {
        "ToolkitWheel": {
            "Type": "String",
            "Description": "Where builds find the toolkit's wheel: an s3 address. Set by gitops pipeline up.",
        },
        "ToolkitSha256": {
            "Type": "String",
            "Description": "SHA-256 of that wheel: the one hash that builds trust. Set by gitops pipeline up.",
            "AllowedPattern": "[0-9a-f]{64}",
        },
    }


def _kept() -> Resources:
    return {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def _skip(**reasons: str) -> Resources:
    """checkov's checks that do not apply, each with its reason."""
    return {"Metadata": {"checkov": {"skip": [{"id": check, "comment": why} for check, why in reasons.items()]}}}


# Repositories


def _image_repositories(config: Config) -> Resources:
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


def _pullers(config: Config) -> Resources:
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


def _code_repositories(config: Config) -> Resources:
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


# Builds


def _projects(config: Config) -> Resources:
    described = {
        names.BUILD: "Builds, scans and pushes the images.",
        names.BUMP: "Commits the new images to the manifest repository.",
        names.VALIDATE: "Checks the manifests and plans.",
        names.REVIEW: "Checks a pull request and comments on it.",
        names.DEPLOY_PLATFORM: "Deploys the platform overlays.",
    }
    for environment in config.environments:
        described[names.deploy_duty(environment)] = f"Deploys {environment.name}."
    return {names.logical(duty, "Project"): _project(config, duty, described[duty]) for duty in names.projects(config)}


def _project(config: Config, duty: str, description: str) -> Resources:
    image = catalogues.build_image(config.pipeline.image)
    builds_images = duty == names.BUILD
    return {
        "Type": "AWS::CodeBuild::Project",
        **(_skip(CKV_AWS_316=PRIVILEGED_SKIP) if builds_images else {}),
        "Properties": {
            "Name": names.project(config, duty),
            "Description": description,
            "ServiceRole": names.sub(names.role_arn(config, duty)),
            "EncryptionKey": names.key_arn(config),
            "TimeoutInMinutes": 60,
            "QueuedTimeoutInMinutes": 60,
            **_origin(config, duty),
            "Environment": {
                "Type": image.environment,
                "Image": image.name,
                "ComputeType": catalogues.allowed(
                    "codebuild", "compute", "BUILD_GENERAL1_MEDIUM" if builds_images else "BUILD_GENERAL1_SMALL"
                ),
                **({Comment("For Docker."): None} if builds_images else {}),
                "PrivilegedMode": builds_images,
                "EnvironmentVariables": [
                    {"Name": "GITOPS_WHEEL", "Value": Tagged("!Ref", "ToolkitWheel")},
                    {"Name": "GITOPS_WHEEL_SHA256", "Value": Tagged("!Ref", "ToolkitSha256")},
                    *([{"Name": "GITOPS_ROLE", "Value": names.role(config, duty)}] if duty == names.REVIEW else []),
                ],
            },
            "Cache": {"Type": "LOCAL", "Modes": _cache_modes(builds_images)},
            "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": names.build_log_group(config, duty)}},
        },
    }


def _cache_modes(builds_images: bool) -> list[str]:
    return ["LOCAL_CUSTOM_CACHE", *(["LOCAL_DOCKER_LAYER_CACHE"] if builds_images else [])]


def _origin(config: Config, duty: str) -> Resources:
    """Source and artifacts of a project: the pipeline's, or for the check of pull requests the repository itself."""
    if duty == names.REVIEW:
        text = buildspecs(config)[f"{FOLDER}/{names.VALIDATE}.yaml"].decode()
        return {
            "Source": {
                "Type": "CODECOMMIT",
                "Location": names.sub(
                    f"https://git-codecommit.{names.REGION}.${{AWS::URLSuffix}}/v1/repos/{config.manifests.repository}"
                ),
                Comment(
                    "The buildspec of this stack, not the pull request's own: who writes one must not decide\n"
                    "what checks it."
                ): None,
                "BuildSpec": text,
            },
            "Artifacts": {"Type": "NO_ARTIFACTS"},
        }
    file = names.BUILD if duty == names.BUILD else duty.partition("-")[0]
    return {
        "Source": {"Type": "CODEPIPELINE", "BuildSpec": f"{FOLDER}/{file}.yaml"},
        "Artifacts": {"Type": "CODEPIPELINE"},
    }


# Pipelines


def _pipelines(config: Config) -> Resources:
    return {"SourcePipeline": _source_pipeline(config), "ManifestPipeline": _manifest_pipeline(config)}


def _pipeline(config: Config, name: str, stages: Sequence[Resources], more: Resources) -> Resources:
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


def _source_pipeline(config: Config) -> Resources:
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
        "DefaultValue": _all_images(config),
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


def _all_images(config: Config) -> str:
    return " ".join(image.name for image in config.images)


def _folders(config: Config) -> list[str]:
    """The folders that images are built from; empty where one is the whole repository."""
    folders = list(dict.fromkeys(image.context.rstrip("/") for image in config.images))
    return [] if "." in folders else folders


def _triggers(config: Config) -> Resources:
    """Path filters of a connection, which CodePipeline has itself: at most 8 patterns in each of 3 filters."""
    if not config.source.connection:
        return {}
    patterns = [f"{folder}/**" for folder in _folders(config)]
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


def _source_action(name: str, repository: Repository) -> Resources:
    if repository.connection:
        provider = "CodeStarSourceConnection"
        settings: Resources = {
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
) -> Resources:
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


def _manifest_pipeline(config: Config) -> Resources:
    validate = _build_action(
        "Validate", names.project(config, names.VALIDATE), ["Manifests"], {}, output="Plans", namespace="Validate"
    )
    stages = [
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


def _manifest_triggers(config: Config) -> Resources:
    if not config.manifests.connection:
        return {}
    push = [{"Branches": {"Includes": [config.manifests.branch]}}]
    git = {"SourceActionName": "Manifests", "Push": push}
    return {"Triggers": [{"ProviderType": "CodeStarSourceConnection", "GitConfiguration": git}]}


def _platform_actions(config: Config) -> Iterator[Resources]:
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


def _environment_actions(config: Config, environment: Environment) -> Iterator[Resources]:
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


# What starts them


def _starts(config: Config) -> Resources:
    resources: Resources = {}
    if names.uses_codecommit(config.source):
        if names.filters_paths(config):
            resources |= _path_filter(config)
            target = {"Id": "PathFilter", "Arn": Tagged("!GetAtt", "PathFilter.Arn")}
        else:
            target = _pipeline_target(config, names.source_pipeline(config))
        resources["SourcePushed"] = _pushed(config.source, "A push to the source repository.", target)
    if names.uses_codecommit(config.manifests):
        target = _pipeline_target(config, names.manifest_pipeline(config))
        resources["ManifestsPushed"] = _pushed(config.manifests, "A push to the manifest repository.", target)
        resources["ManifestsReviewed"] = _reviewed(config)
    return resources


def _pipeline_target(config: Config, name: str) -> Resources:
    return {
        "Id": "Pipeline",
        "Arn": names.sub(names.pipeline_arn(name)),
        "RoleArn": names.sub(names.role_arn(config, names.EVENTS)),
    }


def _pushed(repository: Repository, description: str, target: Resources) -> Resources:
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "Description": description,
            "State": "ENABLED",
            "EventPattern": {
                "source": ["aws.codecommit"],
                "detail-type": ["CodeCommit Repository State Change"],
                "resources": [names.sub(names.repository_arn(repository))],
                "detail": {
                    "event": ["referenceCreated", "referenceUpdated"],
                    "referenceType": ["branch"],
                    "referenceName": [repository.branch],
                },
            },
            "Targets": [target],
        },
    }


def _reviewed(config: Config) -> Resources:
    """A pull request of the manifest repository: its commit is checked and planned, and the plan becomes a comment."""
    overrides = {"PULL_REQUEST_ID": "<id>", "SOURCE_COMMIT": "<commit>", "DESTINATION_COMMIT": "<base>"}
    values = [{"name": name, "value": value, "type": "PLAINTEXT"} for name, value in overrides.items()]
    request = json.dumps({"sourceVersion": "<commit>", "environmentVariablesOverride": values}, indent=2)
    # EventBridge puts the quotes around a value itself
    template = re.sub(r'"(<\w+>)"', r"\1", request) + "\n"
    paths = {
        "id": "$.detail.pullRequestId",
        "commit": "$.detail.sourceCommit",
        "base": "$.detail.destinationCommit",
    }
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "Description": "A pull request of the manifest repository.",
            "State": "ENABLED",
            "EventPattern": {
                "source": ["aws.codecommit"],
                "detail-type": ["CodeCommit Pull Request State Change"],
                "resources": [names.sub(names.repository_arn(config.manifests))],
                "detail": {
                    "event": ["pullRequestCreated", "pullRequestSourceBranchUpdated"],
                    "destinationReference": [f"refs/heads/{config.manifests.branch}"],
                },
            },
            "Targets": [
                {
                    "Id": "Review",
                    "Arn": names.sub(names.project_arn(config, names.REVIEW)),
                    "RoleArn": names.sub(names.role_arn(config, names.EVENTS)),
                    "InputTransformer": {
                        "InputPathsMap": paths,
                        "InputTemplate": template,
                    },
                }
            ],
        },
    }


def _path_filter(config: Config) -> Resources:
    code = resources.files("gitops.template").joinpath("functions/path_filter.py").read_text("utf-8")
    folders = {image.name: image.context.rstrip("/") for image in config.images}
    return {
        "PathFilter": {
            "Type": "AWS::Lambda::Function",
            **_skip(
                CKV_AWS_115="Pushes are rare; a reservation would take its share from the account's other functions.",
                CKV_AWS_117="It calls AWS APIs only; nothing of it is in a network of yours.",
            ),
            "Properties": {
                "FunctionName": names.role(config, names.PATH_FILTER),
                "Description": "Starts the source pipeline for the images that a push changed.",
                "Runtime": catalogues.allowed("lambda", "runtime", f"python{config.pipeline.python}"),
                "Handler": "index.handler",
                "Role": names.sub(names.role_arn(config, names.PATH_FILTER)),
                "Timeout": 60,
                "MemorySize": 256,
                "KmsKeyArn": names.key_arn(config),
                "TracingConfig": {"Mode": "PassThrough"},
                Comment("A push that it failed on twice is told to people."): None,
                "DeadLetterConfig": {"TargetArn": names.sub(names.topic_arn(config))},
                "Environment": {
                    "Variables": {
                        "PIPELINE": names.source_pipeline(config),
                        Comment("Image -> the folder that it is built from."): None,
                        "FOLDERS": json.dumps(folders, indent=2),
                    }
                },
                "Code": {"ZipFile": code},
            },
        },
        "PathFilterPermission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": Tagged("!Ref", "PathFilter"),
                "Principal": "events.amazonaws.com",
                "SourceArn": Tagged("!GetAtt", "SourcePushed.Arn"),
            },
        },
    }


def _outputs(config: Config) -> Iterator[tuple[str, Resources]]:
    for kind, repository in (("Source", config.source), ("Manifest", config.manifests)):
        if names.uses_codecommit(repository):
            yield (
                f"{kind}CloneUrl",
                {
                    "Description": f"Clone the {kind.lower()} repository from here.",
                    "Value": names.sub(
                        f"https://git-codecommit.{names.REGION}.${{AWS::URLSuffix}}/v1/repos/{repository.repository}"
                    ),
                },
            )
    yield "SourcePipeline", {"Description": "From source to a bump.", "Value": Tagged("!Ref", "SourcePipeline")}
    yield "ManifestPipeline", {"Description": "From a bump to a release.", "Value": Tagged("!Ref", "ManifestPipeline")}
