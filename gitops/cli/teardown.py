"""`gitops teardown`: take away what deploys made, in reverse order."""

from typing import TYPE_CHECKING

import click

from gitops.cli.cluster_options import cluster_option, context_option

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.config.overlays import Overlay

LEFT = "left on purpose: git repositories, images in the registry, the key that encrypts them, the cluster itself"
WHOLE = ("platform", "all")
STACKS = "log groups, alarms, dashboards, Pod Identity roles, the pipelines"


@click.command()
@click.argument("name", metavar="ENV|platform|all")
@cluster_option
@context_option
@click.option("--delete-data", is_flag=True, help="Delete volumes too, and the namespaces that claims are in.")
@click.option("--stacks/--no-stacks", default=None, help="The stacks too: by default with `all`, on EKS's clusters.")
@click.option("--keep-logs", is_flag=True, help="With the stacks: leave the log groups and what is in them.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(
    context: "Context",
    name: str,
    cluster: str,
    kube_context: str,
    delete_data: bool,
    stacks: bool | None,
    keep_logs: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Delete what deploys of ENV made: an environment, an overlay of the platform, `platform`, or `all`.

    What is deleted is what the inventories say, shown first; run again after a failure, it goes on where that stopped.
    After the objects, `all` deletes the stacks: log groups, alarms, dashboards, Pod Identity roles and the pipelines.
    """
    from gitops.cli.output import echo
    from gitops.cli.stacks_down import StacksDown
    from gitops.config.overlays import all_overlays
    from gitops.stacks.down import Keep

    overlays, rendered = _overlays(context, name, cluster)
    wanted = _stacks_too(context, name, cluster, kube_context, stacks)
    # Asked before anything is deleted: who may not delete the stacks hears of it first.
    down = StacksDown(context, Keep(repositories=True, logs=keep_logs)) if wanted else None
    named = {each.name for each in all_overlays(context.config)}
    for overlay in overlays:
        quiet = name.lower() in WHOLE and overlay.name not in named
        _tear_down(context, overlay, kube_context, delete_data, dry_run, yes, quiet)
    if down:
        down.carry_out(dry_run, yes)
    echo(LEFT if delete_data else f"{LEFT}, volumes with data")
    if rendered:
        echo(f"left on purpose: what was rendered of {', '.join(each.name for each in rendered)}, as git has it")
    if not down:
        echo(f"left to the stacks ({STACKS}): gitops teardown all, or gitops pipeline down --delete-logs")
    gone = ", ".join(
        [
            *(each.name for each in overlays if name.lower() not in WHOLE or each.name in named),
            *(["stacks"] if down else []),
        ]
    )
    echo("nothing was deleted (--dry-run)" if dry_run else f"torn down: {gone}")


def _stacks_too(context: "Context", name: str, cluster: str, kube_context: str, stacks: bool | None) -> bool:
    """Raises `UsageError` where the stacks are asked for with less than all: they are those of everything."""
    from gitops.errors import UsageError

    if stacks and (name.lower() != "all" or cluster):
        raise UsageError("--stacks", "the stacks are of everything in gitops.yaml", "gitops teardown all --stacks")
    if stacks is not None:
        return stacks
    on_eks = any(each.context is None for each in context.config.clusters)
    return name.lower() == "all" and not cluster and not kube_context and on_eks


def _overlays(context: "Context", name: str, cluster: str) -> "tuple[list[Overlay], list[Overlay]]":
    """In reverse order: what was deployed last goes first. With `all`, those that are on no cluster apart."""
    from gitops.config.overlays import overlays_named

    dropped = _dropped(context, name.lower(), cluster)
    if dropped and name.lower() not in WHOLE:
        return dropped, []
    found = [*reversed(overlays_named(context.config, name.lower(), cluster)), *dropped]
    if name.lower() != "all":
        return found, []
    return [each for each in found if not each.target], [each for each in found if each.target]


def _dropped(context: "Context", name: str, cluster: str) -> "list[Overlay]":
    """Overlays of the platform that gitops.yaml no longer names, such as `monitoring` where the add-on took its place:
    what they left goes too."""
    from gitops.config.overlays import Overlay, platform_clusters, platform_path
    from gitops.generate.tree import PLATFORM

    config = context.config
    return [
        Overlay(each, platform_path(config, each, place), cluster=place)
        for each in reversed(PLATFORM)
        if each not in config.platform.overlays and name in (each, *WHOLE)
        for place in platform_clusters(config)
        if cluster in ("", place)
    ]


def _tear_down(
    context: "Context",
    overlay: "Overlay",
    kube_context: str,
    delete_data: bool,
    dry_run: bool,
    yes: bool,
    quiet: bool,
) -> None:
    """`quiet`: nothing is said where nothing is there."""
    from contextlib import closing

    from gitops.apply.events import Event
    from gitops.cli.events_view import show
    from gitops.cli.output import TERMINAL
    from gitops.cli.plan_view import show_plans
    from gitops.cli.release_options import release_of
    from gitops.errors import GitopsError
    from gitops.plan.model import Plan
    from gitops.revisions import revision_at
    from gitops.target.cluster import ClusterTarget
    from gitops.teardown import tear_down

    target = context.target(overlay, kube_context)
    if not isinstance(target, ClusterTarget):
        raise GitopsError(
            overlay.name, "is rendered, not deployed to a cluster", "delete its folder or branch with git"
        )
    release = release_of(context, overlay, target.name, *revision_at(context.root))
    TERMINAL.needed = dry_run
    with closing(tear_down(release, target, delete_data, dry_run)) as steps:
        decided = next(steps)
        assert isinstance(decided, Plan)
        if decided.pending or not quiet:
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
