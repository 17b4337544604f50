"""Hardening as a plan, and its undoing as another."""

from dataclasses import replace
from typing import Any

import pytest

from gitops.cluster.hardening import SETTINGS, Hardening, Wanted, plan_hardening, plan_undo, shown, values
from gitops.cluster_state import Addon, ClusterState, RegionState
from gitops.errors import UsageError

OPEN = ClusterState(
    name="eks-work-cluster",
    version="1.36",
    status="ACTIVE",
    authentication="API",
    public=True,
    private=False,
    cidrs=("0.0.0.0/0",),
    logs=("api",),
    key="",
    auto_mode=False,
    addons={"vpc-cni": Addon("v1", "ACTIVE", {"env": {}})},
)
REGION = RegionState(scanning={"scanType": "BASIC", "rules": []}, detector="")
KEY = "arn:aws:kms:ap-northeast-2:111122223333:key/1"
WANTED = Wanted(cidrs=("203.0.113.0/24",), key=KEY, repositories=("k8sbook/backend-app",))


def afters(plan: Hardening) -> dict[str, Any]:
    return {change.setting: change.after for change in plan.changes}


def test_an_open_cluster_is_closed_in_an_order_that_locks_out_last() -> None:
    plan = plan_hardening(OPEN, REGION, WANTED)
    assert [change.setting for change in plan.changes] == list(SETTINGS)
    assert plan.changes[-1].setting == "endpoint"
    assert afters(plan) == {
        "logs": ["api", "audit", "authenticator", "controllerManager", "scheduler"],
        "network-policy": True,
        "secrets": KEY,
        "ecr-scanning": {
            "scanType": "ENHANCED",
            "rules": [
                {
                    "scanFrequency": "CONTINUOUS_SCAN",
                    "repositoryFilters": [{"filter": "k8sbook/backend-app", "filterType": "WILDCARD"}],
                }
            ],
        },
        "guardduty": {"detector": True, "runtime": "ENABLED", "agent": "ENABLED"},
        "endpoint": {"public": True, "private": True, "cidrs": ["203.0.113.0/24"]},
    }


def hardened(cluster: ClusterState) -> ClusterState:
    return replace(
        cluster,
        private=True,
        cidrs=("203.0.113.0/24",),
        logs=("scheduler", "api", "audit", "authenticator", "controllerManager"),
        key=KEY,
        addons={"vpc-cni": Addon("v1", "ACTIVE", {"enableNetworkPolicy": "true"})},
    )


def hardened_region() -> RegionState:
    scanning = afters(plan_hardening(OPEN, REGION, WANTED))["ecr-scanning"]
    return RegionState(scanning, "d1", "ENABLED", "ENABLED")


def test_a_hardened_cluster_has_nothing_to_change() -> None:
    plan = plan_hardening(hardened(OPEN), hardened_region(), WANTED)
    assert plan.changes == ()
    assert dict(plan.kept) == dict.fromkeys(SETTINGS, "is so already")


def test_undo_gives_every_value_that_was_in_the_opposite_order() -> None:
    before = values(OPEN, REGION)
    plan = plan_undo(hardened(OPEN), hardened_region(), before, SETTINGS)
    assert afters(plan) == {setting: value for setting, value in before.items() if setting != "secrets"}
    assert [change.setting for change in plan.changes] == [s for s in reversed(SETTINGS) if s != "secrets"]
    assert dict(plan.kept) == {"secrets": "EKS cannot take a key away again"}


def test_undo_touches_nothing_that_was_not_recorded() -> None:
    assert plan_undo(hardened(OPEN), hardened_region(), {}, SETTINGS) == Hardening(())


def test_only_the_settings_asked_for_are_changed() -> None:
    plan = plan_hardening(OPEN, REGION, replace(WANTED, only=("logs",)))
    assert [change.setting for change in plan.changes] == ["logs"]


def test_an_unknown_setting_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'logs'"):
        plan_hardening(OPEN, REGION, replace(WANTED, only=("log",)))


def test_without_addresses_those_that_there_are_stay() -> None:
    plan = plan_hardening(OPEN, REGION, Wanted())
    assert afters(plan)["endpoint"] == {"public": True, "private": True, "cidrs": ["0.0.0.0/0"]}


def test_every_address_is_no_limit() -> None:
    with pytest.raises(UsageError, match="is every address"):
        plan_hardening(OPEN, REGION, Wanted(cidrs=("0.0.0.0/0",)))


def test_what_could_lock_out_or_lasts_for_good_is_noted() -> None:
    notes = {change.setting: " ".join(change.notes) for change in plan_hardening(OPEN, REGION, WANTED).changes}
    assert "whoever else uses the endpoint loses it" in notes["endpoint"]
    assert "cannot be undone" in notes["secrets"]
    assert "of the whole account" in notes["ecr-scanning"]
    private = plan_hardening(OPEN, REGION, replace(WANTED, private_only=True))
    assert "CodeBuild has to be in it" in " ".join(private.changes[-1].notes)


def test_secrets_stay_without_a_key_and_keep_the_one_that_they_have() -> None:
    assert dict(plan_hardening(OPEN, REGION, Wanted()).kept)["secrets"] == "give a key: --kms-key ARN"
    other = plan_hardening(replace(OPEN, key="arn:other"), REGION, WANTED)
    assert dict(other.kept)["secrets"] == "has a key already, and EKS cannot change it"


def test_network_policies_stay_where_vpc_cni_is_no_addon() -> None:
    assert (
        "vpc-cni is no add-on" in dict(plan_hardening(replace(OPEN, addons={}), REGION, WANTED).kept)["network-policy"]
    )


def test_rules_of_others_for_scanning_stay() -> None:
    others = [
        {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]},
        {"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [{"filter": "base/*", "filterType": "WILDCARD"}]},
    ]
    region = replace(REGION, scanning={"scanType": "ENHANCED", "rules": others})
    rules = afters(plan_hardening(OPEN, region, WANTED))["ecr-scanning"]["rules"]
    assert [each["filter"] for each in rules[0]["repositoryFilters"]] == ["base/*", "k8sbook/backend-app"]
    assert rules[1] == others[0]


def test_undoing_a_detector_that_was_made_says_what_is_lost() -> None:
    plan = plan_undo(OPEN, hardened_region(), {"guardduty": values(OPEN, REGION)["guardduty"]}, SETTINGS)
    assert plan.changes[0].notes[0] == "deletes the detector, with its findings"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "on"),
        ([], "none"),
        (["api", "audit"], "api, audit"),
        ("", "none"),
        ({"public": False, "private": True, "cidrs": []}, "not public, private on"),
        ({"detector": False, "runtime": "DISABLED", "agent": "DISABLED"}, "no detector"),
        ({"scanType": "BASIC", "rules": []}, "BASIC"),
    ],
)
def test_a_value_is_shown_in_a_few_words(value: Any, words: str) -> None:
    assert shown(value) == words
