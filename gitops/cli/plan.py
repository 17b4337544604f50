"""`gitops plan`: what a deploy would change."""

from typing import TYPE_CHECKING

import click

from gitops.cli.release_options import release_options

if TYPE_CHECKING:
    from gitops.cli.context import Context


@click.command()
@release_options
@click.option("--exit-code", is_flag=True, help="Exit with 3 where changes are pending.")
@click.pass_obj
def command(
    context: "Context",
    name: str,
    cluster: str,
    kube_context: str,
    form: str,
    diff: bool,
    confirm: tuple[str, ...],
    take_ownership: tuple[str, ...],
    allow_prune: bool,
    prune: bool,
    exit_code: bool,
) -> int:
    """Show what a deploy of ENV would change, and change nothing.

    ENV is an environment, an overlay of the platform, or `platform` for all of these. Uncommitted changes are planned
    too; a deploy wants them committed.
    """
    from gitops.cli.plan_view import show_plans
    from gitops.cli.release_options import claims_of, policy_of, release_of
    from gitops.config.overlays import overlays_named
    from gitops.errors import DONE, PENDING
    from gitops.pipeline import Intent, prepare
    from gitops.render import render
    from gitops.revisions import revision_at

    policy = policy_of(confirm, take_ownership, allow_prune, prune)
    revision, title = revision_at(context.root)
    plans = []
    for overlay in overlays_named(context.config, name, cluster):
        objects = render(context.root, overlay.path).objects
        target = context.target(overlay, kube_context, policy)
        release = release_of(context, overlay, target.name, revision, title)
        plans.append(prepare(release, objects, target, Intent(policy, claims_of(context, overlay))))
    show_plans(plans, form, diff, f"gitops deploy {name}")
    return PENDING if exit_code and any(each.pending for each in plans) else DONE
