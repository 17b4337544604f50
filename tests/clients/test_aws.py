"""AWS: the right region and account, and failures in our words."""

from typing import Any

import pytest

from gitops.clients import aws
from gitops.clients.aws import Ecr, Mutability, aws_errors, client
from gitops.errors import GitopsError
from tests.support.aws_models import FakeService, Refusal
from tests.support.echo_server import EchoServer


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


def test_what_is_not_aws_and_answers_for_it_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with EchoServer() as echo:
        monkeypatch.setenv("AWS_ENDPOINT_URL", echo.url)
        with pytest.raises(GitopsError, match=r"^iam: what answers for AWS is not AWS") as caught, aws_errors("iam"):
            client("iam", "eu-west-1").list_policies()
    assert "refused POST" not in str(caught.value)
