"""Checks of the pipelines and builds that CloudFormation templates make. Pure."""

from collections.abc import Iterator

from gitops.errors import GitopsError
from gitops.template.catalogues import build_image
from gitops.validate.finding import Finding
from gitops.validate.sources import Path
from gitops.validate.stack_resources import Resource, mappings


def _pipeline(resource: Resource) -> Iterator[Finding]:
    if resource.properties.get("PipelineType") != "V2":
        yield resource.finding("C025", (), "it is of type V1: no triggers, no queue, no rollback of a stage")
    for stage, described in enumerate(mappings(resource.properties.get("Stages"))):
        for action, entry in enumerate(mappings(described.get("Actions"))):
            kind, settings = entry.get("ActionTypeId"), entry.get("Configuration")
            polls = not isinstance(settings, dict) or str(settings.get("PollForSourceChanges", True)).lower() == "true"
            if isinstance(kind, dict) and kind.get("Provider") == "CodeCommit" and polls:
                path: Path = ("Stages", stage, "Actions", action, "Configuration")
                yield resource.finding("C025", path, "it asks for changes again and again, minutes late")


def _build(resource: Resource) -> Iterator[Finding]:
    environment = resource.properties.get("Environment")
    image = environment.get("Image") if isinstance(environment, dict) else None
    if not isinstance(image, str) or not image.startswith("aws/codebuild/"):
        return
    try:
        build_image(image)
    except GitopsError as error:
        yield resource.finding("C026", ("Environment", "Image"), f"{image} {error.problem}; {error.hint}")


PIPELINE_CHECKS = {"AWS::CodePipeline::Pipeline": (_pipeline,), "AWS::CodeBuild::Project": (_build,)}
"""Type of a resource -> its checks."""
