"""`gitops pipeline plan`: what `up` would change in AWS."""

from pathlib import Path

import click

from gitops.cli import leave
from gitops.cli.context import Context
from gitops.cli.output import echo, echo_json
from gitops.cli.output_option import output_option
from gitops.errors import PENDING, count_of


@click.command()
@click.option("--wheel", type=click.Path(path_type=Path), help="The toolkit's wheel for builds; dist/ by default.")
@click.option("--exit-code", is_flag=True, help="Exit with 3 where changes are pending.")
@output_option("text", "json")
@click.pass_obj
def command(context: Context, wheel: Path | None, exit_code: bool, form: str) -> None:
    """Show what `gitops pipeline up` would change, stack by stack, and change nothing.

    A stack that is there is compared by a change set, which is deleted again; one that is not is listed from its
    template. What would be replaced, and what would lose data, stands first.
    """
    from gitops.cli.stack_view import document, show_others, show_plan
    from gitops.stacks.up import mine, plan_stack
    from gitops.template.stacks import stacks

    here, elsewhere = mine(stacks(context.config), context.aws_account)
    plans = []
    for stack in here:
        plans.append(plan_stack(stack, context.stack_ends, context.stack_parameters(stack, wheel)))
        if form == "text":
            show_plan(plans[-1])
    pending = [plan for plan in plans if plan.pending]
    if form == "json":
        echo_json([document(plan) for plan in plans])
    else:
        show_others(elsewhere, "plan")
        change = "changes" if len(pending) == 1 else "change"
        next_step = " · gitops pipeline up" if pending else ""
        echo(f"{len(pending)} of {count_of(len(here), 'stack')} {change}{next_step}")
    if exit_code and pending:
        leave(PENDING)
