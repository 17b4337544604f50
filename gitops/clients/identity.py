"""Which AWS account the credentials belong to."""

from gitops.clients.aws import aws_errors, client


def account(region: str) -> str:
    """The account of the credentials in use (sts:GetCallerIdentity, which needs no permission)."""
    with aws_errors("aws"):
        return str(client("sts", region).get_caller_identity()["Account"])
