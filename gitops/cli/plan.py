"""`gitops plan`: what a deploy would change."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops.cli.release_options import Asked, release_options

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.objects import KubeObject
    from gitops.plan.model import Plan
    from gitops.plan.planner import Policy


@click.command()
@release_options
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), help="Write the plan, for deploy --plan.")
@click.option("--exit-code", is_flag=True, help="Exit with 3 where changes are pending.")
@click.pass_obj
def command(
    context: "Context",
    asked: Asked,
    exit_code: bool,
    save: Path | None,
) -> int:
    """Show what a deploy of ENV would change, and change nothing.

    ENV is an environment, an overlay of the platform, `platform` for all of these, or `all`. Several are planned in the
    order of their deploy, each as if those before it were there. Uncommitted changes are planned too; a deploy,
    and --save, want them committed. With --changed-since those are planned that a change since REV reaches.

    \b
    gitops plan prod --diff
    gitops plan prod --save plan.json && gitops deploy prod --plan plan.json
    """
    from gitops.cli.plan_view import show_plans
    from gitops.cli.release_options import claims_of, release_of
    from gitops.errors import DONE, PENDING
    from gitops.pipeline import Intent, prepare
    from gitops.plan.summary import coming as coming_of
    from gitops.revisions import Revisions, revision_at

    overlays = asked.overlays(context)
    if save:
        _refuse_several(context.config.file, len(overlays))
    policy = asked.policy
    # What a build writes beside the tree (reports, plans) is no part of the commit.
    revision, title = Revisions(context.root).committed(untracked=False) if save else revision_at(context.root)
    plans = []
    coming: dict[str, tuple[KubeObject, ...]] = {}
    for overlay in overlays:
        objects = context.rendered(overlay.path).objects
        target = context.target(overlay, asked.kube_context, policy, coming=coming.get(overlay.cluster, ()))
        release = release_of(context, overlay, target.name, revision, title)
        plans.append(prepare(release, objects, target, Intent(policy, claims_of(context, overlay))))
        coming[overlay.cluster] = (*coming.get(overlay.cluster, ()), *coming_of(plans[-1]))
    said = [*asked.names, *(["--all"] * asked.everything)]
    named = dict.fromkeys(each.name for each in overlays) if asked.changed_since else said
    next_step = " ".join(["gitops deploy", *named])
    if save:
        next_step = _save(save, plans[0], policy, next_step)
    show_plans(plans, asked.form, asked.diff, next_step)
    return PENDING if exit_code and any(each.pending for each in plans) else DONE


def _refuse_several(config_file: str, count: int) -> None:
    from gitops.errors import UsageError

    if count != 1:
        raise UsageError(config_file, f"--save is for one environment, not {count}", "save them one by one")


def _save(file: Path, plan: "Plan", policy: "Policy", next_step: str) -> str:
    """Write `plan` to `file`; gives what to do with it."""
    from datetime import UTC, datetime

    from gitops.errors import GitopsError
    from gitops.plan.saved import LIFE, digest, to_text

    try:
        file.write_text(to_text(plan, datetime.now(UTC), policy), "utf-8")
    except OSError as error:
        raise GitopsError(str(file), f"cannot be written ({error.strerror})", "name another file") from error
    good = f"good for {LIFE.total_seconds() / 60:.0f} min"
    return f"plan {digest(plan, policy)[:8]}, {good} · {next_step} --plan {file}"
