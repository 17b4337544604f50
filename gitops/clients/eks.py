"""An EKS cluster by its name: endpoint and CA from DescribeCluster, tokens signed in this process."""

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gitops.clients.aws import AwsRefused, aws_errors
from gitops.clients.connection import Connection, Credential, Endpoint
from gitops.errors import GitopsError

if TYPE_CHECKING:
    import botocore.session

TOKEN_LIFE = timedelta(minutes=14)
"""STS honours the signed request for 15 minutes; `aws eks get-token` says 14, and so do we."""


def eks_connection(name: str, region: str) -> Connection:
    """Connection to the EKS cluster `name` in `region`, as the AWS credentials of this process.

    Raises `GitopsError` where the cluster is not there, not active, or not ours to describe.
    """
    import botocore.session

    session = botocore.session.get_session()
    cluster = _describe(session, name, region)
    endpoint = Endpoint(
        name=name,
        server=cluster["endpoint"],
        ca=base64.b64decode(cluster["certificateAuthority"]["data"]).decode(),
    )
    return Connection(endpoint, lambda: token(session, name, region))


def token(session: "botocore.session.Session", name: str, region: str) -> Credential:
    """A bearer token: a presigned GetCallerIdentity that names the cluster in a signed header.

    The scheme is aws-iam-authenticator's; `aws eks get-token` makes the same.
    """
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    with aws_errors(name):
        credentials = session.get_credentials()
        frozen = credentials.get_frozen_credentials() if credentials else None
    if frozen is None:
        raise GitopsError(name, "there are no AWS credentials", "set AWS_PROFILE, or run aws sso login")
    url = f"https://{_sts_host(region)}/?Action=GetCallerIdentity&Version=2011-06-15"
    request = AWSRequest(method="GET", url=url, headers={"x-k8s-aws-id": name})
    SigV4QueryAuth(frozen, "sts", region, expires=60).add_auth(request)
    encoded = base64.urlsafe_b64encode(str(request.url).encode()).decode().rstrip("=")
    return Credential(token=f"k8s-aws-v1.{encoded}", expires=datetime.now(UTC) + TOKEN_LIFE)


def _sts_host(region: str) -> str:
    return f"sts.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def _describe(session: "botocore.session.Session", name: str, region: str) -> dict[str, Any]:
    from botocore.config import Config

    config = Config(connect_timeout=10, read_timeout=20, retries={"max_attempts": 3, "mode": "standard"})
    try:
        with aws_errors(name):
            client: Any = session.create_client("eks", region_name=region, config=config)
            cluster: dict[str, Any] = client.describe_cluster(name=name)["cluster"]
    except AwsRefused as error:
        raise _refused(name, region, error) from error
    if cluster.get("status") not in ("ACTIVE", "UPDATING"):
        raise GitopsError(name, f"the cluster is {cluster.get('status')}", "wait until it is ACTIVE")
    return cluster


def _refused(name: str, region: str, error: AwsRefused) -> GitopsError:
    if error.code == "ResourceNotFoundException":
        return GitopsError(name, f"there is no such EKS cluster in {region}", "check name, region and account")
    hint = error.hint if "Token" in error.code else "the role needs eks:DescribeCluster"
    return GitopsError(name, f"EKS refused DescribeCluster ({error.code})", hint)
