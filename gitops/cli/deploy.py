"""`gitops deploy`: plan, apply, wait, record."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from gitops.cli.release_options import Asked, release_options

if TYPE_CHECKING:
    from gitops.apply.events import Event
    from gitops.cli.context import Context
    from gitops.config.overlays import Overlay
    from gitops.objects import KubeObject
    from gitops.plan.model import Plan
    from gitops.plan.planner import Policy
    from gitops.plan.saved import SavedPlan


@click.command()
@release_options
@click.option("--dry-run", is_flag=True, help="Stop before the first change.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask on a terminal.")
@click.option("--allow-older", is_flag=True, help="Deploy even where a newer revision was deployed already.")
@click.option("--rollback-on-failure", is_flag=True, help="Deploy the last good revision again where this one fails.")
@click.option(
    "--stop-for-newer/--no-stop-for-newer",
    default=True,
    help="End the wait when a newer commit of the manifest branch changes ENV (on by default).",
)
@click.option("--plan", "plan_file", type=click.Path(path_type=Path), help="Do exactly what this file says, or refuse.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds until the release must be ready.")
@click.pass_obj
def command(
    context: "Context",
    asked: Asked,
    dry_run: bool,
    yes: bool,
    allow_older: bool,
    rollback_on_failure: bool,
    stop_for_newer: bool,
    plan_file: Path | None,
    timeout: float,
) -> None:
    """Deploy ENV: plan, apply, wait until it is ready, and record what it owns.

    ENV is an environment, an overlay of the platform, `platform` for all of these, or `all`. Several are deployed one
    after the other, the platform's first; the first failure ends the run. What is deployed is the commit that the
    manifest repository is at; uncommitted changes are refused. With --changed-since those are deployed that a change
    since REV reaches.

    \b
    gitops deploy staging
    gitops deploy prod --plan plan.json --rollback-on-failure
    """
    from contextlib import closing

    from gitops.cli.output import TERMINAL, echo
    from gitops.cli.release_options import intent_of, newer_of, release_of
    from gitops.pipeline import deploy
    from gitops.plan.summary import coming as coming_of
    from gitops.revisions import Revisions

    overlays = asked.overlays(context)
    _refuse_several(plan_file, overlays)
    if not (dry_run or yes):
        _refuse_unapproved(context, overlays, asked.names)
    policy = asked.policy
    saved = _read(plan_file) if plan_file else None
    if saved:
        _refuse_more(str(plan_file), policy)
        policy = saved.policy
    revisions = Revisions(context.root)
    revision, title = revisions.committed()
    plans: list[Plan] = []
    waiting = _rendered(context, overlays)
    coming: dict[str, tuple[KubeObject, ...]] = {}
    TERMINAL.needed = dry_run
    with _told(waiting, plans, asked.form):
        while waiting:
            overlay, objects = waiting.pop(0)
            target = context.target(overlay, asked.kube_context, policy, timeout, coming.get(overlay.cluster, ()))
            release = release_of(context, overlay, target.name, revision, title)
            intent = intent_of(context, overlay, policy, revisions, allow_older, rollback_on_failure)
            if stop_for_newer:
                intent = replace(intent, newer=newer_of(context, overlay, revisions, revision, monotonic))
            if saved:
                intent = replace(intent, approved=_approval(saved, str(plan_file)))
            with closing(deploy(release, objects, target, intent, dry_run)) as steps:
                decided, seconds = _carry_out(steps, plans, asked.form, asked.diff, ask=not (dry_run or yes))
            if dry_run:
                coming[overlay.cluster] = (*coming.get(overlay.cluster, ()), *coming_of(decided))
            if asked.form == "text":
                how = "nothing was changed (--dry-run)" if dry_run else f"deployed {revision[:7]} in {seconds:.1f} s"
                echo(f"{overlay.name}: {how}")


def _refuse_several(plan_file: Path | None, overlays: "Sequence[Overlay]") -> None:
    from gitops.errors import UsageError

    if plan_file and len(overlays) != 1:
        raise UsageError(str(plan_file), f"is the plan of one environment, not of {len(overlays)}", "name that one")


def _refuse_unapproved(context: "Context", overlays: "Sequence[Overlay]", names: tuple[str, ...]) -> None:
    """An environment that wants an approval, and that was not called by its name, is deployed when somebody says so."""
    import sys

    from gitops.errors import GitopsError

    wanted = {each.name for each in overlays} - set(names)
    unasked = [each.name for each in context.config.environments if each.approval and each.name in wanted]
    if unasked and not (sys.stdin.isatty() and sys.stdout.isatty()):
        hint = f"--yes approves it; or name what to deploy: gitops deploy {' '.join(each.name for each in overlays)}"
        raise GitopsError(unasked[0], "wants an approval, and nobody is there to ask; nothing was changed", hint)


def _rendered(context: "Context", overlays: "Sequence[Overlay]") -> "list[tuple[Overlay, tuple[KubeObject, ...]]]":
    """All of them before the first change: what does not render must not end a run half-way."""
    return [(overlay, context.rendered(overlay.path).objects) for overlay in overlays]


@contextmanager
def _told(waiting: "Sequence[tuple[Overlay, object]]", plans: "list[Plan]", form: str) -> "Iterator[None]":
    """Show the plans as one document at the end, for programs; after a failure say what is still `waiting`."""
    from gitops.cli.output import echo_error
    from gitops.cli.plan_view import show_plans

    try:
        yield
    except BaseException:
        if waiting:
            echo_error(f"not begun: {', '.join(overlay.name for overlay, _ in waiting)}")
        raise
    finally:
        if form != "text":
            show_plans(plans, form, False, "")


def _read(file: Path) -> "SavedPlan":
    from gitops.errors import GitopsError
    from gitops.plan.saved import from_text

    try:
        return from_text(file.read_text("utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise GitopsError(str(file), "cannot be read", "make it with gitops plan ENV --save FILE") from error


def _refuse_more(file: str, policy: "Policy") -> None:
    """A plan that was approved says itself what is allowed."""
    from gitops.errors import UsageError
    from gitops.plan.planner import DEFAULT_POLICY

    if policy != DEFAULT_POLICY:
        hint = "give --confirm, --take-ownership, --allow-prune and --no-prune to gitops plan --save"
        raise UsageError(file, "says itself what is allowed", hint)


def _approval(saved: "SavedPlan", file: str) -> "Callable[[Plan], None]":
    """What refuses every plan but the one that was saved in `file`."""
    from datetime import UTC, datetime

    from gitops.plan.saved import check

    return lambda plan: check(saved, plan, file, datetime.now(UTC))


def _carry_out(
    steps: "Iterator[Plan | Event]", plans: "list[Plan]", form: str, diff: bool, ask: bool
) -> "tuple[Plan, float]":
    """Show the plan, ask where there is somebody to ask, then show what happens. Adds the plan to `plans`; gives it and
    the seconds that all took."""
    from gitops.cli.events_view import show
    from gitops.cli.plan_view import show_plans
    from gitops.plan.model import Plan

    decided = next(steps)
    assert isinstance(decided, Plan)
    plans.append(decided)
    if form == "text":
        show_plans([decided], form, diff, "")
    if ask and decided.pending and not decided.refusals:
        _confirm(f"deploy to {decided.release.environment} on {decided.release.target}?")
    return decided, show(_events(steps), quiet=form != "text")


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
