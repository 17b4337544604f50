"""`gitops history`: what was released to an environment, and how it ended."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from gitops.cli.cluster_options import cluster_option, context_option
from gitops.cli.output_option import output_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitops.cli.context import Context
    from gitops.config.overlays import Overlay
    from gitops.inventory import Entry
    from gitops.revisions import Revisions


@click.command()
@click.argument("name", metavar="ENV")
@cluster_option
@context_option
@output_option("text", "json")
@click.pass_obj
def command(context: "Context", name: str, cluster: str, kube_context: str, form: str) -> None:
    """List the releases of ENV, newest first: from its inventory, and the subjects from git.

    ENV is an environment, an overlay of the platform, `platform` for all of these, or `all`. Of several, those that can
    be read are told; the exit code is 1 where one cannot.
    """
    from gitops.cli.one_by_one import one_by_one
    from gitops.cli.output import echo, echo_json, style
    from gitops.cli.release_options import release_of
    from gitops.config.overlays import overlays_named
    from gitops.revisions import Revisions

    revisions = Revisions(context.root)
    overlays = overlays_named(context.config, name, cluster)
    documents: list[dict[str, Any]] = []

    def tell(overlay: "Overlay") -> None:
        target = context.target(overlay, kube_context)
        entries = target.inventory(release_of(context, overlay, target.name, "", "")).history
        if form == "json":
            where = {"environment": overlay.name, "target": target.name} if len(overlays) > 1 else {}
            documents.extend({**where, **asdict(entry)} for entry in entries)
            return
        if len(overlays) > 1:
            echo(style(f"{overlay.name} on {target.name}", "bold"))
        echo(_rows(entries, revisions) if entries else f"{overlay.name}: nothing was released yet")

    try:
        one_by_one(overlays, tell)
    finally:
        if form == "json":
            echo_json(documents)


def _rows(entries: "Sequence[Entry]", revisions: "Revisions") -> str:
    from gitops.cli.output import fitted
    from gitops.hidden import without

    head = ("STARTED", "REVISION", "RESULT", "CHANGES", "RUN", "TITLE")
    titles = (each.title or revisions.title(each.revision) for each in entries)
    rows = [
        # Hidden before it is cut: half of a secret would not be known for one.
        (
            _moment(each.started),
            each.revision[:7],
            each.result,
            _changes(each.changes),
            each.run,
            without(" ".join(title.split())),
        )
        for each, title in zip(entries, titles, strict=True)
    ]
    # A rendered target knows neither run nor changes.
    told = [number for number in range(len(head)) if any(row[number] for row in rows)]
    return fitted([[row[number] for number in told] for row in (head, *rows)], whole=(0, 1, 2))


def _changes(text: str) -> str:
    """As the plan counted them; together where there are several kinds, which JSON tells apart."""
    import re

    counts = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?= )", text)]
    return f"{sum(counts):,} changes" if len(counts) > 1 else text


def _moment(text: str) -> str:
    """To the minute, UTC; JSON has the seconds."""
    return f"{text[:16]}Z"
