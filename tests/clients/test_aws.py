"""AWS: the right region and account, and failures in our words."""

from typing import Any

import pytest

from gitops.clients import aws
from gitops.clients.aws import Ecr, Mutability, aws_errors
from gitops.errors import GitopsError
from tests.support.aws_models import FakeService, Refusal


class FakeEcr(FakeService):
    """ECR with one repository in account 444455556666; moto's repositories have no exclusions."""

    service = "ecr"

    def describe_repositories(self, repositoryNames: list[str], registryId: str = "") -> dict[str, Any]:  # noqa: N803
        if (repositoryNames, registryId) != (["app"], "444455556666"):
            raise Refusal("RepositoryNotFoundException", "no such repository")
        filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
        setting = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filters}
        return {"repositories": [{"repositoryName": "app", **setting}]}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The regions that ECR was asked in."""
    regions: list[str] = []
    fake = FakeEcr()

    def client(service: str, region: str) -> Any:
        regions.append(region)
        return fake.client

    monkeypatch.setattr(aws, "client", client)
    return regions


def test_the_hosts_name_says_account_and_region(asked: list[str]) -> None:
    ecr = Ecr("ap-northeast-2", "444455556666.dkr.ecr.eu-west-1.amazonaws.com")
    assert ecr.mutability("app") == Mutability("IMMUTABLE_WITH_EXCLUSION", ("dev-*",))
    assert asked == ["eu-west-1"]


def test_another_host_means_the_sessions_own_account(asked: list[str]) -> None:
    with pytest.raises(GitopsError, match="app: ECR in ap-northeast-2 has no such repository"):
        Ecr("ap-northeast-2", "127.0.0.1:5000").mutability("app")


@pytest.mark.parametrize(
    ("setting", "filters", "tag", "immutable"),
    [
        ("IMMUTABLE", (), "1.4.2", True),
        ("MUTABLE", (), "1.4.2", False),
        ("IMMUTABLE_WITH_EXCLUSION", ("dev-*",), "dev-1", False),
        ("IMMUTABLE_WITH_EXCLUSION", ("dev-*",), "1.4.2", True),
        ("MUTABLE_WITH_EXCLUSION", ("v*",), "v1", True),
        ("MUTABLE_WITH_EXCLUSION", ("v*",), "dev", False),
    ],
)
def test_which_tags_stay_where_they_are(setting: str, filters: tuple[str, ...], tag: str, immutable: bool) -> None:
    assert Mutability(setting, filters).immutable(tag) is immutable


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("AccessDeniedException", "give the role this permission"),
        ("ExpiredTokenException", "log in again"),
        ("UnrecognizedClientException", "check the credentials"),
        ("ThrottlingException", ""),
    ],
)
def test_a_refusal_keeps_awss_code_and_says_what_to_try(code: str, hint: str) -> None:
    from botocore.exceptions import ClientError

    with pytest.raises(GitopsError) as caught, aws_errors("ecr"):
        raise ClientError({"Error": {"Code": code, "Message": "said AWS"}}, "DescribeRepositories")
    assert f"AWS refuses: {code}: said AWS" in caught.value.problem
    assert caught.value.hint == hint
