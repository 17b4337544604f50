"""A plan as a file: what was approved, without what is secret, and good only while the live state is the same.

The file names the revision, what happens to which object, and what was allowed besides (deletions that were confirmed,
fields that are taken), so that it need not be said again; with a hash over all that, over the objects as they are to
be, and over the state of each that it was decided on. To carry it out, the revision is rendered and planned again, and
must come to the same: so the file need not hold the objects.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gitops.errors import GitopsError
from gitops.objects import KubeObject
from gitops.plan.model import Change, Plan
from gitops.plan.planner import DEFAULT_POLICY, Policy

LIFE, SKEW = timedelta(minutes=60), timedelta(minutes=5)
"""How long a saved plan is good for, and by how much the clocks of two machines may differ."""
FORMAT = "gitops-plan/v1"


@dataclass(frozen=True)
class SavedPlan:
    """What a plan file says."""

    environment: str
    target: str
    revision: str
    made: datetime
    digest: str
    """sha256 over all that was decided."""
    policy: Policy = DEFAULT_POLICY
    """What was allowed when it was made."""
    changes: tuple[str, ...] = ()
    """What it does, as it was read by who approved it: "update Deployment/app/web"."""


def digest(plan: Plan, policy: Policy = DEFAULT_POLICY) -> str:
    """The hash of a plan: the same for the same decision on the same live state, with the same things allowed."""
    release = plan.release
    place = [release.environment, release.target, release.revision, release.owner]
    decided = [*place, _allowed(policy), *map(_decision, plan.changes)]
    text = json.dumps(decided, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def to_text(plan: Plan, made: datetime, policy: Policy = DEFAULT_POLICY) -> str:
    """The plan file."""
    release = plan.release
    document = {
        "format": FORMAT,
        "environment": release.environment,
        "target": release.target,
        "revision": release.revision,
        "made": made.isoformat(timespec="seconds"),
        "digest": digest(plan, policy),
        "allowed": _allowed(policy),
        "changes": _said(plan),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def begins_plan(head: bytes) -> bool:
    """Whether a file that begins with `head` is a plan file."""
    return head.startswith(f'{{\n  "format": "{FORMAT}",\n'.encode())


def from_text(text: str, file: str) -> SavedPlan:
    """What the plan file says. Raises `GitopsError` where it is none."""
    try:
        document: dict[str, Any] = json.loads(text)
        if document["format"] != FORMAT:
            raise ValueError
        made = datetime.fromisoformat(document["made"])
        if made.tzinfo is None:
            raise ValueError
        environment, target, revision, said = (
            str(document[key]) for key in ("environment", "target", "revision", "digest")
        )
        changes = tuple(map(str, document["changes"]))
        return SavedPlan(environment, target, revision, made, said, _policy(document["allowed"]), changes)
    except (ValueError, KeyError, TypeError) as error:
        raise GitopsError(file, "is not a plan that can be read", "make it with gitops plan ENV --save FILE") from error


def check(saved: SavedPlan, plan: Plan, file: str, now: datetime) -> None:
    """Raise `GitopsError` where `plan`, made just now, is not what was saved, or where that is too old."""
    again = f"gitops plan {plan.release.environment} --save {file}"
    wanted = (saved.environment, saved.target, saved.revision)
    found = (plan.release.environment, plan.release.target, plan.release.revision)
    for what, before, after in zip(("environment", "target", "revision"), wanted, found, strict=True):
        if before != after:
            raise GitopsError(file, f"is for {what} {before[:40]}, not {after[:40]}", again)
    if now - saved.made > LIFE:
        minutes = LIFE.total_seconds() / 60
        raise GitopsError(file, f"was made more than {minutes:.0f} min ago", again)
    if saved.made - now > SKEW:
        raise GitopsError(file, f"was made at {saved.made.isoformat()}, which is yet to come", again)
    if (saved.digest, list(saved.changes)) != (digest(plan, saved.policy), _said(plan)):
        raise GitopsError(file, "is stale: the live state has moved since it was made, or the file was altered", again)


def _said(plan: Plan) -> list[str]:
    return [f"{change.action} {change.ref}" for change in plan.pending]


def _allowed(policy: Policy) -> dict[str, Any]:
    return {
        "confirm": sorted(policy.confirmed),
        "takeOwnership": sorted(policy.take_ownership),
        "allowPrune": policy.allow_prune,
        "prune": policy.prune,
    }


def _policy(allowed: dict[str, Any]) -> Policy:
    confirmed, taken = frozenset(map(str, allowed["confirm"])), frozenset(map(str, allowed["takeOwnership"]))
    return Policy(confirmed, taken, prune=bool(allowed["prune"]), allow_prune=bool(allowed["allowPrune"]))


def _decision(change: Change) -> list[Any]:
    fields = [field.path for field in change.fields]
    desired = change.desired.body if change.desired else None
    return [change.action, str(change.ref), change.ref.group, change.risk, fields, desired, _state(change.live)]


def _state(live: KubeObject | None) -> list[Any]:
    """Which state of an object was looked at: its generation where it has one, as status and counters move all the
    time, and its labels, which are not counted there; else its version."""
    if live is None:
        return []
    generation = live.metadata.get("generation")
    if not generation:
        return [live.uid, str(live.metadata.get("resourceVersion", ""))]
    return [live.uid, f"generation {generation}", live.metadata.get("labels") or {}]
