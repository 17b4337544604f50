"""`gitops pipeline up`: make or change the stacks, each exactly as shown."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops.cli.context import Context
from gitops.cli.output import echo
from gitops.errors import count_of

if TYPE_CHECKING:
    from gitops.template.stacks import Stack


@click.command()
@click.option("--wheel", type=click.Path(path_type=Path), help="The toolkit's wheel for builds; dist/ by default.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--allow-data-loss", is_flag=True, help="Carry out changes that delete what people put in.")
@click.pass_obj
def command(context: Context, wheel: Path | None, yes: bool, allow_data_loss: bool) -> None:
    """Make or change the stacks of gitops.yaml in the account that the credentials belong to.

    For each stack the change set is shown, then asked for, then carried out: exactly it. Existing repositories and
    log groups of the right name are adopted. Run again after a failure, it goes on from what is there.
    """
    from gitops.cli.stack_view import show_others
    from gitops.stacks.up import mine
    from gitops.template.stacks import stacks

    here, elsewhere = mine(stacks(context.config), context.aws_account)
    changed = [_bring_up(context, stack, wheel, yes, allow_data_loss) for stack in here]
    show_others(elsewhere, "up")
    echo(f"{sum(changed)} of {count_of(len(here), 'stack')} changed · gitops pipeline status")


def _bring_up(context: Context, stack: "Stack", wheel: Path | None, yes: bool, allow_data_loss: bool) -> bool:
    """Bring up one stack; whether there was anything to do."""
    from contextlib import closing

    from gitops.cli.stack_view import confirm, refuse_data_loss, show_event, show_plan
    from gitops.stacks.up import StackPlan, bring_up

    pending = False
    with closing(bring_up(stack, context.stack_ends, context.stack_parameters(stack, wheel, upload=True))) as steps:
        for step in steps:
            if not isinstance(step, StackPlan):
                show_event(step)
                continue
            show_plan(step)
            if step.pending:
                refuse_data_loss([step], allow_data_loss)
                confirm(f"{step.action} {stack.name} in {stack.account}?", yes or pending)
                pending = True
    return pending
