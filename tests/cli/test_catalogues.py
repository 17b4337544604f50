"""`gitops catalogues`: dates, and a refresh from what AWS answers (strict fakes; moto for IAM's own list)."""

import datetime
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.stub import Stubber

from gitops.cli import run
from gitops.template import catalogues
from tests.support.configs import ONE_ENVIRONMENT


def test_check_names_source_and_date_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalogues", "check"]) in (0, 3)
    said = capsys.readouterr().out
    assert all(name in said for name in catalogues.CATALOGUES)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the catalogues, beside a gitops.yaml."""
    for name in catalogues.CATALOGUES:
        shutil.copy(str(resources.files("gitops.template.catalogues").joinpath(f"{name}.yaml")), tmp_path)
    (tmp_path / "gitops.yaml").write_text(ONE_ENVIRONMENT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answers(monkeypatch: pytest.MonkeyPatch, **services: tuple[str, dict[str, Any]]) -> None:
    made: dict[str, Any] = {}
    for service, (operation, answer) in services.items():
        made[service] = boto3.client(service, region_name="eu-west-1")  # type: ignore[call-overload]
        stub = Stubber(made[service])
        stub.add_response(operation, answer)
        stub.activate()
    monkeypatch.setattr("gitops.clients.catalogue_sources.client", lambda service, region: made[service])


def test_refresh_writes_what_aws_says_and_keeps_the_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = catalogues.catalogue(catalogues.POLICIES)
    kept = {name: version for name, version in before["exists"].items() if name != "AmazonEKSClusterPolicy"}
    now = {**kept, "AmazonEKSClusterPolicyV2": "v1"}
    policies = [
        {"PolicyName": plain, "Path": f"/{path}/" if path else "/", "DefaultVersionId": now[name]}
        for name in now
        for path, _, plain in [name.rpartition("/")]
    ]
    day = datetime.datetime(2028, 1, 2, tzinfo=datetime.UTC)
    version = {"clusterVersion": "1.37", "endOfStandardSupportDate": day, "endOfExtendedSupportDate": day}
    image = {"name": "aws/codebuild/standard:9.0"}
    answers(
        monkeypatch,
        iam=("list_policies", {"Policies": policies, "IsTruncated": False}),
        eks=("describe_cluster_versions", {"clusterVersions": [version]}),
        codebuild=("list_curated_environment_images", {"platforms": [{"languages": [{"images": [image]}]}]}),
    )
    assert run(["catalogues", "refresh", "--folder", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "1 new, 1 gone\n  gone  AmazonEKSClusterPolicy\n" in said
    assert "aws/codebuild/standard:9.0: is new" in said
    renewed = yaml.safe_load((folder / "managed_policies.yaml").read_text())
    assert set(renewed["exists"]) == {*kept, "AmazonEKSClusterPolicyV2"}
    assert renewed["retired"] == {**before["retired"], "AmazonEKSClusterPolicy": None}
    versions = yaml.safe_load((folder / "eks_versions.yaml").read_text())["versions"]
    assert versions == {"1.37": {"standard": day.date(), "extended": day.date()}}


def test_refreshing_with_what_is_known_changes_the_source_and_date_only(folder: Path) -> None:
    from gitops.template.catalogues import renewal

    text = (folder / "managed_policies.yaml").read_text()
    renewed = renewal.renew_policies(
        text, catalogues.catalogue(catalogues.POLICIES)["exists"], datetime.date(2027, 1, 1)
    )
    differing = [new for old, new in zip(text.splitlines(), renewed.text.splitlines(), strict=True) if old != new]
    assert differing == ["source: iam:ListPolicies (scope AWS)", "date: 2027-01-01"]


def test_a_folder_without_catalogues_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert run(["catalogues", "refresh", "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"{tmp_path}/managed_policies.yaml: is not there\n  try: ")
