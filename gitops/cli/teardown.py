"""`gitops teardown`: take away what deploys made, in reverse order."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.config.overlays import Overlay

LEFT = (
    "left on purpose: git repositories, images in the registry, the cluster itself",
    "left to the stacks (log groups, alarms, dashboards, Pod Identity roles): gitops pipeline down",
)


@click.command()
@click.argument("name", metavar="ENV|platform|all")
@click.option("--cluster", default="", help="Only on this cluster, of several.")
@click.option("--context", "kube_context", default="", help="Context of the kubeconfig to use; or in-cluster.")
@click.option("--delete-data", is_flag=True, help="Delete volumes too, and the namespaces that claims are in.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(
    context: "Context", name: str, cluster: str, kube_context: str, delete_data: bool, dry_run: bool, yes: bool
) -> None:
    """Delete what deploys of ENV made: an environment, an overlay of the platform, `platform`, or `all`.

    What is deleted is what the inventories say, shown first; run again after a failure, it goes on where that stopped.
    """
    from gitops.cli.output import echo

    overlays = _overlays(context, name, cluster)
    for overlay in overlays:
        _tear_down(context, overlay, kube_context, delete_data, dry_run, yes)
    for line in LEFT:
        echo(line)
    echo("nothing was deleted (--dry-run)" if dry_run else f"torn down: {', '.join(each.name for each in overlays)}")


def _overlays(context: "Context", name: str, cluster: str) -> "list[Overlay]":
    """In reverse order: what was deployed last goes first."""
    from gitops.config.overlays import overlays_named

    return list(reversed(overlays_named(context.config, name.lower(), cluster)))


def _tear_down(
    context: "Context", overlay: "Overlay", kube_context: str, delete_data: bool, dry_run: bool, yes: bool
) -> None:
    from gitops.apply.events import Event
    from gitops.cli.events_view import show
    from gitops.cli.plan_view import show_plans
    from gitops.cli.release_options import release_of
    from gitops.errors import GitopsError
    from gitops.plan.model import Plan
    from gitops.revisions import revision_at
    from gitops.target.cluster import ClusterTarget
    from gitops.teardown import tear_down, teardown_policy

    target = context.target(overlay, kube_context)
    if not isinstance(target, ClusterTarget):
        raise GitopsError(
            overlay.name, "is rendered, not deployed to a cluster", "delete its folder or branch with git"
        )
    release = release_of(context, overlay, target.name, *revision_at(context.root))
    steps = tear_down(release, target, teardown_policy(release, target, delete_data), dry_run)
    decided = next(steps)
    assert isinstance(decided, Plan)
    show_plans([decided], "text", False, "")
    if decided.pending and not dry_run and not yes:
        _confirm(overlay.name, target.name)
    show(step for step in steps if isinstance(step, Event))


def _confirm(name: str, target: str) -> None:
    """Ask on a terminal; elsewhere deleting needs --yes."""
    import sys

    from gitops.errors import GitopsError

    if not sys.stdin.isatty():
        raise GitopsError(name, f"on {target} would be deleted, and nobody is there to ask", "give --yes")
    click.confirm(f"delete {name} on {target}?", abort=True)
