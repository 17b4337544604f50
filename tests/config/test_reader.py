"""gitops.yaml: what is accepted, and what each mistake says."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from gitops.config import load_config, parse_config
from gitops.config.schema import json_schema
from gitops.errors import GitopsError

VALID = """\
apiVersion: gitops/v1
name: eks-work
region: ap-northeast-2
account: "111122223333"
source:    {repository: eks-work-app, branch: main}
manifests: {repository: eks-work-manifests, branch: main}
images:
  - name: backend-app-image
    repository: k8sbook/backend-app
    context: backend-app
clusters:
  - {name: eks-work-cluster, version: "1.36"}
platform:
  overlays: [security, logging, monitoring, autoscaling]
environments:
  - {name: staging, cluster: eks-work-cluster, namespace: eks-work-staging}
  - {name: prod,    cluster: eks-work-cluster, namespace: eks-work, approval: true}
"""


def errors(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(GitopsError) as caught:
        parse_config(data)
    return [line for line in str(caught.value).splitlines() if not line.startswith("  try:")]


def test_reads_the_sample_with_its_defaults() -> None:
    config = parse_config(VALID.encode())
    assert config.image_repository(config.images[0]) == (
        "111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/k8sbook/backend-app"
    )
    assert [environment.path for environment in config.environments] == [
        "kustomize/overlays/staging",
        "kustomize/overlays/prod",
    ]
    assert config.environments[1].approval
    assert config.clone_url(config.manifests) == (
        "https://git-codecommit.ap-northeast-2.amazonaws.com/v1/repos/eks-work-manifests"
    )
    assert config.images[0].platforms == ("linux/amd64",)


def test_reports_every_mistake_at_once_with_its_place() -> None:
    text = (
        VALID.replace('"1.36"', "1.36")
        .replace("approval", "aproval")
        .replace("prod,    cluster: eks", "prod, cluster: x")
    )
    assert errors(text + "colour: red\n") == [
        "gitops.yaml:12:39: clusters[0].version must be a string",
        "gitops.yaml:17:27: no cluster 'x-work-cluster'",
        "gitops.yaml:17:64: unknown key 'aproval' in environments[1]",
        "gitops.yaml:18:1: unknown key 'colour'",
    ]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('"111122223333"', "111122223333", "gitops.yaml:4:10: account must be a string"),
        ("gitops/v1", "gitops/v2", "gitops.yaml:1:13: apiVersion cannot be 'gitops/v2'"),
        ("context: backend-app", "context: ../up", "gitops.yaml:10:14: images[0].context cannot be '../up'"),
        ("context: backend-app", "context: /etc", "gitops.yaml:10:14: images[0].context cannot be '/etc'"),
        ("branch: main}\nm", "branch: -f}\nm", "gitops.yaml:5:47: source.branch cannot be '-f'"),
        ("name: staging, ", "name: staging, name: s, ", "gitops.yaml:16:21: environments[0].name is given twice"),
        ("name: staging", "name: prod", "gitops.yaml:17:12: environments has 'prod' twice"),
        ("name: staging", "name: logging", "gitops.yaml:16:12: 'logging' is a platform overlay too"),
        ("name: staging", "name: all", "gitops.yaml:16:12: 'all' stands for several overlays"),
        (
            " cluster: eks-work-cluster,",
            "",
            "gitops.yaml:16:5: an environment needs a cluster or a target, and not both",
        ),
        (
            "repository: eks-work-manifests",
            "repository: eks-work-app",
            "gitops.yaml:6:25: the manifests are in the source repository",
        ),
        ("region: ap-northeast-2\n", "", "gitops.yaml:1:1: region is missing"),
        ("images:\n", "images: {}\nimage:\n", "gitops.yaml:7:9: images must be a list"),
        ("name: eks-work\n", "name: [a]\n", "gitops.yaml:2:7: name must be a string"),
        ("apiVersion", "\tapiVersion", "gitops.yaml:1:1: is not YAML: found character that cannot start any token"),
    ],
)
def test_each_mistake_says_where_and_what(old: str, new: str, error: str) -> None:
    assert errors(VALID.replace(old, new, 1))[0] == error


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "gitops.yaml:1:1: is empty"),
        (b"\xff\xfe\x00", "gitops.yaml: is not UTF-8 (byte 1)"),
        (b"just text", "gitops.yaml:1:1: the document must be a mapping of keys to values"),
        (b"a: 1\n---\nb: 2\n", "gitops.yaml:2:1: is not YAML: but found another document"),
        (b"x" * 1_000_001, "gitops.yaml: has over 1,000,000 bytes"),
        (b"a: &a [*a]\n", "gitops.yaml:1:8: is not YAML: *a stands within what it stands for"),
    ],
)
def test_refuses_what_is_no_config(data: bytes, error: str) -> None:
    assert errors(data)[0] == error


def test_a_byte_order_mark_is_accepted() -> None:
    assert parse_config(b"\xef\xbb\xbf" + VALID.encode()).name == "eks-work"


def test_suggests_the_nearest_environment_and_image() -> None:
    config = parse_config(VALID.encode())
    with pytest.raises(GitopsError, match=r"no environment 'prdo'\n  try: did you mean 'prod'\? \(staging, prod\)"):
        config.environment("prdo")
    with pytest.raises(GitopsError, match="no image 'backend'"):
        config.image("backend")
    assert config.image("backend-app") is config.image("backend-app-image") is config.image("k8sbook/backend-app")


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(GitopsError, match=r"cannot be read \(No such file or directory\)"):
        load_config(tmp_path / "gitops.yaml")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_a_file_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(GitopsError, match=r"^/dev/zero: has over 1,000,000 bytes"):
        load_config(Path("/dev/zero"))


def documents() -> list[tuple[Any, bool]]:
    """Documents that the reader and the published schema must judge alike."""
    changes: list[tuple[str, Any, bool]] = [
        ("name", "eks-work", True),
        ("name", "Eks", False),
        ("account", 111122223333, False),
        ("registry", {"host": "localhost:5000", "auth": "none"}, True),
        ("registry", {"host": "localhost:5000", "auth": "some"}, False),
        ("registry", None, True),
        ("colour", "red", False),
        ("images", [{"name": "a", "repository": "A"}], False),
        ("images", [{"name": "a", "repository": "a", "buildArgs": {"K": "v"}}], True),
        ("images", [{"name": "a", "repository": "a", "buildArgs": {"K": 1}}], False),
        ("applications", [{"name": "a", "image": "backend-app-image", "port": 0}], False),
    ]
    return [({**yaml.safe_load(VALID), key: value}, valid) for key, value, valid in changes]


@pytest.mark.parametrize(("document", "valid"), documents())
def test_the_published_schema_judges_like_the_reader(document: Any, valid: bool) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(document) is valid
    data = json.dumps(document).encode()
    if valid:
        parse_config(data)
    else:
        assert errors(data)
