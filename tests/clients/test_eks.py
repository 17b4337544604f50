"""The token for EKS: a presigned GetCallerIdentity that names the cluster."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from gitops.clients.eks import token
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
