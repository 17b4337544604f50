"""AWS through boto3: sessions, bounded calls, and AWS's refusals in our words."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gitops.errors import GitopsError

CONNECT_TIMEOUT, READ_TIMEOUT, ATTEMPTS = 5, 10, 2
"""Seconds, seconds, tries: an endpoint that does not answer is given up after about 20 seconds."""


def client(service: str, region: str) -> Any:
    """A boto3 client of `service`; credentials and AWS_ENDPOINT_URL as in every AWS SDK."""
    import boto3
    from botocore.config import Config

    bounds = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
    )
    with aws_errors(service):
        # A session of its own: boto3's default one would keep the credentials that it saw first.
        return boto3.Session().client(service, region_name=region, config=bounds)  # type: ignore[call-overload]


_ADVICE = {
    "AccessDenied": "give the role this permission",
    "AccessDeniedException": "give the role this permission",
    "ExpiredToken": "log in again",
    "ExpiredTokenException": "log in again",
    "InvalidClientTokenId": "check the credentials",
    "UnrecognizedClientException": "check the credentials",
}


@contextmanager
def aws_errors(subject: str) -> Iterator[None]:
    """Turn botocore's exceptions into a `GitopsError` about `subject`."""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectTimeoutError,
        EndpointConnectionError,
        NoCredentialsError,
        ReadTimeoutError,
    )
    from botocore.parsers import ResponseParserError

    try:
        yield
    except NoCredentialsError as error:
        raise GitopsError(subject, "no AWS credentials", "log in (aws sso login), or set AWS_PROFILE") from error
    except (EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError) as error:
        raise GitopsError(
            subject, f"AWS does not answer at {error.kwargs['endpoint_url']}", "check the network and the region"
        ) from error
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        message = error.response["Error"].get("Message", "")
        raise AwsRefused(subject, f"AWS refuses: {code}: {message}", _ADVICE.get(code, ""), code) from error
    except BotoCoreError as error:
        raise GitopsError(subject, f"AWS cannot be asked: {error}", "check the AWS settings") from error
    except ResponseParserError as error:
        problem = "what answers for AWS is not AWS (its answer cannot be read)"
        raise GitopsError(subject, problem, "check AWS_ENDPOINT_URL, and proxies on the way") from error


class AwsRefused(GitopsError):
    """AWS answered with an error, whose code is `code`."""

    def __init__(self, subject: str, problem: str, hint: str, code: str) -> None:
        super().__init__(subject, problem, hint)
        self.code = code


@dataclass(frozen=True)
class Mutability:
    """Which tags of an ECR repository may be moved: `setting` is ECR's imageTagMutability, `filters` its exclusions."""

    setting: str
    filters: tuple[str, ...] = ()

    def immutable(self, tag: str) -> bool:
        """Whether `tag`, once pushed, stays at its digest."""
        excluded = any(fnmatchcase(tag, pattern) for pattern in self.filters)
        return self.setting.startswith("IMMUTABLE") != excluded


_ECR_HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


class Ecr:
    """ECR behind `host`, as far as a build needs it: that account's and region's, where the host's name says so."""

    def __init__(self, region: str, host: str = "") -> None:
        match = _ECR_HOST.fullmatch(host)
        self._region = match["region"] if match else region
        self._registry = {"registryId": match["account"]} if match else {}

    def _client(self) -> Any:
        return client("ecr", self._region)

    def login(self) -> tuple[str, str]:
        """User and password for the registry, good for 12 hours (ecr:GetAuthorizationToken)."""
        ecr = self._client()
        with aws_errors("ecr"):
            answer = ecr.get_authorization_token()
        token = answer["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(token).decode().partition(":")
        return user, password

    def mutability(self, repository: str) -> Mutability:
        """Which tags of `repository` may be moved (ecr:DescribeRepositories). Raises `GitopsError` without it."""
        ecr = self._client()
        try:
            with aws_errors(repository):
                found = ecr.describe_repositories(repositoryNames=[repository], **self._registry)["repositories"][0]
        except AwsRefused as error:
            if error.code != "RepositoryNotFoundException":
                raise
            raise GitopsError(
                repository, f"ECR in {self._region} has no such repository", "create it: gitops pipeline up makes it"
            ) from error
        filters = found.get("imageTagMutabilityExclusionFilters", [])
        return Mutability(found.get("imageTagMutability", "MUTABLE"), tuple(item["filter"] for item in filters))

    def findings(self, repository: str, digest: str) -> dict[str, int] | None:
        """How many findings of each severity the scan of an image has (ecr:DescribeImageScanFindings).

        None where it was not scanned, or is still being.
        """
        ecr = self._client()
        try:
            with aws_errors(f"{repository}@{digest[:19]}"):
                answer = ecr.describe_image_scan_findings(repositoryName=repository, imageId={"imageDigest": digest})
        except AwsRefused as error:
            if error.code == "ScanNotFoundException":
                return None
            raise
        if answer["imageScanStatus"]["status"] not in ("COMPLETE", "ACTIVE"):
            return None
        return dict(answer.get("imageScanFindings", {}).get("findingSeverityCounts", {}))
