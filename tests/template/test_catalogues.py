"""The catalogues: nothing that AWS lacks can be named, and what is in them is what the AWS libraries say."""

import datetime
from typing import Any

import botocore.session
import pytest

from gitops.errors import GitopsError
from gitops.template import catalogues


def test_a_policy_becomes_its_arn() -> None:
    arn = "arn:${AWS::Partition}:iam::aws:policy/CloudWatchAgentServerPolicy"
    assert catalogues.managed_policy("CloudWatchAgentServerPolicy") == arn


def test_the_policy_that_stopped_the_first_stack_names_its_successor() -> None:
    with pytest.raises(GitopsError) as caught:
        catalogues.managed_policy("AWSCodePipelineFullAccess")
    assert str(caught.value) == (
        "managed policy AWSCodePipelineFullAccess: is retired by AWS\n  try: use AWSCodePipeline_FullAccess"
    )


@pytest.mark.parametrize("old", catalogues.catalogue(catalogues.POLICIES)["retired"])
def test_every_successor_exists(old: str) -> None:
    with pytest.raises(GitopsError) as caught:
        catalogues.managed_policy(old)
    assert catalogues.managed_policy(caught.value.hint.removeprefix("use "))


def test_a_policy_that_never_was_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        GitopsError, match=r"is not in AWS's list of 20\d\d-\d\d-\d\d\n  try: use .*AmazonEKSClusterPolicy"
    ):
        catalogues.managed_policy("AmazonEKSClustersPolicy")


def test_every_policy_is_in_the_list_that_it_was_taken_from() -> None:
    import json

    from moto.iam.aws_managed_policies import aws_managed_policies_data

    published = {entry["Path"].lstrip("/") + name for name, entry in json.loads(aws_managed_policies_data).items()}
    assert set(catalogues.catalogue(catalogues.POLICIES)["exists"]) <= published


def test_what_replaces_an_image_is_in_the_catalogue() -> None:
    for old, new in catalogues.catalogue(catalogues.IMAGES)["retired"].items():
        assert catalogues.build_image(new)
        with pytest.raises(GitopsError, match="no longer maintained"):
            catalogues.build_image(old)


@pytest.mark.parametrize("image", catalogues.catalogue(catalogues.IMAGES)["images"])
def test_every_image_runs_the_toolkit(image: str) -> None:
    offered = catalogues.build_image(image)
    assert catalogues.python_runtime(offered, "3.13") == "3.13"
    with pytest.raises(GitopsError, match="cannot run the toolkit"):
        catalogues.python_runtime(offered, "3.10")


def test_an_eks_version_has_its_dates() -> None:
    version = catalogues.eks_version("1.36")
    assert version.standard < version.extended
    with pytest.raises(GitopsError, match=r"EKS 1\.19: is not in the catalogue"):
        catalogues.eks_version("1.19")


@pytest.mark.parametrize(
    ("service", "setting", "shape"),
    [
        ("ecr", "tagMutability", "ImageTagMutability"),
        ("ecr", "scanType", "ScanType"),
        ("ecr", "scanFrequency", "ScanFrequency"),
        ("ecr", "encryption", "EncryptionType"),
        ("ecr", "severity", "FindingSeverity"),
        ("cloudwatch", "statistic", "Statistic"),
        ("eks", "logTypes", "LogType"),
        ("eks", "authenticationMode", "AuthenticationMode"),
        ("codebuild", "compute", "ComputeType"),
        ("lambda", "runtime", "Runtime"),
    ],
)
def test_allowed_values_are_those_of_the_api(service: str, setting: str, shape: str) -> None:
    enumeration: Any = botocore.session.get_session().get_service_model(service).shape_for(shape)
    assert set(catalogues.catalogue(catalogues.ALLOWED)[service][setting]) <= set(enumeration.enum)


def test_a_retention_that_cloudwatch_refuses_is_refused_here() -> None:
    assert catalogues.allowed("logs", "retentionDays", 90) == 90
    with pytest.raises(GitopsError, match=r"logs retentionDays: cannot be 42\n  try: one of 1, 3, 5"):
        catalogues.allowed("logs", "retentionDays", 42)


def test_an_old_catalogue_is_reported() -> None:
    dates = [catalogues.catalogue(name)["date"] for name in catalogues.CATALOGUES]
    assert catalogues.stale(max(dates)) == []
    assert len(catalogues.stale(max(dates) + datetime.timedelta(days=1000))) == len(dates)
