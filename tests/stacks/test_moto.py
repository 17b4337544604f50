"""The stacks of every config come up, change and go down on moto.

What moto's CloudFormation does not create (it logs a warning and goes on): CodeCommit, CodePipeline, CodeBuild, EKS
access entries, add-ons and Pod Identity associations, bucket and topic policies, subscriptions, alarms, metric filters,
query definitions, Lambda permissions. Their properties are checked by cfn-lint against AWS's own schemas, in
tests/template/test_stacks.py; CloudFormation's refusals and rollbacks by the strict fake, in test_up.py.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from gitops.cli import run
from gitops.cli.context import Context
from gitops.config import parse_config
from tests.support.configs import OTHERS, REPOSITORY
from tests.support.fake_cluster import FakeCluster
from tests.support.moto_gaps import export_from_change_sets

TEXTS = {"sample": (REPOSITORY / "gitops.yaml").read_text("utf-8"), **OTHERS}

CREATED_BY_MOTO = {
    "AWS::CloudWatch::Dashboard",
    "AWS::ECR::Repository",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::KMS::Alias",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
}


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account 111122223333."""
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "111122223333")
    export_from_change_sets(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mock_aws():
            yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "gitops-0.1.0-py3-none-any.whl").write_bytes(b"a wheel")
    return tmp_path


def statuses(region: str = "eu-west-1") -> dict[str, str]:
    found = boto3.client("cloudformation", region_name=region).describe_stacks()["Stacks"]
    return {stack["StackName"]: stack["StackStatus"] for stack in found}


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_stacks_come_up_once_and_go_down(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "gitops.yaml").write_text(TEXTS[name])
    region = parse_config(TEXTS[name].encode()).region
    assert run(["pipeline", "plan", "--exit-code"]) == 3, capsys.readouterr()
    assert statuses(region) == {}, "a plan leaves nothing behind"
    assert run(["pipeline", "up", "--yes"]) == 0, capsys.readouterr()
    assert set(statuses(region).values()) == {"CREATE_COMPLETE"}
    first = capsys.readouterr().out
    assert "3 of 3 stacks changed" in first
    assert run(["pipeline", "up", "--yes"]) == 0
    assert "0 of 3 stacks changed" in capsys.readouterr().out
    assert run(["pipeline", "plan", "--exit-code"]) == 0
    assert run(["pipeline", "down", "--yes"]) == 0, capsys.readouterr()
    assert statuses(region) == {}
    assert boto3.client("s3").list_buckets()["Buckets"] == [], "the artifact bucket is emptied and deleted"
    assert boto3.client("ecr", region_name=region).describe_repositories()["repositories"], "images stay"
    assert run(["pipeline", "down", "--yes"]) == 0
    assert "nothing to delete" in capsys.readouterr().out


@pytest.mark.slow
def test_another_accounts_stacks_come_up_with_its_own_credentials(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "gitops.yaml").write_text(OTHERS["three clusters in two accounts and regions"])
    assert run(["pipeline", "up", "--yes"]) == 0
    assert "account 444455556666: shop-access (us-east-1), shop-observability (us-east-1)" in capsys.readouterr().out
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "444455556666")
    assert run(["pipeline", "up", "--yes"]) == 0, capsys.readouterr()
    assert "4 of 4 stacks changed" in capsys.readouterr().out
    for region in ("us-east-1", "eu-central-1"):
        assert statuses(region) == {"shop-access": "CREATE_COMPLETE", "shop-observability": "CREATE_COMPLETE"}
    roles = {role["RoleName"] for role in boto3.client("iam").list_roles()["Roles"]}
    assert {"shop-validate", "shop-deploy-platform", "shop-deploy-prod-us", "shop-deploy-prod-eu"} <= roles


@pytest.mark.slow
def test_a_deletion_that_was_cut_off_is_finished(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "gitops.yaml").write_text(OTHERS["one environment"])
    assert run(["pipeline", "up", "--yes"]) == 0
    cloudformation = boto3.client("cloudformation", region_name="eu-west-1")
    for name in ("shop-pipeline", "shop-observability", "shop-access"):
        cloudformation.delete_stack(StackName=name)
    s3 = boto3.client("s3", region_name="eu-west-1")
    bucket = "shop-artifacts-111122223333-eu-west-1"
    if bucket not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=bucket, Key="left", Body=b"over")
    assert run(["pipeline", "down", "--yes"]) == 0, capsys.readouterr()
    assert "the stack is gone; this is left of it" in capsys.readouterr().out
    assert s3.list_buckets()["Buckets"] == []


@pytest.mark.slow
def test_down_deletes_repositories_only_when_told_and_nothing_on_a_dry_run(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "gitops.yaml").write_text(OTHERS["one environment"])
    assert run(["pipeline", "up", "--yes"]) == 0
    codecommit = boto3.client("codecommit", region_name="eu-west-1")
    codecommit.create_repository(repositoryName="shop-app")
    assert run(["pipeline", "down", "--dry-run", "--delete-repositories"]) == 0
    assert "DATA LOSS" in capsys.readouterr().out
    assert len(statuses()) == 3
    assert run(["pipeline", "down", "--yes"]) == 0, capsys.readouterr()
    assert codecommit.get_repository(repositoryName="shop-app")
    assert run(["pipeline", "down", "--yes", "--delete-repositories"]) == 0, capsys.readouterr()
    assert boto3.client("ecr", region_name="eu-west-1").describe_repositories()["repositories"] == []
    with pytest.raises(codecommit.exceptions.RepositoryDoesNotExistException):
        codecommit.get_repository(repositoryName="shop-app")


def left_in_aws(region: str) -> dict[str, list[str]]:
    """What the stacks made of AWS's that a teardown takes away."""
    logs, cloudwatch = boto3.client("logs", region_name=region), boto3.client("cloudwatch", region_name=region)
    return {
        "log groups": [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]],
        "alarms": [each["AlarmName"] for each in cloudwatch.describe_alarms()["MetricAlarms"]],
        "dashboards": [each["DashboardName"] for each in cloudwatch.list_dashboards()["DashboardEntries"]],
        "roles": [each["RoleName"] for each in boto3.client("iam").list_roles()["Roles"]],
    }


@pytest.fixture
def stacks_up(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The sample's stacks in AWS, and a cluster that nothing was deployed to; the region."""
    monkeypatch.chdir(folder)
    (folder / "gitops.yaml").write_text(TEXTS["sample"])
    cluster = FakeCluster()
    monkeypatch.setattr(Context, "cluster", lambda *_: cluster)
    assert run(["pipeline", "up", "--yes"]) == 0, capsys.readouterr()
    capsys.readouterr()
    return parse_config(TEXTS["sample"].encode()).region


def test_a_teardown_of_all_leaves_nothing_in_aws_but_what_it_says(
    stacks_up: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = left_in_aws(stacks_up)
    assert len(before["log groups"]) > 5
    assert "eks-work-fluent-bit-eks-work-cluster" in before["roles"]
    assert before["dashboards"]
    assert run(["teardown", "all", "--dry-run"]) == 0, capsys.readouterr()
    assert "/aws/containerinsights/eks-work-cluster/application" in capsys.readouterr().out
    assert left_in_aws(stacks_up) == before
    assert run(["teardown", "all"]) == 1
    assert "add --yes" in capsys.readouterr().err
    assert left_in_aws(stacks_up) == before
    assert run(["teardown", "all", "--yes"]) == 0, capsys.readouterr()
    said = capsys.readouterr().out
    assert "left on purpose: git repositories, images in the registry" in said
    assert left_in_aws(stacks_up) == {"log groups": [], "alarms": [], "dashboards": [], "roles": []}
    kept = boto3.client("ecr", region_name=stacks_up).describe_repositories()["repositories"]
    assert [each["repositoryName"] for each in kept] == ["k8sbook/backend-app"]
    assert run(["teardown", "all", "--yes"]) == 0, capsys.readouterr()
    assert "0 of 3 stacks: nothing to delete" in capsys.readouterr().out


def test_a_teardown_of_all_goes_on_after_half_a_deletion(stacks_up: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The stack is gone, its log groups stayed: it was cut off between the two."""
    cloudformation = boto3.client("cloudformation", region_name=stacks_up)
    cloudformation.delete_stack(StackName="eks-work-observability")
    assert left_in_aws(stacks_up)["log groups"]
    assert run(["teardown", "all", "--yes"]) == 0, capsys.readouterr()
    assert left_in_aws(stacks_up) == {"log groups": [], "alarms": [], "dashboards": [], "roles": []}


def test_a_teardown_keeps_logs_and_stacks_where_it_is_told(stacks_up: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["teardown", "all", "--yes", "--no-stacks"]) == 0, capsys.readouterr()
    assert "left to the stacks" in capsys.readouterr().out
    assert len(statuses(stacks_up)) == 3
    assert run(["teardown", "prod", "--stacks", "--yes"]) == 2
    assert run(["teardown", "all", "--yes", "--keep-logs"]) == 0, capsys.readouterr()
    assert statuses(stacks_up) == {}
    assert left_in_aws(stacks_up)["log groups"]
