"""`gitops deploy`: plan, apply, wait, record."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops.cli.release_options import release_options

if TYPE_CHECKING:
    from gitops.apply.events import Event
    from gitops.cli.context import Context
    from gitops.plan.model import Plan


@click.command()
@release_options
@click.option("--dry-run", is_flag=True, help="Stop before the first change.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask on a terminal.")
@click.option("--allow-older", is_flag=True, help="Deploy even where a newer revision was deployed already.")
@click.option("--rollback-on-failure", is_flag=True, help="Deploy the last good revision again where this one fails.")
@click.option("--plan", "plan_file", type=click.Path(path_type=Path), help="Do exactly what this file says, or refuse.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds until the release must be ready.")
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
    dry_run: bool,
    yes: bool,
    allow_older: bool,
    rollback_on_failure: bool,
    plan_file: Path | None,
    timeout: float,
) -> None:
    """Deploy ENV: plan, apply, wait until it is ready, and record what it owns.

    ENV is an environment, an overlay of the platform, or `platform` for all of these. What is deployed is the commit
    that the manifest repository is at; uncommitted changes are refused.
    """
    from gitops.cli.output import echo
    from gitops.cli.release_options import intent_of, policy_of, release_of
    from gitops.config.overlays import overlays_named
    from gitops.pipeline import deploy
    from gitops.render import render
    from gitops.revisions import Revisions

    policy = policy_of(confirm, take_ownership, allow_prune, prune)
    revisions = Revisions(context.root)
    revision, title = revisions.committed()
    for overlay in overlays_named(context.config, name, cluster):
        objects = render(context.root, overlay.path).objects
        target = context.target(overlay, kube_context, policy, timeout)
        release = release_of(context, overlay, target.name, revision, title)
        intent = intent_of(context, overlay, policy, revisions, allow_older, rollback_on_failure)
        if plan_file:
            intent = replace(intent, approved=_approval(plan_file))
        steps = deploy(release, objects, target, intent, dry_run)
        seconds = _carry_out(steps, form, diff, ask=not (dry_run or yes))
        if form == "text":
            how = "nothing was changed (--dry-run)" if dry_run else f"deployed {revision[:7]} in {seconds:.1f} s"
            echo(f"{overlay.name}: {how}")


def _approval(file: Path) -> "Callable[[Plan], None]":
    """What refuses every plan but the one in `file`."""
    from datetime import UTC, datetime

    from gitops.errors import GitopsError
    from gitops.plan.saved import check, from_text

    try:
        saved = from_text(file.read_text("utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise GitopsError(str(file), "cannot be read", "make it with gitops plan ENV --save FILE") from error
    return lambda plan: check(saved, plan, str(file), datetime.now(UTC))


def _carry_out(steps: "Iterator[Plan | Event]", form: str, diff: bool, ask: bool) -> float:
    """Show the plan, ask where there is somebody to ask, then show what happens."""
    from gitops.cli.events_view import show
    from gitops.cli.plan_view import show_plans
    from gitops.plan.model import Plan

    decided = next(steps)
    assert isinstance(decided, Plan)
    show_plans([decided], form, diff, "")
    if ask and decided.pending and not decided.refusals:
        _confirm(f"deploy to {decided.release.environment} on {decided.release.target}?")
    return show(_events(steps), quiet=form != "text")


def _events(steps: "Iterator[Plan | Event]") -> "Iterator[Event]":
    """What happens; a second plan, of a rollback, is shown when it comes."""
    from gitops.cli.output import echo
    from gitops.cli.plan_view import text
    from gitops.plan.model import Plan

    for step in steps:
        if isinstance(step, Plan):
            echo("rolling back")
            echo(text(step))
        else:
            yield step


def _confirm(question: str) -> None:
    import sys

    if sys.stdin.isatty() and sys.stdout.isatty():
        click.confirm(question, abort=True)
