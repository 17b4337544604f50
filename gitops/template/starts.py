"""What starts the pipelines: pushes, pull requests, and the path filter that CodePipeline lacks for CodeCommit."""

import json
import re
from importlib import resources

from gitops.config import Config, Repository
from gitops.template import catalogues, names
from gitops.template.suppressions import skip_checks
from gitops.template.yaml_text import Block, Comment, Tagged


def starts(config: Config) -> Block:
    resources: Block = {}
    if names.uses_codecommit(config.source):
        if names.filters_paths(config):
            resources |= _path_filter(config)
            target: Block = {"Id": "PathFilter", "Arn": Tagged("!GetAtt", "PathFilter.Arn")}
        else:
            target = _pipeline_target(config, names.source_pipeline(config))
        resources["SourcePushed"] = _pushed(config.source, "A push to the source repository.", target)
    if names.uses_codecommit(config.manifests):
        target = _pipeline_target(config, names.manifest_pipeline(config))
        resources["ManifestsPushed"] = _pushed(config.manifests, "A push to the manifest repository.", target)
        resources["ManifestsReviewed"] = _reviewed(config)
    return resources


def _pipeline_target(config: Config, name: str) -> Block:
    return {
        "Id": "Pipeline",
        "Arn": names.sub(names.pipeline_arn(name)),
        "RoleArn": names.sub(names.role_arn(config, names.EVENTS)),
    }


def _pushed(repository: Repository, description: str, target: Block) -> Block:
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


def _reviewed(config: Config) -> Block:
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


def _path_filter(config: Config) -> Block:
    code = resources.files("gitops.template").joinpath("functions/path_filter.py").read_text("utf-8")
    folders = {image.name: image.context.rstrip("/") for image in config.images}
    return {
        "PathFilter": {
            "Type": "AWS::Lambda::Function",
            **skip_checks(
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
