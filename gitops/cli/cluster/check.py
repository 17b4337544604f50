"""`gitops cluster check`: what a cluster lacks for a deployment."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gitops.cli.output import echo, echo_json, style, table
from gitops.cli.output_option import output_option
from gitops.errors import DONE, FAILED, count_of

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.cluster.checks import Finding

_STYLES = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command()
@click.argument("cluster", required=False)
@output_option("text", "json")
@click.pass_obj
def command(context: "Context", cluster: str | None, form: str) -> int:
    """Check CLUSTER, or every cluster of gitops.yaml, before the first deployment. Changes nothing.

    Exit 1 where something would stop a deployment.
    """
    from gitops.cluster.checks import check_cluster

    config = context.config
    clusters = [config.cluster(cluster)] if cluster else list(config.clusters)
    today = datetime.now(UTC).date()
    found = {c.name: check_cluster(config, c, context.cluster_settings(c).cluster(), today) for c in clusters}
    if form == "json":
        echo_json({name: [asdict(finding) for finding in findings] for name, findings in found.items()})
    else:
        for name, findings in found.items():
            _show(name, findings)
    return FAILED if any(each.level == "error" for findings in found.values() for each in findings) else DONE


def _show(name: str, findings: "list[Finding]") -> None:
    echo(style(name, "bold"))
    for line, finding in zip(_lines(findings), findings, strict=True):
        echo(style(line, _STYLES[finding.level]))
        if finding.hint:
            echo(f"      try: {finding.hint}")
    count = {level: sum(each.level == level for each in findings) for level in ("error", "warning", "ok")}
    echo(f"{name}: {count_of(count['error'], 'error')}, {count_of(count['warning'], 'warning')}, {count['ok']} ok")


def _lines(findings: "list[Finding]") -> list[str]:
    return table([(each.level, each.subject, each.text) for each in findings], indent="  ").splitlines()
