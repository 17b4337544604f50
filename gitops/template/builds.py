"""CodeBuild projects, one for each duty, each under the role of that duty."""

from gitops.config import Config
from gitops.template import catalogues, names
from gitops.template.buildspecs import FOLDER, buildspecs
from gitops.template.suppressions import skip_checks
from gitops.template.yaml_text import Block, Comment, Tagged

PRIVILEGED_SKIP = "Docker builds an image here; the role can push to its own repositories only."


def projects(config: Config) -> Block:
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


def _project(config: Config, duty: str, description: str) -> Block:
    image = catalogues.build_image(config.pipeline.image)
    builds_images = duty == names.BUILD
    return {
        "Type": "AWS::CodeBuild::Project",
        **(skip_checks(CKV_AWS_316=PRIVILEGED_SKIP) if builds_images else {}),
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


def _origin(config: Config, duty: str) -> Block:
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
