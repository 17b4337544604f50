"""The token for EKS: a presigned GetCallerIdentity that names the cluster."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from gitops.clients.connection import Connection, Credential, Endpoint
from gitops.clients.eks import TOKEN_LIFE, eks_connection, token
from gitops.clients.transport import Transport
from gitops.errors import GitopsError


@pytest.mark.parametrize(
    ("region", "host"),
    [("ap-northeast-2", "sts.ap-northeast-2.amazonaws.com"), ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn")],
)
def test_a_token_names_the_cluster_in_a_signed_header(region: str, host: str) -> None:
    import botocore.session

    credential = token(botocore.session.get_session(), "eks-work-cluster", region)
    prefix, encoded = credential.token[:11], credential.token[11:]
    assert prefix == "k8s-aws-v1."
    url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    assert url.hostname == host
    assert (query["Action"], query["Version"], query["X-Amz-Expires"]) == ("GetCallerIdentity", "2011-06-15", "60")
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert f"/{region}/sts/aws4_request" in query["X-Amz-Credential"]
    assert len(query["X-Amz-Signature"]) == 64
    assert "=" not in encoded
    assert credential.expires is not None
    assert timedelta(minutes=13) < credential.expires - datetime.now(UTC) <= timedelta(minutes=14)


def test_it_is_what_awscli_signs() -> None:
    """RequestSigner is what `aws eks get-token` uses."""
    import botocore.session
    from botocore.model import ServiceId
    from botocore.signers import RequestSigner

    session = botocore.session.get_session()
    ours = token(session, "one", "eu-west-1").token[11:]
    url = base64.urlsafe_b64decode(ours + "=" * (-len(ours) % 4)).decode()
    credentials = session.get_credentials()
    assert credentials is not None
    events = session.get_component("event_emitter")
    signer = RequestSigner(ServiceId("sts"), "eu-west-1", "sts", "v4", credentials, events)
    request = {
        "method": "GET",
        "url": "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": "one"},
        "context": {},
    }
    theirs = signer.generate_presigned_url(request, region_name="eu-west-1", expires_in=60, operation_name="")
    moment = parse_qs(urlsplit(url).query)["X-Amz-Date"]
    if parse_qs(urlsplit(theirs).query)["X-Amz-Date"] == moment:
        assert parse_qs(urlsplit(theirs).query) == parse_qs(urlsplit(url).query)
    assert set(parse_qs(urlsplit(theirs).query)) == set(parse_qs(urlsplit(url).query))


def test_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.session

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(GitopsError, match="one: there are no AWS credentials"):
        token(botocore.session.get_session(), "one", "eu-west-1")


def test_a_profile_that_is_not_there_is_said_in_the_middle_of_a_run_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.session

    session = botocore.session.get_session()
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    for call in (lambda: token(session, "one", "eu-west-1"), lambda: eks_connection("one", "eu-west-1")):
        with pytest.raises(GitopsError, match=r"one: AWS cannot be asked: .*no-such-profile"):
            call()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ResourceNotFoundException", "there is no such EKS cluster in eu-west-1"),
        ("AccessDeniedException", r"EKS refused DescribeCluster \(AccessDeniedException\)\n  try: the role needs"),
        ("ExpiredTokenException", r"EKS refused DescribeCluster \(ExpiredTokenException\)\n  try: log in again"),
    ],
)
def test_what_eks_refuses(monkeypatch: pytest.MonkeyPatch, code: str, said: str) -> None:
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError

    def refuses(*_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "canary"}}, "DescribeCluster")

    monkeypatch.setattr(BaseClient, "_make_api_call", refuses)
    with pytest.raises(GitopsError, match=f"one: {said}"):
        eks_connection("one", "eu-west-1")


def test_a_wait_of_an_hour_signs_a_token_whenever_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """STS takes none that is older than 15 minutes."""
    import botocore.session

    session, start, passed = botocore.session.get_session(), datetime.now(UTC), timedelta()
    signed: list[datetime] = []

    def login() -> Credential:
        signed.append(start + passed)
        return replace(token(session, "one", "eu-west-1"), expires=start + passed + TOKEN_LIFE)

    monkeypatch.setattr("gitops.clients.transport.pool_of", lambda *_: Answers())
    transport = Transport(Connection(Endpoint("one", "https://one.invalid"), login), now=lambda: start + passed)
    while passed < timedelta(hours=1):
        assert list(transport.lines("/x", "a subject", {}, 20)) == []
        assert start + passed - signed[-1] < timedelta(minutes=15)
        passed += timedelta(seconds=20)
    assert len(signed) == 5, "one each 13 minutes"


class Answers:
    """Answers every request with an end at once."""

    def request(self, *_: object, **more: Any) -> urllib3.HTTPResponse:
        assert more["headers"]["Authorization"].startswith("Bearer k8s-aws-v1.")
        return urllib3.HTTPResponse(BytesIO(b""), status=200, preload_content=False)
