"""`pipeline.yaml`: repositories, artifact bucket, builds, the two pipelines, and what starts them.

source repository -> build -> bump -> (a commit in) the manifest repository -> validate -> platform -> each environment
"""

from collections.abc import Iterator

from gitops.config import Config
from gitops.errors import GitopsError
from gitops.template import catalogues, names
from gitops.template.builds import projects
from gitops.template.pipelines import all_images, folders, pipelines
from gitops.template.repositories import code_repositories, image_repositories
from gitops.template.starts import starts
from gitops.template.yaml_text import Block, Tagged


def pipeline(config: Config) -> Block:
    """The template. Raises `GitopsError` where it would be over one of CodePipeline's quotas."""
    check_quotas(config)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{config.name}: from a push to the source repository to a release on the clusters.",
        "Parameters": _parameters(),
        "Resources": {
            **image_repositories(config),
            **code_repositories(config),
            **projects(config),
            **pipelines(config),
            **starts(config),
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
    listed = len(all_images(config))
    if listed > catalogues.quota("configurationValue"):
        raise GitopsError(
            file, f"the names of the images take {listed} characters, over the"
            f" {catalogues.quota('configurationValue')} of a pipeline's variable", "shorten them, or make two systems"
        )  # fmt: skip
    patterns = len(folders(config))
    most = catalogues.quota("pathPatterns") * catalogues.quota("pushFilters")
    if config.source.connection and patterns > most:
        raise GitopsError(
            file, f"{patterns} folders are built from, and a trigger has at most {most} path patterns",
            "put images that change together under one folder"
        )  # fmt: skip


def _parameters() -> Block:
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


def _outputs(config: Config) -> Iterator[tuple[str, Block]]:
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
