"""`gitops cluster harden`: close what is open, as a plan first; `--undo` takes it back."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops.cli.output import Progress, echo, style
from gitops.errors import DONE, PENDING, GitopsError, UsageError

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.clients.cluster_settings import ClusterSettings
    from gitops.cluster.hardening import Hardening
    from gitops.cluster_state import Change, Value


_RESTORE = "take it from the last commit: git checkout"


@click.command()
@click.argument("cluster")
@click.option("--cidr", "cidrs", multiple=True, help="Addresses that may reach the public endpoint; repeat it.")
@click.option("--private-only", is_flag=True, help="Close the public endpoint.")
@click.option("--kms-key", "key", default="", help="ARN of the key to encrypt Secrets with. For good.")
@click.option("--only", multiple=True, help="endpoint, logs, secrets, network-policy, ecr-scanning or guardduty.")
@click.option("--undo", is_flag=True, help="Put back what was before, as recorded beside gitops.yaml.")
@click.option("--dry-run", is_flag=True, help="Show the plan only; exit 3 if there is something to change.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(
    context: "Context",
    cluster: str,
    cidrs: tuple[str, ...],
    private_only: bool,
    key: str,
    only: tuple[str, ...],
    undo: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """Harden CLUSTER: endpoint, control-plane logs, Secrets, NetworkPolicies, image scanning, runtime monitoring.

    The plan is shown first, and exactly it is carried out. What was before is recorded in .gitops/hardening/, so that
    --undo can put it back.

    \b
    gitops cluster harden eks-work-cluster --cidr 203.0.113.0/24 --dry-run
    gitops cluster harden eks-work-cluster --undo --only endpoint
    """
    from gitops.cluster.hardening import SETTINGS, Wanted, plan_hardening, plan_undo

    configured = context.config.cluster(cluster)
    settings = context.cluster_settings(configured)
    state, region = settings.cluster(), settings.region()
    record = context.root / ".gitops" / "hardening" / f"{cluster}.json"
    recorded = _read(record)
    chosen = only or SETTINGS
    if undo:
        plan = plan_undo(state, region, recorded, _known(chosen))
    else:
        repositories = tuple(image.repository for image in context.config.images)
        plan = plan_hardening(state, region, Wanted(_cidrs(cidrs), private_only, key, repositories, tuple(chosen)))
    _show(cluster, plan)
    if not plan.changes:
        echo(f"{cluster}: nothing to change")
        return DONE
    if dry_run:
        echo(f"{cluster}: {len(plan.changes)} to change · nothing was changed (--dry-run)")
        return PENDING
    _ask(yes)
    _carry_out(settings, plan, record, recorded, undo)
    _show_end(cluster, plan, record, undo)
    return DONE


def _carry_out(
    settings: "ClusterSettings", plan: "Hardening", record: Path, recorded: "dict[str, Value]", undo: bool
) -> None:
    """Make each change, and keep in `record` what was before."""
    with Progress() as progress:
        for change in plan.changes:
            progress.step(f"{change.setting}: changing, which can take minutes")
            recorded = _after(recorded, change, undo)
            # Written before the change: what was before can be put back, whatever happens on the way.
            if not undo:
                _write(record, recorded)
            settings.apply(change)
            if undo:
                _write(record, recorded)


def _known(chosen: tuple[str, ...]) -> tuple[str, ...]:
    from gitops.cluster.hardening import SETTINGS
    from gitops.errors import nearest

    for name in chosen:
        if name not in SETTINGS:
            raise UsageError("--only", f"no setting '{name}'", nearest(name, SETTINGS))
    return chosen


def _cidrs(given: tuple[str, ...]) -> tuple[str, ...]:
    from ipaddress import ip_network

    try:
        return tuple(str(ip_network(each)) for each in given)
    except ValueError as error:
        raise UsageError("--cidr", str(error), "as in 203.0.113.0/24") from error


def _after(recorded: "dict[str, Value]", change: "Change", undo: bool) -> "dict[str, Value]":
    """The record with `change`: the oldest value of each setting stays, until it is put back."""
    if undo:
        return {setting: value for setting, value in recorded.items() if setting != change.setting}
    return {change.setting: change.before} | recorded


def _ask(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("harden", "nobody is there to ask", "look at it with --dry-run, then say --yes")
    click.confirm("carry this out?", abort=True)


def _read(record: Path) -> "dict[str, Value]":
    try:
        document = json.loads(record.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise GitopsError(
            str(record), f"cannot be read ({error})", "take it from the last commit: git checkout"
        ) from error
    if not isinstance(document, dict):
        raise GitopsError(str(record), "is not a record of hardening", "take it from the last commit: git checkout")
    return document


def _write(record: Path, recorded: "dict[str, Value]") -> None:
    from gitops.clients.folder import write_files

    text = json.dumps(recorded, indent=2) + "\n" if recorded else None
    record.parent.mkdir(parents=True, exist_ok=True)
    write_files(record.parent, {record.name: text.encode() if text else None})


def _show(cluster: str, plan: "Hardening") -> None:
    from gitops.cluster.hardening import shown

    for change in plan.changes:
        echo(f"  {style('update', 'yellow')}  {cluster}  {change.setting}")
        echo(f"          {shown(change.before)}")
        echo(f"       -> {shown(change.after)}")
        for note in change.notes:
            echo(f"          note: {note}")
    for setting, reason in plan.kept:
        echo(style(f"  keep    {cluster}  {setting}: {reason}", "dim"))


def _show_end(cluster: str, plan: "Hardening", record: Path, undo: bool) -> None:
    count = len(plan.changes)
    echo(f"{cluster}: {count} put back" if undo else f"{cluster}: {count} changed")
    if not undo:
        echo(f"  what was before is in {os.path.relpath(record)}: commit it, or put it back with --undo")
