"""`gitops pipeline status`: the stages of both pipelines, with revision and image."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from gitops.cli.context import Context
from gitops.cli.output import echo, echo_json, style, table
from gitops.cli.output_option import output_option

if TYPE_CHECKING:
    from gitops.stacks.pipelines import StageStatus

WORDS = {
    "Succeeded": ("succeeded", "green"),
    "InProgress": ("in progress", "yellow"),
    "Failed": ("failed", "red"),
    "Stopped": ("stopped", "yellow"),
    "Stopping": ("stopping", "yellow"),
    "Cancelled": ("cancelled", "yellow"),
    "NeverRun": ("never run", "dim"),
}


@click.command()
@output_option("text", "json")
@click.pass_obj
def command(context: Context, form: str) -> None:
    """Show the stages of both pipelines: state, since when, the commit in each, and its images.

    The images of an environment are read from the clone that this is run in; a commit that it has not shows none.
    """
    from gitops.clients.codepipeline import Pipelines
    from gitops.stacks.pipelines import stage_statuses

    def images_of(revision: str, environment: str) -> Mapping[str, str]:
        return context.images_at(revision, environment)

    statuses = list(stage_statuses(context.config, Pipelines(context.config.region), images_of))
    if form == "json":
        echo_json([_plain(status) for status in statuses])
        return
    for pipeline in dict.fromkeys(status.pipeline for status in statuses):
        echo(style(pipeline, "bold"))
        _show([status for status in statuses if status.pipeline == pipeline])


def _show(statuses: "list[StageStatus]") -> None:
    rows = [["STAGE", "STATUS", "SINCE", "REVISION", "IMAGES"]]
    for status in statuses:
        since = f"{status.stage.changed:%m-%d %H:%M}" if status.stage.changed else "-"
        word = WORDS.get(status.stage.status, (status.stage.status, "yellow"))[0]
        rows.append([status.stage.name, word, since, status.revision[:7] or "-", " ".join(status.images) or "-"])
    for line, shown in zip(table(rows, "  ").splitlines(), [None, *statuses], strict=True):
        word, color = WORDS.get(shown.stage.status, ("", "yellow")) if shown else ("", "dim")
        echo(line.replace(word, style(word, color), 1) if word else line)
        if shown and shown.stage.message and shown.stage.status in ("Failed", "InProgress"):
            echo(f"    {shown.stage.message}")


def _plain(status: "StageStatus") -> dict[str, object]:
    return {
        "pipeline": status.pipeline,
        "stage": status.stage.name,
        "status": status.stage.status,
        "since": status.stage.changed.isoformat() if status.stage.changed else None,
        "revision": status.revision,
        "images": list(status.images),
        "message": status.stage.message,
    }
