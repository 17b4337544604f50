"""What the two pipelines do right now: each stage with its revision, and the images of that revision."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gitops.clients.codepipeline import Execution, Pipelines, Stage
from gitops.config import Config
from gitops.template import names

ImagesOf = Callable[[str, str], Mapping[str, str]]
"""Commit of the manifest repository and name of an environment -> image -> tag; empty where it is not known."""


@dataclass(frozen=True)
class StageStatus:
    """A stage, the commit that is in it, and the images as `name:tag`."""

    pipeline: str
    stage: Stage
    revision: str = ""
    images: tuple[str, ...] = ()


def stage_statuses(config: Config, pipelines: Pipelines, images_of: ImagesOf) -> Iterator[StageStatus]:
    """The stages of the source pipeline, then those of the manifest pipeline."""
    source, manifests = names.source_pipeline(config), names.manifest_pipeline(config)
    for stage, run in _stages_with_runs(pipelines, source):
        images = run.variables.get("Build.IMAGES", "") if run else ""
        yield StageStatus(source, stage, run.revisions.get("Source", "") if run else "", tuple(images.split()))
    environments = {names.logical(each.name): each.name for each in config.environments}
    for stage, run in _stages_with_runs(pipelines, manifests):
        revision = run.revisions.get("Manifests", "") if run else ""
        found = images_of(revision, environments[stage.name]) if revision and stage.name in environments else {}
        yield StageStatus(manifests, stage, revision, tuple(f"{name}:{tag}" for name, tag in found.items()))


def _stages_with_runs(pipelines: Pipelines, name: str) -> Iterator[tuple[Stage, Execution | None]]:
    """Each stage with the run that is in it; stages share runs, which are asked for once."""
    runs: dict[str, Execution] = {}
    for stage in pipelines.stages(name):
        if stage.execution and stage.execution not in runs:
            runs[stage.execution] = pipelines.execution(name, stage.execution)
        yield stage, runs.get(stage.execution)


LIMIT = 10_240
"""Characters that a comment of CodeCommit takes."""

MARKER = "*gitops · checks and plan*"
"""The last line of our comment on a pull request: it is known by that."""


def report(plans: Sequence[tuple[str, str]], passed: bool, build_url: str) -> str:
    """The comment on a pull request: the verdict, then each plan (name, Markdown), within CodeCommit's limit."""
    verdict = "**Checks passed.** This is what a deploy of it would change." if passed else "**Checks failed.**"
    log = f"[Log of the build]({build_url})" if build_url else ""
    sections = [f"#### {name}\n\n{text.strip()}" for name, text in plans]
    body = "\n\n".join(part for part in (verdict, log, *sections) if part)
    end = f"\n\n{MARKER}"
    cut = f"\n\n… cut: a comment takes {LIMIT:,} characters; the rest is in the log."
    if len(body) + len(end) > LIMIT:
        body = body[: LIMIT - len(end) - len(cut)] + cut
    return body + end
