"""Settings of EKS, ECR and GuardDuty: read, and set one at a time, on strict fakes of what moto lacks."""

import json

import pytest

from gitops.cluster.hardening import SETTINGS, Wanted, plan_hardening, plan_undo, values
from gitops.cluster_state import Change
from gitops.errors import GitopsError
from tests.support.eks import NAME, FakeAccount

WANTED = Wanted(("203.0.113.0/24",), key="arn:aws:kms:ap-northeast-2:111122223333:key/1", repositories=("app",))


@pytest.fixture
def account() -> FakeAccount:
    return FakeAccount()


def harden(account: FakeAccount) -> None:
    settings = account.settings()
    for change in plan_hardening(settings.cluster(), settings.region(), WANTED).changes:
        settings.apply(change)


def test_hardening_makes_everything_as_planned_and_then_has_nothing_to_do(account: FakeAccount) -> None:
    harden(account)
    settings = account.settings()
    assert plan_hardening(settings.cluster(), settings.region(), WANTED).changes == ()
    assert account.eks.cluster["resourcesVpcConfig"]["publicAccessCidrs"] == ["203.0.113.0/24"]


def test_undo_makes_everything_as_it_was_but_the_key(account: FakeAccount) -> None:
    settings = account.settings()
    before = values(settings.cluster(), settings.region())
    harden(account)
    for change in plan_undo(settings.cluster(), settings.region(), before, SETTINGS).changes:
        settings.apply(change)
    assert values(settings.cluster(), settings.region()) == before | {"secrets": WANTED.key}


def test_the_addons_own_configuration_stays(account: FakeAccount) -> None:
    harden(account)
    assert json.loads(account.eks.addons["vpc-cni"]) == {"env": {"A": "1"}, "enableNetworkPolicy": "true"}


def test_each_update_is_waited_for(account: FakeAccount) -> None:
    harden(account)
    assert account.eks.calls.count("describe_update") == 8
    assert account.slept == 80


def test_a_failed_update_says_awss_reason(account: FakeAccount) -> None:
    account.eks.failing = "InsufficientFreeAddresses"
    with pytest.raises(GitopsError, match="failed: InsufficientFreeAddresses: said AWS"):
        account.settings().apply(Change("logs", [], ["api"]))


def test_an_update_without_end_is_given_up(account: FakeAccount) -> None:
    account.eks.looks_needed = 1000
    with pytest.raises(GitopsError, match="is not done after 30 min"):
        account.settings().apply(Change("logs", [], ["api"]))


def test_the_older_runtime_feature_is_used_on_where_it_is_in_use(account: FakeAccount) -> None:
    account.guardduty.detectors["d1"] = [{"Name": "EKS_RUNTIME_MONITORING", "Status": "ENABLED"}]
    harden(account)
    assert [each["Name"] for each in account.guardduty.detectors["d1"]] == ["EKS_RUNTIME_MONITORING"]


def test_a_cluster_that_is_not_there_is_one_line(account: FakeAccount) -> None:
    with pytest.raises(GitopsError, match=r"^other: there is no such EKS cluster"):
        account.settings("other").cluster()


def test_a_refusal_names_the_setting(account: FakeAccount) -> None:
    bad = {"public": False, "private": True, "cidrs": []}
    account.eks._looks["other"] = 1
    with pytest.raises(GitopsError, match=f"^{NAME}, endpoint: AWS refuses: ResourceInUseException"):
        account.settings().apply(Change("endpoint", {}, bad))
