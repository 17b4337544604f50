"""`gitops pipeline down`: take the stacks away; what people put in stays, unless told."""

import click

from gitops.cli.context import Context
from gitops.cli.output import echo


@click.command()
@click.option("--delete-repositories", is_flag=True, help="Delete source, manifest and image repositories too.")
@click.option("--delete-logs", is_flag=True, help="Delete the log groups too.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(context: Context, delete_repositories: bool, delete_logs: bool, dry_run: bool, yes: bool) -> None:
    """Delete the stacks of gitops.yaml, the last one first, and the artifact bucket with what is in it.

    Repositories, images, logs and the key that encrypts them stay, unless told. Run again after it was cut off, it
    deletes what is left.
    """
    from gitops.cli.stack_view import confirm, show_event, show_others, show_plan
    from gitops.clients.repositories import Repositories
    from gitops.stacks.down import Keep, Removed, plan_down, take_down
    from gitops.stacks.up import mine
    from gitops.template.stacks import stacks

    here, elsewhere = mine(stacks(context.config), context.aws_account)
    keep, ends = Keep(not delete_repositories, not delete_logs), context.stack_ends
    found = [plan_down(stack, ends.cloudformation(stack.region), keep, ends.bucket) for stack in reversed(here)]
    plans = [plan for plan in found if plan]
    for plan in plans:
        show_plan(plan)
    if plans and not dry_run:
        confirm(f"delete this in {context.aws_account}?", yes)
        for plan in plans:
            region = plan.stack.region
            for step in take_down(plan, ends.cloudformation(region), ends.bucket, Repositories(region)):
                echo(f"  deleted  {step.what}  {step.detail}") if isinstance(step, Removed) else show_event(step)
    show_others(elsewhere, "down")
    ended = "nothing was deleted (--dry-run)" if dry_run else "deleted" if plans else "nothing to delete"
    echo(f"{len(plans)} of {len(here)} stacks: {ended}")
