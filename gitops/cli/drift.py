"""`gitops drift`: what differs from the released revision, who changed it, since when."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.plan.drift import Drift


@click.command()
@click.argument("name", metavar="ENV")
@click.option("--cluster", default="", help="Only on this cluster, of several.")
@click.option("--context", "kube_context", default="", help="Context of the kubeconfig to use; or in-cluster.")
@click.option("--output", "-o", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--fix", is_flag=True, help="Deploy the released revision again, and take the changed fields back.")
@click.pass_obj
def command(context: "Context", name: str, cluster: str, kube_context: str, form: str, fix: bool) -> int:
    """Compare ENV with the revision that was released to it. Exits with 3 where they differ.

    What is compared is what the revision says: fields that others add, and `replicas` under an autoscaler, are no
    drift.
    """
    from gitops.cli.output import echo, echo_json, style
    from gitops.config.overlays import overlays_named
    from gitops.errors import DONE, PENDING
    from gitops.plan.drift import drifts

    found: list[Drift] = []
    for overlay in overlays_named(context.config, name, cluster):
        release, objects = context.released(overlay, kube_context)
        here = drifts(context.plan_of(overlay, kube_context, release, objects))
        if form == "text":
            state = f"{len(here)} differ" if here else "as released"
            echo(style(f"{overlay.name} on {release.target} · {release.revision[:7]} · {state}", "bold"))
            echo("\n".join(_lines(here))) if here else None
        found += here
        if fix and here:
            context.fix(overlay, kube_context, release, objects, frozenset(str(drift.ref) for drift in here))
            echo(f"{overlay.name}: {release.revision[:7]} is deployed again")
    if form == "json":
        echo_json([{**drift._asdict(), "ref": str(drift.ref)} for drift in found])
    return PENDING if found and not fix else DONE


def _lines(found: "list[Drift] | tuple[Drift, ...]") -> list[str]:
    from gitops.cli.output import table

    rows = [
        (str(drift.ref), drift.path or "deleted", f"{_short(drift.released)} -> {_short(drift.live)}", _who(drift))
        for drift in found
    ]
    return table(rows, indent="  ").splitlines()


def _who(drift: "Drift") -> str:
    return f"{drift.manager} since {drift.since}" if drift.manager else ""


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
