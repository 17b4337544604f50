"""The stages joined: a line a stage. Yields the plan and what happens; shows nothing and asks nobody."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from gitops.apply.events import Event
from gitops.clients.git import GitRepository
from gitops.errors import GitopsError, Problems
from gitops.objects import KubeObject, ObjectRef
from gitops.plan.model import Plan, Release
from gitops.plan.planner import DEFAULT_POLICY, Policy, plan
from gitops.target import Target

Claims = Callable[[], Mapping[ObjectRef, str]]
"""Objects that the other overlays of the same cluster have at this revision, and which; asked before a prune only."""


def no_claims() -> Mapping[ObjectRef, str]:
    """Where there is only one overlay."""
    return {}


def prepare(
    release: Release,
    rendered: Sequence[KubeObject],
    target: Target,
    policy: Policy = DEFAULT_POLICY,
    claims: Claims = no_claims,
) -> Plan:
    """What a deploy would do. Changes nothing."""
    desired = target.complete(release, rendered)
    snapshot = target.read(release, desired)
    candidates = snapshot.inventory.owned - {each.ref for each in desired}
    return plan(release, desired, snapshot, policy, claims() if candidates else {})


def deploy(
    release: Release,
    rendered: Sequence[KubeObject],
    target: Target,
    policy: Policy = DEFAULT_POLICY,
    claims: Claims = no_claims,
    dry_run: bool = False,
) -> Iterator[Plan | Event]:
    """Plan, apply, wait, prune, record. Yields the plan first: who consumes it may show it, ask, and stop there.

    Raises `GitopsError` where the plan is refused, or the release fails; that is recorded.
    """
    decided = prepare(release, rendered, target, policy, claims)
    yield decided
    if dry_run:
        return
    refuse(decided)
    try:
        yield from target.apply(decided)
        yield from target.wait(decided)
        yield from target.prune(decided)
    except GitopsError:
        yield from target.record(decided, "failed")
        raise
    yield from target.record(decided)


def refuse(decided: Plan) -> None:
    """Raise what keeps `decided` from being carried out, all at once."""
    errors = [GitopsError(refusal.subject, refusal.problem, refusal.hint) for refusal in decided.refusals]
    if errors:
        raise errors[0] if len(errors) == 1 else Problems(errors)


def committed(root: Path) -> tuple[str, str]:
    """The revision of the manifest tree at `root`, and its subject. Raises `GitopsError` with uncommitted changes."""
    repository = GitRepository.discover(root)
    if changed := changed_files(repository, root):
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise GitopsError(
            str(root), f"has uncommitted changes ({changed[0]}{more})", "commit them: what is deployed is a revision"
        )
    return repository.head(), repository.text("log", "-1", "--format=%s")


def revision_at(root: Path) -> tuple[str, str]:
    """As `committed`, for a plan: uncommitted changes are said in the subject, and no repository at all is no error."""
    try:
        repository = GitRepository.discover(root)
    except GitopsError:
        return "", ""
    changed = changed_files(repository, root)
    subject = f"and {len(changed)} uncommitted" if changed else repository.text("log", "-1", "--format=%s")
    return repository.head(), subject


def changed_files(repository: GitRepository, root: Path) -> list[str]:
    """Files under `root` that are not as committed."""
    inner = root.resolve().relative_to(repository.directory.resolve()).as_posix()
    return repository.changed_files(inner)
