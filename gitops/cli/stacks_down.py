"""Stacks away: what `pipeline down` and `teardown all` share. Planned first, shown, then done as shown."""

from typing import TYPE_CHECKING

from gitops.cli.output import echo
from gitops.cli.stack_view import confirm, show_event, show_others, show_plan
from gitops.errors import count_of

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.stacks.down import Keep
    from gitops.stacks.up import StackPlan
    from gitops.template.stacks import Stack


class StacksDown:
    """The deletion of the stacks of gitops.yaml, the last one first. It changes nothing until `carry_out`."""

    def __init__(self, context: "Context", keep: "Keep") -> None:
        from gitops.clients.repositories import Repositories
        from gitops.stacks.down import plan_down
        from gitops.stacks.up import mine
        from gitops.template.stacks import stacks

        self._ends, self._account = context.stack_ends, context.aws_account
        here, self._elsewhere = mine(stacks(context.config), self._account)
        ends = self._ends
        found = [
            plan_down(each, ends.cloudformation(each.region), keep, ends.bucket, Repositories(each.region))
            for each in reversed(here)
        ]
        self._here: list[Stack] = here
        self._plans: list[StackPlan] = [plan for plan in found if plan]

    def carry_out(self, dry_run: bool, yes: bool) -> None:
        """Show it, ask, delete it; what is in another account is only named."""
        from gitops.clients.repositories import Repositories
        from gitops.stacks.down import Removed, take_down

        for plan in self._plans:
            show_plan(plan)
        if self._plans and not dry_run:
            confirm(f"delete this in {self._account}?", yes)
            for plan in self._plans:
                region = plan.stack.region
                steps = take_down(plan, self._ends.cloudformation(region), self._ends.bucket, Repositories(region))
                for step in steps:
                    echo(f"  deleted  {step.what}  {step.detail}") if isinstance(step, Removed) else show_event(step)
        show_others(self._elsewhere, "down")
        ended = "nothing was deleted (--dry-run)" if dry_run else "deleted" if self._plans else "nothing to delete"
        echo(f"{len(self._plans)} of {count_of(len(self._here), 'stack')}: {ended}")
