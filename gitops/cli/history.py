"""`gitops history`: what was released to an environment, and how it ended."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from gitops.cli.cluster_options import cluster_option, context_option
from gitops.cli.output_option import output_option

if TYPE_CHECKING:
    from gitops.cli.context import Context


@click.command()
@click.argument("name", metavar="ENV")
@cluster_option
@context_option
@output_option("text", "json")
@click.pass_obj
def command(context: "Context", name: str, cluster: str, kube_context: str, form: str) -> None:
    """List the releases of ENV, newest first: from its inventory, and the subjects from git."""
    from gitops.cli.output import echo, echo_json, style, table
    from gitops.cli.release_options import release_of
    from gitops.config.overlays import overlays_named
    from gitops.revisions import Revisions

    revisions = Revisions(context.root)
    overlays = overlays_named(context.config, name, cluster)
    documents: list[dict[str, Any]] = []
    for overlay in overlays:
        target = context.target(overlay, kube_context)
        entries = target.inventory(release_of(context, overlay, target.name, "", "")).history
        if form == "json":
            where = {"environment": overlay.name, "target": target.name} if len(overlays) > 1 else {}
            documents += [{**where, **asdict(entry)} for entry in entries]
            continue
        if len(overlays) > 1:
            echo(style(f"{overlay.name} on {target.name}", "bold"))
        rows = [
            (
                each.started,
                each.revision[:7],
                each.result,
                each.changes,
                each.run,
                each.title or revisions.title(each.revision),
            )
            for each in entries
        ]
        head = ("STARTED", "REVISION", "RESULT", "CHANGES", "RUN", "TITLE")
        echo(table([head, *rows]) if rows else f"{overlay.name}: nothing was released yet")
    if form == "json":
        echo_json(documents)
