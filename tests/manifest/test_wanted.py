"""What a tag means: asked of the registry, and checked, before anything is written."""

import json
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from gitops.clients.aws import Ecr
from gitops.clients.registry import Manifest
from gitops.config import Image
from gitops.config.model import Scan
from gitops.errors import GitopsError
from gitops.manifest.bump import WantedImage
from gitops.manifest.wanted import (
    checked_image,
    platforms,
    refuse_findings,
    refuse_moved_tag,
    tag_by_policy,
    wanted_image,
)

IMAGE = Image("backend-app-image", "team/backend-app", platforms=("linux/amd64", "linux/arm64"))
INDEX = "application/vnd.oci.image.index.v1+json"
REPOSITORY = "r.example/team/backend-app"


def index(*names: str) -> Manifest:
    """An index for these platforms, with the attestation that BuildKit adds."""
    entries = [dict(zip(("os", "architecture", "variant"), name.split("/"), strict=False)) for name in names]
    entries.append({"os": "unknown", "architecture": "unknown"})
    data = json.dumps({"manifests": [{"digest": "sha256:0", "platform": entry} for entry in entries]})
    return Manifest("sha256:" + "2b" * 32, INDEX, data.encode())


class FakeRegistry:
    """Has one image, by its tag and by its digest; `platform` is what its config says."""

    def __init__(self, manifest: Manifest, platform: Mapping[str, str] = MappingProxyType({})) -> None:
        self.known = {("team/backend-app", "1.4.2"): manifest, ("team/backend-app", manifest.digest): manifest}
        self.platform = platform

    def tags(self, repository: str) -> list[str]:
        return [tag for name, tag in self.known if name == repository and ":" not in tag]

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        return self.known.get((repository, reference))

    def image_config(self, repository: str, manifest: Manifest) -> Mapping[str, Any]:
        labels = {
            "org.opencontainers.image.created": "2026-11-24T00:00:00Z",
            "org.opencontainers.image.revision": "3f9c2ab",
        }
        return {**self.platform, "config": {"Labels": labels}}


def test_a_tag_is_its_digest_build_time_and_revision() -> None:
    registry = FakeRegistry(index("linux/amd64", "linux/arm64"))
    wanted = wanted_image(IMAGE, REPOSITORY, "1.4.2", registry, "https://b/1")
    assert str(wanted) == f"{REPOSITORY}:1.4.2@{'sha256:' + '2b' * 32}"
    assert (wanted.created, wanted.revision, wanted.build_url) == ("2026-11-24T00:00:00Z", "3f9c2ab", "https://b/1")


def test_a_tag_that_is_not_there_is_an_error() -> None:
    with pytest.raises(GitopsError, match=r"r.example/team/backend-app:1.4.3: is not in the registry\n  try: check it"):
        wanted_image(IMAGE, REPOSITORY, "1.4.3", FakeRegistry(index("linux/amd64")))


def test_an_image_that_the_nodes_cannot_run_is_an_error() -> None:
    with pytest.raises(GitopsError, match=r"1.4.2: is not for linux/arm64 but linux/amd64\n"):
        wanted_image(IMAGE, REPOSITORY, "1.4.2", FakeRegistry(index("linux/amd64")))


SINGLE = Manifest("sha256:" + "2b" * 32, "application/vnd.oci.image.manifest.v1+json", b'{"config": {}}')


def test_the_config_says_the_platform_of_one_image() -> None:
    assert platforms(SINGLE) == []
    arm = FakeRegistry(SINGLE, {"os": "linux", "architecture": "arm64", "variant": "v8"})
    assert wanted_image(replace(IMAGE, platforms=("linux/arm64",)), REPOSITORY, "1.4.2", arm).digest == SINGLE.digest
    with pytest.raises(GitopsError, match=r"1.4.2: is not for linux/amd64 but linux/arm64/v8\n"):
        wanted_image(replace(IMAGE, platforms=("linux/amd64",)), REPOSITORY, "1.4.2", arm)


def test_a_variant_that_an_architecture_has_anyway_is_no_other_platform() -> None:
    registry = FakeRegistry(index("linux/amd64", "linux/arm64/v8"))
    assert wanted_image(IMAGE, REPOSITORY, "1.4.2", registry).tag == "1.4.2"


@pytest.mark.parametrize("policy", ["semver:^1.4", "newest-build", "alphabetical"])
def test_a_policy_never_takes_a_signature_for_an_image(policy: str) -> None:
    registry = FakeRegistry(index("linux/amd64"))
    for tag in (f"sha256-{'2b' * 32}.sig", f"sha256-{'2b' * 32}.att", f"sha256-{'2b' * 32}"):
        registry.known["team/backend-app", tag] = SINGLE
    assert tag_by_policy(IMAGE, policy, registry) == "1.4.2"


def given(digest: str, tag: str = "1.4.2") -> WantedImage:
    return WantedImage(IMAGE.name, REPOSITORY, tag, digest)


def test_a_digest_is_asked_for_and_its_build_time_read() -> None:
    registry = FakeRegistry(index("linux/amd64", "linux/arm64"))
    assert checked_image(given("sha256:" + "2b" * 32), IMAGE, registry).created == "2026-11-24T00:00:00Z"
    known = replace(given("sha256:" + "2b" * 32), created="2026-11-23T00:00:00Z", revision="0" * 40)
    assert checked_image(known, IMAGE, registry) == known
    with pytest.raises(GitopsError, match=r"@sha256:3c3c\w+: is not in the registry"):
        checked_image(given("sha256:" + "3c" * 32), IMAGE, registry)
    with pytest.raises(GitopsError, match="is not for linux/arm64 but linux/amd64"):
        checked_image(given("sha256:" + "2b" * 32), IMAGE, FakeRegistry(index("linux/amd64")))


def test_a_tag_that_is_another_image_is_refused() -> None:
    registry = FakeRegistry(index("linux/amd64"))
    refuse_moved_tag(given("sha256:" + "2b" * 32), IMAGE, registry)
    refuse_moved_tag(given("sha256:" + "3c" * 32, tag=""), IMAGE, registry)
    with pytest.raises(GitopsError, match=r"backend-app:1.4.2: is sha256:2b2b\w+, not sha256:3c3c"):
        refuse_moved_tag(given("sha256:" + "3c" * 32), IMAGE, registry)
    with pytest.raises(GitopsError, match=r"backend-app:9.9: is not in the registry"):
        refuse_moved_tag(given("sha256:" + "2b" * 32, tag="9.9"), IMAGE, registry)


def test_the_variant_is_part_of_a_platform() -> None:
    assert platforms(index("linux/arm/v7", "linux/amd64")) == ["linux/arm/v7", "linux/amd64"]


def test_a_policy_chooses_among_the_tags_of_the_registry() -> None:
    registry = FakeRegistry(index("linux/amd64"))
    assert tag_by_policy(IMAGE, "semver:^1.4", registry) == "1.4.2"
    assert tag_by_policy(IMAGE, "newest-build", registry) == "1.4.2"
    with pytest.raises(GitopsError, match="team/backend-app: has no tag that 'semver:\\^2' wants"):
        tag_by_policy(IMAGE, "semver:^2", registry)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        (None, "has no finished scan, which its gate asks for"),
        ({"CRITICAL": 1}, "has 1 critical finding, over the 0 allowed"),
        ({"HIGH": 3, "LOW": 90}, "has 3 high findings, over the 2 allowed"),
    ],
)
def test_a_scan_gate_refuses(counts: Mapping[str, int] | None, reason: str) -> None:
    gated = replace(IMAGE, scan=Scan(critical=0, high=2))
    with pytest.raises(GitopsError) as caught:
        refuse_findings(gated, "sha256:" + "2b" * 32, lambda repository, digest: counts)
    assert str(caught.value).splitlines()[0] == f"team/backend-app@sha256:2b2b2b2b2b2b: {reason}"


def test_a_scan_gate_lets_pass_what_it_allows_and_none_asks_nothing() -> None:
    refuse_findings(replace(IMAGE, scan=Scan(high=2)), "sha256:0", lambda repository, digest: {"HIGH": 2, "MEDIUM": 9})
    refuse_findings(IMAGE, "sha256:0", lambda repository, digest: pytest.fail("asked without a gate"))


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        ({"imageScanStatus": {"status": "IN_PROGRESS"}}, None),
        ({"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": {}}, {}),
        (
            {
                "imageScanStatus": {"status": "COMPLETE"},
                "imageScanFindings": {"findingSeverityCounts": {"CRITICAL": 2}},
            },
            {"CRITICAL": 2},
        ),
        ("ScanNotFoundException", None),
    ],
)
def test_what_ecr_says_of_a_scan(answer: Any, counts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stub checks question and answer against AWS's own model."""
    ecr = boto3.Session().client("ecr", region_name="ap-northeast-2")
    asked = {"repositoryName": "team/backend-app", "imageId": {"imageDigest": "sha256:0"}}
    with Stubber(ecr) as stub:
        if isinstance(answer, str):
            stub.add_client_error("describe_image_scan_findings", answer, expected_params=asked)
        else:
            stub.add_response("describe_image_scan_findings", answer, asked)
        monkeypatch.setattr("gitops.clients.aws.client", lambda service, region: ecr)
        assert Ecr("ap-northeast-2").findings("team/backend-app", "sha256:0") == counts
