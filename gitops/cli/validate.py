"""`gitops validate`: check every overlay offline."""

from collections import Counter
from collections.abc import Sequence

import click

from gitops import __version__
from gitops.cli import leave
from gitops.cli.cache_option import no_cache_option
from gitops.cli.context import Context
from gitops.cli.output import echo, echo_json, style
from gitops.cli.output_option import output_option
from gitops.cli.overlays import overlays_of
from gitops.errors import FAILED, GitopsError, Problems, UsageError, count_of
from gitops.render.verify import difference
from gitops.validate import Finding, Overlay, validate
from gitops.validate.report import as_json, as_junit, as_sarif
from gitops.validate.running import WORKLOADS, would_be_refused

_COLORS = {"error": "red", "warning": "yellow", "note": "dim"}
_RUNNING = "Ask the clusters instead: what runs there that this level of Pod Security would refuse?"


@click.command()
@click.argument("names", nargs=-1)
@output_option("text", "json", "sarif", "junit")
@click.option("--verify-render", is_flag=True, help="Render with kustomize too; exit 1 where the objects differ.")
@no_cache_option
@click.option("--running", metavar="LEVEL", type=click.Choice(["baseline", "restricted"]), help=_RUNNING)
@click.option("--context", "kube_context", default="", help="With --running: context of the kubeconfig to use.")
@click.pass_obj
def command(
    context: Context, names: tuple[str, ...], form: str, verify_render: bool, running: str | None, kube_context: str
) -> None:
    """Render the overlays NAMES (all by default) and check them offline; exit 1 where there are errors.

    Without NAMES the repository's CloudFormation templates, scripts, buildspecs and documents are checked too.

    A comment on a line leaves a finding out there: # gitops: ignore F002
    """
    if running:
        _ask_clusters(context, names, running, kube_context)
        return
    overlays, failed = overlays_of(context.config, context.root, names, context.render_cache, context.remotes)
    if verify_render:
        _verify(context, overlays)
    findings = sorted([*failed, *validate(overlays, whole=not names)])
    if form == "json":
        echo_json(as_json(findings))
    elif form == "sarif":
        echo_json(as_sarif(findings, __version__))
    elif form == "junit":
        echo(as_junit(findings, [overlay.folder for overlay in overlays]))
    else:
        _show(findings, len(overlays), sum(len(overlay.objects) for overlay in overlays))
    if any(finding.severity == "error" for finding in findings):
        leave(FAILED)


def _verify(context: Context, overlays: Sequence[Overlay]) -> None:
    """Raises `Problems` for the overlays that kustomize renders to other objects."""
    differ = [
        GitopsError(each.folder, "kustomize renders other objects", "gitops render ENV --verify shows which")
        for each in overlays
        if each.objects and difference(context.root, each.folder, each.objects)
    ]
    if differ:
        raise Problems(differ)


def _show(findings: list[Finding], overlays: int, objects: int) -> None:
    for finding in findings:
        severity = style(finding.severity, _COLORS[finding.severity])
        echo(f"{finding.file}:{finding.line}: {severity} {finding.code} {finding.what}")
        echo(f"  {finding.why}; {finding.fix}")
    number = Counter(finding.severity for finding in findings)
    said = f"{count_of(number['error'], 'error')}, {count_of(number['warning'], 'warning')}" if findings else "valid"
    noted = f", {count_of(number['note'], 'note')}" if number["note"] else ""
    echo(f"{said}{noted} · {count_of(overlays, 'overlay')}, {count_of(objects, 'object')}")


def _ask_clusters(context: Context, names: tuple[str, ...], level: str, kube_context: str) -> None:
    """Say of each environment which of its running workloads `level` would refuse; exit 1 where there are any."""
    refused = 0
    environments = [context.config.environment(name) for name in names] or context.config.environments
    for environment in environments:
        if not (environment.cluster or kube_context):
            raise UsageError(environment.name, "is not on a cluster", "name environments that are, or give --context")
        cluster = context.cluster(environment.cluster or "", kube_context)
        objects = [o for kind in WORKLOADS for o in cluster.list(*kind, environment.namespace).objects]
        found = would_be_refused(objects, level)
        refused += len(found)
        workloads = count_of(len({ref for ref, _ in found}), "workload")
        said = f"{level} would refuse {workloads}" if found else f"{level} refuses nothing"
        echo(f"{environment.name} on {cluster.name}: {said}")
        for ref, what in found:
            echo(f"  {ref}: {what}")
    if refused:
        leave(FAILED)
