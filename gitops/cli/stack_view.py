"""What people see of stacks: plans, events, what is left."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from gitops.cli.output import echo, style, table
from gitops.clients.cloudformation import StackEvent
from gitops.errors import GitopsError
from gitops.stacks.changes import ResourceChange, summary
from gitops.stacks.up import StackPlan
from gitops.template.stacks import Stack

COLORS = {"create": "green", "adopt": "green", "update": "yellow", "keep": "dim"}


def show_plan(plan: StackPlan) -> None:
    """A stack's heading, then a line a change; what loses data says so."""
    title = f"{style(plan.stack.name, 'bold')}  {plan.stack.region}"
    if plan.note:
        title += f" · {plan.note}"
    echo(f"{title} · {summary(plan.changes)}")
    if plan.changes:
        rows = [_row(change) for change in plan.changes]
        for line, change in zip(table(rows, "  ").splitlines(), plan.changes, strict=True):
            echo(line.replace(change.action, style(change.action, COLORS.get(change.action, "red")), 1))


def document(plan: StackPlan) -> dict[str, Any]:
    """The same for programs."""
    stack = {"stack": plan.stack.name, "account": plan.stack.account, "region": plan.stack.region}
    return {**stack, "action": plan.action, "note": plan.note, "changes": [asdict(change) for change in plan.changes]}


def _row(change: ResourceChange) -> list[str]:
    detail = ", ".join(change.properties)
    if change.loses_data:
        detail = f"{detail} · DATA LOSS".lstrip(" ·")
    return [change.action, change.id, change.type.removeprefix("AWS::"), change.name, detail]


def show_event(event: StackEvent) -> None:
    """A line for what was finished or failed; what only started is progress, and not shown."""
    if event.status.endswith("_IN_PROGRESS"):
        return
    status = event.status.replace("_", " ").lower()
    color = "red" if "FAILED" in event.status else "green"
    reason = f"  {event.reason}" if event.reason and "FAILED" in event.status else ""
    echo(f"  {event.time:%H:%M:%S}  {style(status.ljust(15), color)}  {event.resource}  {event.type}{reason}")


def show_others(stacks: Sequence[Stack], what: str) -> None:
    """The stacks of other accounts, and how to reach them."""
    for account in dict.fromkeys(stack.account for stack in stacks):
        listed = ", ".join(f"{stack.name} ({stack.region})" for stack in stacks if stack.account == account)
        echo(f"account {account}: {listed} · run gitops pipeline {what} with credentials of that account too")


def refuse_data_loss(plans: Iterable[StackPlan], allowed: bool) -> None:
    """Raise `GitopsError` where a plan deletes what people put in, and nobody said that it may."""
    lost = [change for plan in plans for change in plan.changes if change.loses_data]
    if lost and not allowed:
        names = ", ".join(change.name or change.id for change in lost)
        raise GitopsError(names, "would be deleted with all that is in it", "add --allow-data-loss if that is meant")


def confirm(question: str, yes: bool) -> None:
    """Ask on a terminal; elsewhere ask for --yes. Raises `GitopsError`, or ends the command."""
    import sys

    import click

    if yes:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise GitopsError("gitops pipeline", "there is no terminal to ask on, and nothing was changed", "add --yes")
    click.confirm(question, abort=True)
