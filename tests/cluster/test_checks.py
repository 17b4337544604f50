"""Preflight of a cluster: what is looked at, and what each finding says."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gitops.cluster.checks import Finding, check_cluster, principal
from gitops.cluster_state import AccessEntry, Addon, ClusterState
from gitops.config import Config
from tests.support.configs import sample, variation

TODAY = date(2026, 11, 24)
ADDONS = ("coredns", "kube-proxy", "eks-pod-identity-agent", "amazon-cloudwatch-observability")


def good(config: Config) -> ClusterState:
    """A cluster that has all that the sample needs; open to every address, as CodeBuild outside of a VPC asks for."""
    duties = ("validate", "deploy-platform", "deploy-staging", "deploy-prod")
    addons = {name: Addon("v1", "ACTIVE") for name in ADDONS}
    return ClusterState(
        name="eks-work-cluster",
        version="1.36",
        status="ACTIVE",
        authentication="API",
        public=True,
        private=True,
        cidrs=("0.0.0.0/0",),
        logs=(),
        key="",
        auto_mode=False,
        addons=addons | {"vpc-cni": Addon("v1", "ACTIVE", {"enableNetworkPolicy": "true"})},
        entries={principal(config, config.clusters[0], duty): AccessEntry() for duty in duties},
        nodegroups=("workers",),
        quotas={"Managed node groups per cluster": 30},
    )


def findings(config: Config | None = None, today: date = TODAY, **changes: Any) -> list[Finding]:
    config = config or sample()
    return check_cluster(config, config.clusters[0], replace(good(config), **changes), today)


def bad(config: Config | None = None, today: date = TODAY, **changes: Any) -> set[tuple[str, str]]:
    return {(each.level, each.subject) for each in findings(config, today, **changes) if each.level != "ok"}


def test_a_good_cluster_has_one_warning_that_its_endpoint_is_open() -> None:
    assert bad() == {("warning", "endpoint")}
    assert {each.subject for each in findings() if each.level == "ok"} == {
        *("version", "authentication", "access", "add-ons", "network policy"),
    }


@pytest.mark.parametrize(
    ("changes", "finding", "said"),
    [
        ({"status": "UPDATING"}, ("error", "status"), "is UPDATING"),
        ({"version": "1.35"}, ("error", "version"), "is 1.35, but gitops.yaml says 1.36"),
        ({"authentication": "CONFIG_MAP"}, ("error", "authentication"), "knows no access entries"),
        ({"authentication": "API_AND_CONFIG_MAP"}, ("warning", "authentication"), "aws-auth counts"),
        ({"public": False}, ("error", "endpoint"), "is private only"),
        ({"cidrs": ("203.0.113.0/24",)}, ("error", "endpoint"), "is open to 203.0.113.0/24 only"),
        ({"private": False}, ("warning", "endpoint"), "nodes reach it by the public endpoint only"),
        ({"auto_mode": True}, ("error", "auto mode"), "the cluster is in Auto Mode"),
        ({"nodegroups": ()}, ("warning", "nodes"), "no managed node group"),
        ({"addons": {}}, ("error", "network policy"), "the VPC CNI ignores NetworkPolicies"),
        ({"addons": {}}, ("error", "add-ons"), "eks-pod-identity-agent is missing"),
        ({"addons": {}}, ("warning", "add-ons"), "coredns is no EKS add-on"),
        ({"addons": {"coredns": Addon("v1", "DEGRADED")}}, ("error", "add-ons"), "coredns v1 is DEGRADED"),
        ({"entries": {}}, ("error", "access"), "eks-work-deploy-prod has no access entry"),
        ({"nodegroups": tuple("abcdefghijklmnopqrstuvwx")}, ("warning", "quotas"), "24 of 30"),
    ],
)
def test_what_is_amiss_is_said(changes: dict[str, Any], finding: tuple[str, str], said: str) -> None:
    found = [each for each in findings(**changes) if (each.level, each.subject) == finding]
    assert any(said in each.text for each in found), found
    assert all(each.hint for each in found)


@pytest.mark.parametrize(
    ("today", "level", "said"),
    [
        (date(2027, 6, 1), "ok", "in standard support to 2027-08-02"),
        (date(2027, 7, 1), "warning", "standard support ends on 2027-08-02"),
        (date(2027, 9, 1), "warning", "is in extended support"),
        (date(2028, 9, 1), "error", "all support ended on 2028-08-02"),
    ],
)
def test_the_support_of_the_version_depends_on_the_day(today: date, level: str, said: str) -> None:
    (found,) = [each for each in findings(today=today) if each.subject == "version"]
    assert found.level == level
    assert said in found.text


def test_a_version_that_eks_never_had_is_an_error() -> None:
    assert ("error", "version") in bad(version="1.99")


@pytest.mark.parametrize(
    "entry", [AccessEntry(groups=("system:masters",)), AccessEntry(policies=("AmazonEKSClusterAdminPolicy",))]
)
def test_a_role_that_may_do_everything_is_said(entry: AccessEntry) -> None:
    config = sample()
    arn = principal(config, config.clusters[0], "deploy-prod")
    found = findings(entries={**good(config).entries, arn: entry})
    assert any("eks-work-deploy-prod may do everything" in each.text for each in found)


def test_the_autoscaler_on_an_auto_mode_cluster_is_an_error() -> None:
    config = variation(("overlays: [security", "overlays: [autoscaling, security"))
    found = findings(config, auto_mode=True)
    assert any("the Cluster Autoscaler would fight it" in each.text for each in found)


def test_an_auto_mode_cluster_needs_none_of_the_addons_that_it_brings() -> None:
    observability = {"amazon-cloudwatch-observability": Addon("v1", "ACTIVE")}
    found = findings(variation((", monitoring", "")), auto_mode=True, addons=observability)
    assert [each.text for each in found if each.subject == "add-ons"] == ["amazon-cloudwatch-observability v1"]
