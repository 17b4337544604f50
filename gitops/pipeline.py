"""The stages joined: a line a stage. Yields the plan and what happens; shows nothing and asks nobody."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace

from gitops.apply.events import Event
from gitops.errors import GitopsError, Problems
from gitops.inventory import Entry
from gitops.objects import OWNER, KubeObject, ObjectRef
from gitops.plan.model import Action, Change, Plan, Release, Risk
from gitops.plan.planner import DEFAULT_POLICY, Policy, plan
from gitops.revisions import Superseded
from gitops.target import Target


def nothing_newer() -> str:
    """Where nobody can tell."""
    return ""


def nothing_claimed() -> Mapping[ObjectRef, str]:
    """Where there is only one overlay."""
    return {}


Earlier = Callable[[str], tuple[str, Sequence[KubeObject]]]
"""Gives the title and the objects of a revision."""


@dataclass(frozen=True)
class Intent:
    """What is asked of a deploy, besides what is deployed where."""

    policy: Policy = DEFAULT_POLICY
    claims: Callable[[], Mapping[ObjectRef, str]] = nothing_claimed
    """Objects that the other overlays of the same cluster have at this revision, and which; asked before a prune."""
    is_older: Callable[[str, str], bool] = lambda _ours, _deployed: False
    """Whether the first revision is an ancestor of the second."""
    newer: Callable[[], str] = nothing_newer
    """The commit that is to be deployed here instead by now; empty where there is none. Asked again and again
    during the wait, so that it must be cheap."""
    approved: Callable[[Plan], None] = lambda _: None
    """Raises `GitopsError` where the plan is not the one that was approved."""
    earlier: Earlier | None = None
    """Title and objects of an earlier revision, to roll back to when the release fails; None: it stays as it is."""


def prepare(release: Release, rendered: Sequence[KubeObject], target: Target, intent: Intent = Intent()) -> Plan:
    """What a deploy would do. Changes nothing."""
    desired = target.complete(release, rendered)
    snapshot = target.read(release, desired)
    candidates = snapshot.inventory.owned - {each.ref for each in desired}
    others = any(each.annotations.get(OWNER) not in (None, release.owner) for each in snapshot.live.values())
    return plan(release, desired, snapshot, intent.policy, intent.claims() if candidates or others else {})


def deploy(
    release: Release,
    rendered: Sequence[KubeObject],
    target: Target,
    intent: Intent = Intent(),
    dry_run: bool = False,
) -> Generator[Plan | Event, None, None]:
    """Lock, plan, apply, wait, prune, record. Yields the plan first: who consumes it may show it, ask, and stop there.

    Raises `GitopsError` where the plan is refused, `Superseded` where something newer was deployed, and what failed
    where the release fails: that is recorded, and rolled back if asked.
    """
    with nullcontext() if dry_run else target.lock(release):
        decided = prepare(release, rendered, target, intent)
        refuse_older(decided, intent)
        yield decided
        if dry_run:
            return
        intent.approved(decided)
        refuse(decided)
        try:
            yield from carry_out(decided, target, intent.newer)
        except Superseded:
            raise
        except GitopsError as error:
            if intent.earlier is None:
                raise
            yield Event(None, "failed", str(error))
            raise (yield from undo(decided, target, intent, error)) from error


def carry_out(decided: Plan, target: Target, newer: Callable[[], str] = nothing_newer) -> Iterator[Event]:
    """Do exactly what was decided. Raises `Superseded` where something `newer` comes while it is waited for: what was
    applied stays, and the newer release builds on it."""
    try:
        yield from target.apply(decided)
        yield from target.wait(decided, lambda: refuse_to_wait(decided, newer()))
        yield from target.prune(decided)
    except (GitopsError, KeyboardInterrupt) as error:
        yield from record_end(decided, target, error)
        raise
    except GeneratorExit:
        # Who consumes this was interrupted, and nobody hears of what happens any more.
        for _ in record_end(decided, target, KeyboardInterrupt()):
            pass
        raise
    yield from target.record(decided)


def record_end(decided: Plan, target: Target, error: GitopsError | KeyboardInterrupt) -> Iterator[Event]:
    """Write down how a release ended that did not end well. What cannot be written is told with `error`."""
    if isinstance(error, KeyboardInterrupt):
        with suppress(GitopsError):
            # The record says "applying" then, as of every run that was cut off.
            yield from target.record(decided, "interrupted")
        return
    try:
        yield from target.record(decided, "superseded" if isinstance(error, Superseded) else "failed")
    except GitopsError as second:
        and_then(error, f"that could not be recorded: {second.subject}: {second.problem}")


def undo(
    failed: Plan, target: Target, intent: Intent, failure: GitopsError
) -> Generator[Plan | Event, None, GitopsError]:
    """Go back to the last good revision after `failure`; gives that, with what came of it."""
    good = failed.inventory.deployed
    if good is None:
        return and_then(failure, "there is no earlier good release to roll back to")
    short = good.revision[:7]
    try:
        left = yield from roll_back(failed, target, intent, good)
    except GitopsError as second:
        return Problems([*each_of(and_then(failure, f"and it could not be rolled back to {short}")), *each_of(second)])
    return and_then(failure, f"{short} is back, but for {left[0].ref}" if left else f"rolled back to {short}, healthy")


def roll_back(
    failed: Plan, target: Target, intent: Intent, good: Entry
) -> Generator[Plan | Event, None, tuple[Change, ...]]:
    """Deploy the release `good` again; gives what is not as it says then. What the failed release was allowed to
    replace is replaced again."""
    assert intent.earlier is not None
    title, objects = intent.earlier(good.revision)
    release = replace(failed.release, revision=good.revision, title=title)
    replaced = {str(each.ref) for each in failed.changes if each.action is Action.REPLACE and each.risk is Risk.REPLACE}
    confirmed = intent.policy.confirmed | replaced
    careful = replace(intent.policy, confirmed=confirmed, allow_prune=True, keep_precious=True)
    decided = prepare(release, objects, target, replace(intent, policy=careful))
    yield decided
    refuse(decided)
    yield from carry_out(decided, target)
    return prepare(release, objects, target, replace(intent, policy=careful)).pending


def each_of(error: GitopsError) -> tuple[GitopsError, ...]:
    """The problems that `error` is made of."""
    return error.problems if isinstance(error, Problems) else (error,)


def and_then(failure: GitopsError, what: str) -> GitopsError:
    """`failure`, which also tells what came of it; with all that it tells itself: log lines, further problems."""
    first = each_of(failure)[0]
    first.problem = f"{first.problem.rstrip('.')}; {what}"
    return failure


def refuse(decided: Plan) -> None:
    """Raise what keeps `decided` from being carried out, all at once."""
    errors = [GitopsError(refusal.subject, refusal.problem, refusal.hint) for refusal in decided.refusals]
    if errors:
        raise errors[0] if len(errors) == 1 else Problems(errors)


def refuse_older(decided: Plan, intent: Intent) -> None:
    """Raise `Superseded` where a newer revision than this one was deployed, or begun, already."""
    last, ours = decided.inventory.last, decided.release.revision
    if last and ours and last.revision and intent.is_older(ours, last.revision):
        raise Superseded(
            decided.release.environment,
            f"superseded: {last.revision[:7]} was deployed here, and is newer than {ours[:7]}",
            "nothing to do; to go back, gitops rollback",
        )


def refuse_to_wait(decided: Plan, newer: str) -> None:
    """Raise `Superseded` where there is something newer to deploy."""
    if newer:
        raise Superseded(
            decided.release.environment,
            f"superseded: {newer[:7]} is there, and changes it; {decided.release.revision[:7]} is not waited for",
            f"deploy {newer[:7]}; what was applied stays until then",
        )


def compare_released(release: Release, target: Target, earlier: Earlier) -> Plan | None:
    """What a deploy of the revision that was released last would do again: its changes are the drift. None where
    nothing was released yet. Changes nothing."""
    deployed = target.inventory(release).deployed
    if deployed is None:
        return None
    title, objects = earlier(deployed.revision)
    desired = target.complete(release, objects)
    snapshot = target.read(release, desired, compare=True)
    return plan(replace(release, revision=deployed.revision, title=title), desired, snapshot, Policy(prune=False))


def deploy_released(compared: Plan, target: Target, policy: Policy) -> Iterator[Plan | Event]:
    """Deploy again the released revision that `compared` was made for. Raises `Superseded` where another one was
    released since then."""

    def refuse_another(decided: Plan) -> None:
        now = decided.inventory.deployed
        if now is None or now.revision != compared.release.revision:
            raise Superseded(
                decided.release.environment,
                f"superseded: {now.revision[:7] if now else 'nothing'} is released here by now, and not "
                f"{compared.release.revision[:7]}",
                "run it again",
            )

    objects = [change.desired for change in compared.changes if change.desired]
    yield from deploy(compared.release, objects, target, Intent(policy, approved=refuse_another))
