"""`gitops drift`: what differs from the released revision, who changed it, since when."""

from dataclasses import asdict
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from gitops.cli.cluster_options import cluster_option, context_option
from gitops.cli.output_option import output_option
from gitops.errors import count_of

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.config.overlays import Overlay
    from gitops.errors import GitopsError
    from gitops.plan.drift import Drift
    from gitops.plan.model import Plan
    from gitops.revisions import Revisions

WIDTH, LONGEST = 80, 32
"""Characters of a line, and of a value in it; JSON has the whole value."""


@click.command()
@click.argument("name", metavar="ENV")
@cluster_option
@context_option
@output_option("text", "json")
@click.option("--fix", is_flag=True, help="Deploy the released revision again, and take the changed fields back.")
@click.pass_obj
def command(context: "Context", name: str, cluster: str, kube_context: str, form: str, fix: bool) -> int:
    """Compare ENV with the revision that was released to it. Exits with 3 where they differ.

    ENV is an environment, an overlay of the platform, `platform` for all of these, or `all`. Of several, those that can
    be read are compared; the exit code is 1 where one cannot.

    What is compared is what the revision says, and what somebody added with kubectl. Fields that controllers, webhooks
    and defaults add, and `replicas` under an autoscaler, are no drift.
    """
    from gitops.cli.one_by_one import one_by_one
    from gitops.cli.output import echo_json
    from gitops.config.overlays import overlays_named
    from gitops.errors import DONE, PENDING, Problems
    from gitops.revisions import Revisions

    revisions = Revisions(context.root)
    found: list[dict[str, Any]] = []

    def compare(overlay: "Overlay") -> None:
        here, failures = _compare(context, overlay, kube_context, revisions, form == "text", fix)
        found.extend({"environment": overlay.name, **asdict(drift), "ref": str(drift.ref)} for drift in here)
        if failures:
            raise Problems(failures)

    try:
        one_by_one(overlays_named(context.config, name, cluster), compare)
    finally:
        if form == "json":
            echo_json(found)
    return PENDING if found and not fix else DONE


def _compare(
    context: "Context", overlay: "Overlay", kube_context: str, revisions: "Revisions", shown: bool, fix: bool
) -> "tuple[tuple[Drift, ...], list[GitopsError]]":
    """The drift of one environment, which is shown where that is asked, and taken back; and what could not be read."""
    from gitops.cli.output import echo
    from gitops.cli.release_options import earlier_of, release_of
    from gitops.errors import GitopsError
    from gitops.live import scaled_at
    from gitops.pipeline import compare_released
    from gitops.plan.drift import dated, drifts, unread
    from gitops.target.cluster import ClusterTarget

    target = context.target(overlay, kube_context)
    release = release_of(context, overlay, target.name, "", "")
    plan = compare_released(release, target, earlier_of(context, overlay, revisions))
    here = drifts(plan) if plan else ()
    if plan and isinstance(target, ClusterTarget):
        here = dated(plan, here, partial(scaled_at, target.cluster))
    if shown:
        echo("\n".join([_heading(overlay.name, plan, len(here)), *_lines(here)]))
    if plan and here and fix:
        _fix(context, overlay, kube_context, plan, frozenset(str(drift.ref) for drift in here))
        echo(f"{overlay.name}: {plan.release.revision[:7]} is deployed again") if shown else None
    failures = (
        [GitopsError(str(change.ref), change.note, "the role needs this right") for change in unread(plan)]
        if plan
        else []
    )
    return here, failures


def _fix(context: "Context", overlay: "Overlay", kube_context: str, plan: "Plan", drifted: "frozenset[str]") -> None:
    """Deploy the released objects again, taking the fields that differ from whoever changed them."""
    from gitops.pipeline import deploy_released
    from gitops.plan.planner import Policy

    policy = Policy(take_ownership=drifted, undo=drifted, prune=False)
    for _ in deploy_released(plan, context.target(overlay, kube_context, policy), policy):
        pass


def _heading(name: str, plan: "Plan | None", count: int) -> str:
    from gitops.cli.output import style

    if plan is None:
        return style(f"{name} · nothing was released yet", "bold")
    state = f"{count_of(count, 'field')} differ{'s' if count == 1 else ''}" if count else "as released"
    return style(f"{name} on {plan.release.target} · {plan.release.revision[:7]} · {state}", "bold")


def _lines(found: "tuple[Drift, ...]") -> list[str]:
    """Object by object, each field in one line, or in two or three where one would not fit a terminal."""
    lines = []
    for ref, drifts in groupby(found, key=lambda drift: drift.ref):
        lines.append(f"  {ref}")
        for drift in drifts:
            path, moved, who = drift.path or "the whole of it", _moved(drift), _who(drift)
            rest = "  ".join(filter(None, (moved, who)))
            if len(path) + len(rest) + 6 <= WIDTH:
                lines.append(f"    {path}  {rest}")
            else:
                below = [rest] if len(rest) + 6 <= WIDTH else [moved, who]
                lines += [f"    {path}", *(f"      {line}" for line in below)]
    return lines


def _moved(drift: "Drift") -> str:
    return f"{_short(drift.released)} -> {_short(drift.live)}"


def _who(drift: "Drift") -> str:
    # kubectl scale leaves no time at what has no ReplicaSet.
    return f"{drift.manager} since {drift.since}" if drift.since else drift.manager


def _short(value: object) -> str:
    import json

    from gitops.cli.output import shortened
    from gitops.hidden import without

    # Hidden before it is cut: half of a secret would not be known for one.
    text = "none" if value is None else without(value if isinstance(value, str) else json.dumps(value))
    text = text.replace("\n", "\\n").replace("\t", "\\t")
    # The end of an image is what differs.
    return shortened(text, LONGEST)
