"""Taking away what deploys made: a plan with nothing desired, carried out in reverse order. Data stays unless asked."""

from collections.abc import Generator
from contextlib import nullcontext
from dataclasses import replace

from gitops.apply.events import Event
from gitops.pipeline import Intent, prepare
from gitops.plan.model import Action, Plan, Release
from gitops.plan.planner import Policy
from gitops.target.cluster import ClusterTarget

DATA = ("PersistentVolumeClaim", "PersistentVolume")
TEARDOWN = Policy(teardown=True)


def _policy(release: Release, target: ClusterTarget, delete_data: bool) -> Policy:
    """What is taken away. Without `delete_data`, volumes stay, and so do the namespaces that claims are in, whoever
    made these: a namespace takes everything in it along."""
    if delete_data:
        return TEARDOWN
    deletions = [change.ref for change in prepare(release, (), target, Intent(TEARDOWN)).changes]
    namespaces = [ref.name for ref in deletions if ref.kind == "Namespace"]
    volumes = [ref for ref in deletions if ref.kind in DATA]
    used = [name for name in namespaces if target.reader.list("", "PersistentVolumeClaim", name).objects]
    kept = [*map(str, volumes), *(f"Namespace/{name}" for name in used)]
    return replace(TEARDOWN, kept=frozenset(kept))


def tear_down(
    release: Release, target: ClusterTarget, delete_data: bool = False, dry_run: bool = False
) -> Generator[Plan | Event, None, None]:
    """The plan first, then what happens. Data stays without `delete_data`.

    The environment's own namespace goes last, and the record of what is owned with it: what is cut off before is
    carried on by the next. What went away already is not missed. Raises `GitopsError` where a deletion fails.
    """
    with nullcontext() if dry_run else target.lock(release):
        decided = prepare(release, (), target, Intent(_policy(release, target, delete_data)))
        yield decided
        if dry_run:
            return
        home = tuple(change for change in decided.pending if str(change.ref) == f"Namespace/{release.home}")
        others = replace(decided, changes=tuple(change for change in decided.changes if change not in home))
        yield from target.apply(decided)
        yield from target.prune(others)
        if home:
            yield from target.prune(replace(decided, changes=home))
            return
        if decided.pending:
            yield from target.record(decided)
    # Not under the lock: giving the Lease up would make it anew.
    if not target.lingering and not any(change.action is Action.SKIP for change in decided.changes):
        yield from target.forget(release)
