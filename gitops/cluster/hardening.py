"""Hardening as a plan: each setting's value now and then. Undoing is a plan too, from the values that were. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.cluster.checks import network_policy_on
from gitops.cluster_state import (
    CONTROL_LOGS,
    ENDPOINT,
    EVERYWHERE,
    GUARDDUTY,
    LOGS,
    NETWORK_POLICY,
    SCANNING,
    SECRETS,
    Change,
    ClusterState,
    RegionState,
    Value,
)
from gitops.errors import UsageError, nearest

SETTINGS = (CONTROL_LOGS, NETWORK_POLICY, SECRETS, SCANNING, GUARDDUTY, ENDPOINT)
"""In the order that they are changed: what could lock somebody out comes last."""

SHARED = (SCANNING, GUARDDUTY)
"""Settings of the whole account in the region, and not of the cluster alone."""


@dataclass(frozen=True)
class Wanted:
    """What hardening aims at."""

    cidrs: tuple[str, ...] = ()
    """Addresses that may reach the public endpoint; as they are, where empty."""
    private_only: bool = False
    key: str = ""
    """ARN of a KMS key for Secrets."""
    repositories: tuple[str, ...] = ()
    """Names or wildcards in ECR to scan."""
    only: tuple[str, ...] = SETTINGS


@dataclass(frozen=True)
class Hardening:
    """A plan: changes, and why other settings stay as they are."""

    changes: tuple[Change, ...]
    kept: tuple[tuple[str, str], ...] = ()
    """Setting and reason."""


def values(cluster: ClusterState, region: RegionState) -> dict[str, Value]:
    """Each setting's value now. None: the cluster has no such setting."""
    return {
        ENDPOINT: {"public": cluster.public, "private": cluster.private, "cidrs": sorted(cluster.cidrs)},
        CONTROL_LOGS: [log for log in LOGS if log in cluster.logs],
        SECRETS: cluster.key,
        NETWORK_POLICY: network_policy_on(cluster) if "vpc-cni" in cluster.addons and not cluster.auto_mode else None,
        SCANNING: dict(region.scanning),
        GUARDDUTY: {"detector": bool(region.detector), "runtime": region.runtime, "agent": region.agent},
    }


def plan_hardening(cluster: ClusterState, region: RegionState, wanted: Wanted) -> Hardening:
    """What to change for `wanted`. Raises `UsageError` for an unknown setting, or one that would shut everybody out."""
    for setting in wanted.only:
        if setting not in SETTINGS:
            raise UsageError("--only", f"no setting '{setting}'", nearest(setting, SETTINGS))
    now = values(cluster, region)
    changes, kept = [], []
    for setting in (each for each in SETTINGS if each in wanted.only):
        after, reason = _AIMS[setting](now[setting], wanted)
        if reason or after == now[setting]:
            kept.append((setting, reason or "is so already"))
        else:
            changes.append(Change(setting, now[setting], after, tuple(_notes(setting, now[setting], after))))
    return Hardening(tuple(changes), tuple(kept))


def plan_undo(
    cluster: ClusterState, region: RegionState, recorded: Mapping[str, Value], only: Sequence[str]
) -> Hardening:
    """What to change back to the values of `recorded`, the last changed first."""
    now = values(cluster, region)
    changes, kept = [], []
    for setting in reversed([each for each in SETTINGS if each in recorded and each in only]):
        if setting == SECRETS:
            kept.append((setting, "EKS cannot take a key away again"))
        elif now[setting] == recorded[setting]:
            kept.append((setting, "is so already"))
        else:
            notes = tuple(_undo_notes(setting, recorded[setting]))
            changes.append(Change(setting, now[setting], recorded[setting], notes))
    return Hardening(tuple(changes), tuple(kept))


def _endpoint(now: Value, wanted: Wanted) -> tuple[Value, str]:
    if EVERYWHERE in wanted.cidrs:
        raise UsageError("--cidr", f"{EVERYWHERE} is every address", "give those that need the cluster")
    public = now["public"] and not wanted.private_only
    cidrs = sorted(wanted.cidrs) if wanted.cidrs and public else now["cidrs"]
    return {"public": public, "private": True, "cidrs": cidrs}, ""


def _logs(_now: Value, _wanted: Wanted) -> tuple[Value, str]:
    return list(LOGS), ""


def _secrets(now: Value, wanted: Wanted) -> tuple[Value, str]:
    if now:
        return now, "" if not wanted.key or wanted.key == now else "has a key already, and EKS cannot change it"
    return (wanted.key, "") if wanted.key else (now, "give a key: --kms-key ARN")


def _network_policy(now: Value, _wanted: Wanted) -> tuple[Value, str]:
    return (True, "") if now is not None else (None, "vpc-cni is no add-on of this cluster, or it is in Auto Mode")


def _scanning(now: Value, wanted: Wanted) -> tuple[Value, str]:
    """Enhanced, with the rules that there are, and ours: continuous for the config's repositories."""
    rules = [dict(rule) for rule in now.get("rules", [])]
    continuous = next((rule for rule in rules if rule["scanFrequency"] == "CONTINUOUS_SCAN"), None)
    filters = list(continuous["repositoryFilters"]) if continuous else []
    known = {each["filter"] for each in filters}
    filters += [{"filter": name, "filterType": "WILDCARD"} for name in wanted.repositories if name not in known]
    # Basic scanning has one rule at most, of its own frequency; enhanced takes one for each of two.
    others = [rule for rule in rules if rule["scanFrequency"] == "SCAN_ON_PUSH"]
    return {
        "scanType": "ENHANCED",
        "rules": [{"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": filters}, *others],
    }, ""


def _guardduty(_now: Value, _wanted: Wanted) -> tuple[Value, str]:
    return {"detector": True, "runtime": "ENABLED", "agent": "ENABLED"}, ""


_AIMS = {
    ENDPOINT: _endpoint,
    CONTROL_LOGS: _logs,
    SECRETS: _secrets,
    NETWORK_POLICY: _network_policy,
    SCANNING: _scanning,
    GUARDDUTY: _guardduty,
}


def _notes(setting: str, before: Value, after: Value) -> Iterator[str]:
    if setting == ENDPOINT and before["public"] and not after["public"]:
        yield "from outside of the VPC nobody reaches the cluster: CodeBuild has to be in it"
    elif setting == ENDPOINT and after["cidrs"] != before["cidrs"]:
        yield "whoever else uses the endpoint loses it: people, CodeBuild outside of the VPC"
    if setting == SECRETS:
        yield "cannot be undone: EKS keeps a key for good, and the cluster dies with the key"
    if setting == NETWORK_POLICY:
        yield "from now on NetworkPolicies count: those that are there, too"
    if setting == CONTROL_LOGS:
        yield "CloudWatch charges for what is written"
    if setting in SHARED:
        yield "of the whole account in this region, not of the cluster alone; Inspector or GuardDuty charge for it"


def _undo_notes(setting: str, recorded: Value) -> Iterator[str]:
    if setting == GUARDDUTY and not recorded["detector"]:
        yield "deletes the detector, with its findings"
    if setting == ENDPOINT and recorded["public"] and EVERYWHERE in recorded["cidrs"]:
        yield "opens the endpoint to every address again"
    if setting in SHARED:
        yield "of the whole account in this region, not of the cluster alone"


def shown(value: Any) -> str:
    """A setting's value in a few words."""
    if isinstance(value, bool) or value is None:
        return {True: "on", False: "off", None: "-"}[value]
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if isinstance(value, str):
        return value or "none"
    if "scanType" in value:
        rules = (
            f"{r['scanFrequency']}: {', '.join(f['filter'] for f in r['repositoryFilters'])}" for r in value["rules"]
        )
        return "; ".join([value["scanType"], *rules])
    if "runtime" in value:
        return f"runtime monitoring {value['runtime'].lower()}" if value["detector"] else "no detector"
    public = f"public to {', '.join(value['cidrs'])}" if value["public"] else "not public"
    return f"{public}, private {'on' if value['private'] else 'off'}"


def _rule(rule: Mapping[str, Any]) -> str:
    return f"{rule['scanFrequency']}: {', '.join(each['filter'] for each in rule['repositoryFilters'])}"
