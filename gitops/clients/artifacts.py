"""The artifact bucket: uploads, and emptying it with all versions."""

from collections.abc import Iterator

from gitops.clients.aws import AwsRefused, aws_errors, client

MOST_AT_ONCE = 1000
"""Objects that one DeleteObjects takes."""


class ArtifactBucket:
    """The bucket `name` of `account` in `region`; it need not exist."""

    def __init__(self, name: str, region: str, account: str) -> None:
        self.name = name
        self._owner = {"Bucket": name, "ExpectedBucketOwner": account}
        self._region = region
        self._client = client("s3", region)

    def exists(self) -> bool:
        """Whether it is there. Raises `GitopsError` where it is somebody else's."""
        try:
            with aws_errors(self.name):
                self._client.head_bucket(**self._owner)
        except AwsRefused as error:
            if error.code in ("404", "NoSuchBucket"):
                return False
            raise
        return True

    def upload(self, key: str, content: bytes) -> str:
        """Store `content` as `key`; return its s3 address."""
        with aws_errors(f"s3://{self.name}/{key}"):
            self._client.put_object(**self._owner, Key=key, Body=content)
        return f"s3://{self.name}/{key}"

    def address(self, key: str) -> str:
        """The HTTPS address of `key`, as CloudFormation takes it."""
        suffix = "amazonaws.com.cn" if self._region.startswith("cn-") else "amazonaws.com"
        return f"https://{self.name}.s3.{self._region}.{suffix}/{key}"

    def delete(self) -> int:
        """Delete every version of every object, then the bucket. Returns how many versions there were."""
        count = 0
        for batch in self._versions():
            with aws_errors(self.name):
                self._client.delete_objects(**self._owner, Delete={"Objects": batch, "Quiet": True})
            count += len(batch)
        with aws_errors(self.name):
            self._client.delete_bucket(**self._owner)
        return count

    def _versions(self) -> Iterator[list[dict[str, str]]]:
        with aws_errors(self.name):
            for page in self._client.get_paginator("list_object_versions").paginate(**self._owner):
                listed = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in listed]
                for start in range(0, len(objects), MOST_AT_ONCE):
                    yield objects[start : start + MOST_AT_ONCE]
