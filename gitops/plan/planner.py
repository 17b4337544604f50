"""Desired objects and a snapshot of the live ones in, a plan out. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.errors import count_of
from gitops.objects import MANAGER, OWNER, REVISION, RUN, KubeObject, ObjectRef
from gitops.plan.aggregation import without_aggregated_rules
from gitops.plan.autoscaling import spec_of, without_replicas
from gitops.plan.deadline import own_deadline
from gitops.plan.diff import comparable, diff, like
from gitops.plan.fields import applied_fields, applied_version, dumped, in_live_notation, owned, paths, without
from gitops.plan.keeping import kept_by
from gitops.plan.mask import Mask
from gitops.plan.model import Action, Change, FieldChange, Plan, Refusal, Release, Risk, Snapshot
from gitops.plan.order import levels

PRECIOUS = frozenset({"Namespace", "PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition"})
"""Kinds whose deletion takes data with it."""
NEVER_REPLACED = PRECIOUS | {"StatefulSet"}
WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
ALLOW_REPLACE = "gitops/allow-replace"
"""Annotation: "true" allows the deletion and creation of an object whose immutable field changes."""


@dataclass(frozen=True)
class Policy:
    """What a deploy may do without asking."""

    confirmed: frozenset[str] = frozenset()
    """Objects, as they print, whose deletion or replacement is confirmed."""
    take_ownership: frozenset[str] = frozenset()
    """Objects, as they print, whose fields are taken from other managers."""
    undo: frozenset[str] = frozenset()
    """Objects, as they print, of which what was changed or added by hand goes away."""
    prune: bool = True
    max_prune: int = 20
    """Most objects that a deploy deletes without --allow-prune."""
    max_prune_share: float = 0.4
    """Largest share of what is owned that a deploy deletes without --allow-prune."""
    allow_prune: bool = False
    """The two limits above are lifted."""
    teardown: bool = False
    """Nothing is desired on purpose: all that is owned goes, but for `kept`."""
    kept: frozenset[str] = frozenset()
    """Objects, as they print, that a teardown leaves."""
    keep_precious: bool = False
    """What holds data is kept rather than deleted, without asking: for a rollback, that nobody watches."""


DEFAULT_POLICY = Policy()
UNREAD = "may not be read"
"""What a note begins with of an object that was not compared."""
FEW = 3
"""So few deletions are never too large a share."""


def plan(
    release: Release,
    given: Sequence[KubeObject],
    snapshot: Snapshot,
    policy: Policy = DEFAULT_POLICY,
    claimed: Mapping[ObjectRef, str] | None = None,
) -> Plan:
    """What makes the live state that of the desired objects `given`.

    `claimed` are objects that other overlays of this tree have. Raises `GitopsError` for a cycle of dependencies, and
    for a deadline that cannot be read.
    """
    order = levels(given)
    for each in given:
        own_deadline(each)
    seen = [each for each in given if each.ref not in snapshot.unread]
    desired = [to_apply(each, snapshot.autoscaled, snapshot.live.get(each.ref)) for each in seen]
    mask = Mask((*desired, *snapshot.live.values()))
    replicas = {each.ref: spec_of(each).get("replicas") for each in given if each.ref in snapshot.autoscaled}
    changes = [_change(each, order[each.ref], replicas.get(each.ref), snapshot, mask) for each in desired]
    changes += [Change(Action.SKIP, ref, None, note=f"{UNREAD}: {why}") for ref, why in snapshot.unread.items()]
    wanted = {each.ref for each in desired}
    if policy.prune:
        gone = sorted(snapshot.inventory.owned - wanted)
        deletions = [_deletion(ref, release, snapshot, policy, claimed or {}) for ref in gone if ref in snapshot.live]
        changes += [_unless_unknown(each, snapshot, policy) for each in deletions]
        unseen = [ref for ref in gone if ref.group in snapshot.unknown and ref not in snapshot.live]
        changes += [_unseen(ref, [ref.group]) for ref in unseen]
    else:
        kept = sorted(ref for ref in snapshot.inventory.owned - wanted if ref in snapshot.live)
        changes += [Change(Action.SKIP, ref, None, note="kept: --no-prune") for ref in kept]
    refusals = [
        *_refused_takings(changes, release, policy, claimed or {}),
        *_refused_changes(changes, policy),
        *_refused_prune(changes, desired, snapshot, policy),
    ]
    return Plan(release, tuple(changes), snapshot.inventory, tuple(refusals))


def owned_after(plan: Plan) -> frozenset[ObjectRef]:
    """What the environment owns when `plan` is carried out: what is desired, and what is kept for now."""
    kept = {change.ref for change in plan.changes if change.action is Action.SKIP and change.note.startswith("kept")}
    return frozenset(kept | {change.ref for change in plan.changes if change.desired is not None})


def sized(desired: KubeObject, autoscaled: frozenset[ObjectRef]) -> KubeObject:
    """`desired`, without what a controller sets: `replicas` for an autoscaler, the rules of an aggregated role."""
    return without_aggregated_rules(without_replicas(desired) if desired.ref in autoscaled else desired)


def to_apply(desired: KubeObject, autoscaled: frozenset[ObjectRef], live: KubeObject | None) -> KubeObject:
    """`desired` as it is applied to `live`: `sized`, with quantities as they are written there."""
    left = sized(desired, autoscaled)
    return in_live_notation(left, live) if live else left


def stamped(desired: KubeObject, owner: str, revision: str = "", run: str = "") -> KubeObject:
    """`desired` with the annotations that say whose it is, and which revision and run changed it."""
    stamps = {OWNER: owner, REVISION: revision, RUN: run}
    return desired.with_annotations({key: value for key, value in stamps.items() if value})


def restamped(desired: KubeObject, live: KubeObject, owner: str) -> KubeObject:
    """`desired` as it was stamped when it was last applied, so that a comparison sees no change in that."""
    ours = applied_fields(live).get("f:metadata", {}).get("f:annotations", {})
    old = {key: live.annotations[key] for key in (REVISION, RUN) if f"f:{key}" in ours and key in live.annotations}
    return stamped(desired, owner).with_annotations(old)


def _change(desired: KubeObject, level: int, replicas: int | None, snapshot: Snapshot, mask: Mask) -> Change:
    ref = desired.ref
    live, merged = snapshot.live.get(ref), snapshot.merged.get(ref)
    if live is None:
        return Change(Action.CREATE, ref, desired, replicas=replicas, level=level)
    if reason := snapshot.immutable.get(ref):
        return _replacement(desired, live, mask.text(reason), level, mask)
    assert merged is not None, f"{ref} is live, and was not previewed"
    kept = _kept_replicas(ref, live, snapshot)
    if kept is not None:
        # The dry run let go of them; the apply hands them over first.
        merged = KubeObject({**merged.body, "spec": {**merged.body["spec"], "replicas": kept}}, merged.origin)
    fields = diff(live.body, merged.body)
    adopts = snapshot.orphans.get(ref, ())
    if not adopts and (not fields or _is_of_others(desired, live, merged)) and _owns_the_same(live, merged):
        return Change(Action.UNCHANGED, ref, desired, live=live, level=level)
    return Change(
        action=Action.UPDATE,
        ref=ref,
        desired=desired,
        fields=mask.changes(ref.kind, fields),
        risk=Risk.RESTART if restarts(merged, fields) else Risk.NONE,
        note=_note(live, merged, fields, adopts, kept),
        live=live,
        merged=merged,
        conflicts=snapshot.conflicts.get(ref, ()),
        adopts=adopts,
        replicas=kept,
        level=level,
    )


def _owns_the_same(live: KubeObject, merged: KubeObject) -> bool:
    return applied_fields(live) == applied_fields(merged)


def _is_of_others(desired: KubeObject, live: KubeObject, merged: KubeObject) -> bool:
    """Whether what an apply would change is nothing of what we apply: a webhook may write another time at each try."""
    before, after, wanted = (comparable(each.body) for each in (live, merged, desired))
    ours = applied_fields(live)
    pairs = ((owned(before, ours), owned(after, ours)), (like(before, wanted), like(after, wanted)))
    return all(dumped(one) == dumped(other) for one, other in pairs)


def _replacement(desired: KubeObject, live: KubeObject, reason: str, level: int, mask: Mask) -> Change:
    """What no update can bring about. The server did not fill the new object in: what it filled into the old one is no
    difference."""
    differences = [field for field in diff(like(live.body, desired.body), desired.body) if field.after is not None]
    named = [field.path for field in differences]
    more = f" and {len(named) - 2} more" if len(named) > 2 else ""
    return Change(
        action=Action.REPLACE,
        ref=desired.ref,
        desired=desired,
        fields=mask.changes(desired.kind, differences),
        risk=Risk.DATA_LOSS if desired.kind in NEVER_REPLACED else Risk.REPLACE,
        note=reason + (f": {', '.join(named[:2])}{more}" if named else ""),
        live=live,
        level=level,
    )


def _kept_replicas(ref: ObjectRef, live: KubeObject, snapshot: Snapshot) -> int | None:
    """The live size of an autoscaled object whose `replicas` was ours until now."""
    ours = "f:replicas" in applied_fields(live).get("f:spec", {}) or bool(snapshot.orphans.get(ref))
    return live.body["spec"].get("replicas") if ref in snapshot.autoscaled and ours else None


def restarts(merged: KubeObject, fields: Iterable[FieldChange]) -> bool:
    """Whether the change replaces the pods of a workload: not while it is paused, nor where somebody has to delete them
    first."""
    if merged.kind not in WORKLOADS or not any(change.path.startswith("spec.template") for change in fields):
        return False
    spec = merged.body["spec"]
    return not spec.get("paused") and (spec.get("updateStrategy") or {}).get("type") != "OnDelete"


def _note(
    live: KubeObject,
    merged: KubeObject,
    fields: Sequence[FieldChange],
    adopts: tuple[str, ...],
    replicas: int | None,
) -> str:
    said = [f"image {_tags(change)}" for change in fields if change.path.endswith(".image")]
    if pods := _restarted(live, merged) if restarts(merged, fields) else 0:
        said.append(f"restarts {count_of(pods, 'pod')}")
    elif not said:
        said = [change.path for change in fields[:2]]
    before, after = live.annotations.get(OWNER), merged.annotations.get(OWNER)
    if before and after and before != after:
        said.append(f"taken over from {before}")
    if replicas is not None:
        said.append(f"leaves its {count_of(replicas, 'replica')} to the autoscaler")
    if others := [name for name in adopts if name != MANAGER]:
        said.append(f"adopts the fields of {', '.join(others)}")
    elif not fields and applied_fields(live) and applied_version(live) != merged.api_version:
        said.append(f"is written as {merged.api_version}")
    elif not fields and replicas is None:
        left = next(paths(without(applied_fields(live), applied_fields(merged))), "")
        said.append(f"leaves {left} as it is" if left else "becomes ours")
    more = len(fields) - 2
    return " · ".join(said) + (
        f" and {more} more" if more > 0 and ".image" not in str(said) and "restarts" not in str(said) else ""
    )


def _tags(change: FieldChange) -> str:
    before, after = (str(value or "none") for value in (change.before, change.after))
    same = before.partition(":")[0] == after.partition(":")[0] and before != "none"
    return " -> ".join(_short_image(each) if same else each for each in (before, after))


def _short_image(image: str) -> str:
    """The tag, or the start of the digest, of an image reference."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or digest[:19] or image


def _restarted(live: KubeObject, merged: KubeObject) -> int:
    """How many pods there are, less those below the partition of a StatefulSet, which stay as they are."""
    now: Mapping[str, Any] = live.body.get("status") or {}
    rolling = (merged.body["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
    pods = int(now.get("replicas") or now.get("desiredNumberScheduled") or 0)
    return max(0, pods - int(rolling.get("partition") or 0))


def _deletion(
    ref: ObjectRef, release: Release, snapshot: Snapshot, policy: Policy, claimed: Mapping[ObjectRef, str]
) -> Change:
    live = snapshot.live[ref]
    users = {} if policy.teardown else snapshot.users
    if reason := _spared(ref, live, release, users, claimed):
        return Change(Action.SKIP, ref, None, note=reason, live=live)
    risk = Risk.DATA_LOSS if ref.kind in PRECIOUS else Risk.DELETE
    if policy.teardown and str(ref) not in policy.kept:
        return Change(Action.DELETE, ref, None, risk=risk, live=live)
    if str(ref) in policy.kept or (risk is Risk.DATA_LOSS and policy.keep_precious):
        return Change(Action.SKIP, ref, None, note="kept: it holds data", live=live)
    return Change(Action.DELETE, ref, None, risk=risk, live=live)


def _unless_unknown(deletion: Change, snapshot: Snapshot, policy: Policy) -> Change:
    """Nothing is deleted while it is not known all that there is; but for a teardown, which is of no single release."""
    if deletion.action is not Action.DELETE or policy.teardown or not snapshot.unknown:
        return deletion
    return _unseen(deletion.ref, snapshot.unknown)


def _unseen(ref: ObjectRef, groups: Iterable[str]) -> Change:
    return Change(Action.SKIP, ref, None, note=f"kept: the server of {', '.join(sorted(groups))} does not answer")


def _spared(
    ref: ObjectRef,
    live: KubeObject,
    release: Release,
    users: Mapping[ObjectRef, str],
    claimed: Mapping[ObjectRef, str],
) -> str:
    """Why an object that the new revision lacks is not deleted; empty where it is."""
    owner = live.annotations.get(OWNER)
    if owner and owner != release.owner:
        return f"belongs to {owner} now"
    if ref in claimed:
        return f"moves to {claimed[ref]}"
    if not owner and not applied_fields(live):
        return "is no longer ours: somebody else made it anew"
    if annotation := kept_by(live):
        return f"kept: its annotation {annotation} says so"
    if user := users.get(ref):
        return f"kept: {user} still uses it"
    if live.metadata.get("deletionTimestamp"):
        held = ", ".join(map(str, live.metadata.get("finalizers") or []))
        return f"kept: is being deleted already; finalizers: {held}" if held else "kept: is being deleted already"
    return ""


def _refused_takings(
    changes: Iterable[Change], release: Release, policy: Policy, claimed: Mapping[ObjectRef, str]
) -> Iterable[Refusal]:
    """What another overlay has as well, and what belongs to another system; not what another overlay of ours had."""
    for change in changes:
        name, owner = str(change.ref), change.live.annotations.get(OWNER) if change.live else None
        if not owner or owner == release.owner or change.desired is None or change.action is Action.UNCHANGED:
            continue
        if change.ref in claimed:
            said = f"is in {claimed[change.ref]} too, which it belongs to: each would take it from the other"
            yield Refusal(name, said, "leave it in one of the two")
        elif _system(owner) != _system(release.owner) and name not in policy.take_ownership:
            yield Refusal(name, f"belongs to {owner}", f"--take-ownership {name}, or give it another name")


def _system(owner: str) -> str:
    return owner.partition("/")[0]


def _refused_changes(changes: Iterable[Change], policy: Policy) -> Iterable[Refusal]:
    for change in changes:
        name = str(change.ref)
        if change.conflicts and name not in policy.take_ownership:
            fields = ", ".join(f"{manager} owns {path}" for manager, path in sorted(set(change.conflicts)))
            yield Refusal(name, fields, f"--take-ownership {name}, or leave the field out of the overlay")
        if change.action is Action.REPLACE and name not in policy.confirmed and not _may_replace(change):
            yield Refusal(name, f"must be deleted and created again: {change.note}", f"--confirm {name}")
        asked = policy.teardown or name in policy.confirmed
        if change.action is Action.DELETE and change.risk is Risk.DATA_LOSS and not asked:
            yield Refusal(name, "its deletion takes data with it", f"--confirm {name}, or put it back into the overlay")


def _may_replace(change: Change) -> bool:
    assert change.desired is not None
    allowed = change.desired.annotations.get(ALLOW_REPLACE) == "true"
    return allowed and change.ref.kind not in NEVER_REPLACED


def _refused_prune(
    changes: Sequence[Change], desired: Sequence[KubeObject], snapshot: Snapshot, policy: Policy
) -> Iterable[Refusal]:
    if policy.teardown:
        return
    deleted = sum(change.action is Action.DELETE for change in changes)
    owned = len(snapshot.inventory.owned)
    if owned and not desired:
        yield Refusal(
            "render",
            f"the overlay is empty, and {count_of(owned, 'object')} {_are(owned)} deployed",
            "check the overlay",
        )
    elif deleted and snapshot.inventory.recovered and not policy.allow_prune:
        said = f"the inventory was lost: {count_of(deleted, 'deletion')} {_are(deleted)} due by what annotations say"
        yield Refusal("prune", said, "look at what is deleted, then --allow-prune")
    elif deleted and not policy.allow_prune:
        if deleted > policy.max_prune:
            yield Refusal(
                "prune",
                f"{count_of(deleted, 'deletion')} {_are(deleted)} more than {policy.max_prune}",
                "--allow-prune",
            )
        elif deleted > FEW and deleted > policy.max_prune_share * owned:
            yield Refusal("prune", f"{deleted} deletions of {owned} objects are too large a share", "--allow-prune")


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
