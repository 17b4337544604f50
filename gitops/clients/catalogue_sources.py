"""What AWS itself says of its policies, EKS versions and build images: the sources of the catalogues."""

import datetime
from collections.abc import Mapping, Sequence

from gitops.clients.aws import aws_errors, client


def managed_policies(region: str) -> Mapping[str, str]:
    """Path and name of each AWS managed policy -> its default version (iam:ListPolicies)."""
    with aws_errors("iam"):
        pages = client("iam", region).get_paginator("list_policies").paginate(Scope="AWS")
        return {
            policy["Path"].lstrip("/") + policy["PolicyName"]: policy["DefaultVersionId"]
            for page in pages
            for policy in page["Policies"]
        }


def eks_versions(region: str) -> Mapping[str, tuple[datetime.date, datetime.date]]:
    """EKS minor -> last days of standard and of extended support (eks:DescribeClusterVersions)."""
    with aws_errors("eks"):
        pages = client("eks", region).get_paginator("describe_cluster_versions").paginate()
        return {
            version["clusterVersion"]: (
                version["endOfStandardSupportDate"].date(),
                version["endOfExtendedSupportDate"].date(),
            )
            for page in pages
            for version in page["clusterVersions"]
        }


def build_images(region: str) -> Sequence[str]:
    """Names of CodeBuild's own images (codebuild:ListCuratedEnvironmentImages)."""
    with aws_errors("codebuild"):
        platforms = client("codebuild", region).list_curated_environment_images()["platforms"]
    return [
        image["name"] for platform in platforms for language in platform["languages"] for image in language["images"]
    ]
