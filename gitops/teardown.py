"""Taking away what deploys made: a plan with nothing desired, carried out in reverse order. Data stays unless asked."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gitops.apply.events import Event
from gitops.objects import ObjectRef
from gitops.pipeline import Intent, deploy, prepare
from gitops.plan.model import Action, Change, Plan, Release
from gitops.plan.planner import Policy
from gitops.target.cluster import ClusterTarget

DATA = ("PersistentVolumeClaim", "PersistentVolume")
TEARDOWN = Policy(teardown=True)


def teardown_policy(release: Release, target: ClusterTarget, delete_data: bool) -> Policy:
    """What is taken away. Without `delete_data`, volumes stay, and so do the namespaces that claims are in, whoever
    made these: a namespace takes everything in it along."""
    if delete_data:
        return TEARDOWN
    deletions = [change.ref for change in prepare(release, (), target, Intent(TEARDOWN)).changes]
    namespaces = [ref.name for ref in deletions if ref.kind == "Namespace"]
    volumes = [ref for ref in deletions if ref.kind in DATA]
    used = [name for name in namespaces if target.cluster.list("", "PersistentVolumeClaim", name).objects]
    kept = [*map(str, volumes), *(f"Namespace/{name}" for name in used)]
    return replace(TEARDOWN, kept=frozenset(kept))


def tear_down(release: Release, target: ClusterTarget, policy: Policy, dry_run: bool = False) -> Iterator[Plan | Event]:
    """The plan first, then what happens; at the end the record of what was owned goes too, unless something was kept.

    What an earlier, cut-off teardown took away already is not missed. Raises `GitopsError` where a deletion fails.
    """
    decided = prepare(release, (), target, Intent(policy))
    if decided.pending:
        yield from deploy(release, (), target, Intent(policy), dry_run)
    else:
        yield decided  # nothing to lock, nothing to record: its namespace may be gone already
    if not dry_run and not _left(decided.changes):
        yield from target.forget(release)


def _left(changes: Sequence[Change]) -> list[ObjectRef]:
    return [change.ref for change in changes if change.action is Action.SKIP]
