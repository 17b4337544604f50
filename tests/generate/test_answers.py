"""Answers make a gitops.yaml that is valid, or are refused together."""

import pytest

from gitops.config import parse_config
from gitops.errors import GitopsError
from gitops.generate import Answers, config_text


def test_defaults_make_a_valid_config() -> None:
    config = parse_config(config_text(Answers()).encode())
    assert [e.namespace for e in config.environments] == ["eks-work-staging", "eks-work"]
    assert [e.approval for e in config.environments] == [False, True]
    assert config.images[0].repository == "eks-work/backend-app"


def test_a_cluster_for_each_environment() -> None:
    answers = Answers(clusters=("one", "two"), environments=("dev", "staging", "prod"))
    config = parse_config(config_text(answers).encode())
    assert [e.cluster for e in config.environments] == ["one", "two", "two"]


def test_urls_and_a_registry_are_taken_over() -> None:
    answers = Answers(source_url="http://127.0.0.1:1/a.git", registry="localhost:5000", registry_auth="none")
    config = parse_config(config_text(answers).encode())
    assert config.clone_url(config.source) == "http://127.0.0.1:1/a.git"
    assert config.image_repository(config.images[0]) == "localhost:5000/eks-work/backend-app"


def test_releases_can_be_rendered_to_branches_without_a_cluster() -> None:
    config = parse_config(config_text(Answers(rendered=True, health="/healthz")).encode())
    assert [e.target and e.target.branch for e in config.environments] == ["release/staging", "release/prod"]
    assert config.clusters == ()
    assert config.applications[0].health == "/healthz"


def test_every_wrong_answer_is_named_by_its_flag() -> None:
    with pytest.raises(GitopsError) as caught:
        config_text(Answers(name="Up", account="1", port=70000, environments=("prod", "P_")))
    lines = str(caught.value).splitlines()
    assert [line for line in lines if not line.startswith("  try")] == [
        "--name: cannot be 'Up'",
        "--account: cannot be '1'",
        "--port: cannot be 70000",
        "--environment: cannot be 'P_'",
    ]
    assert caught.value.exit_code == 2


def test_monitoring_is_the_add_on_or_the_overlay() -> None:
    addon, manifests = (parse_config(config_text(Answers(monitoring=m)).encode()) for m in ("addon", "manifests"))
    assert addon.platform.overlays == ("security", "logging", "autoscaling")
    assert manifests.platform.overlays == ("security", "logging", "monitoring", "autoscaling")
    with pytest.raises(GitopsError, match="--monitoring: cannot be 'both'"):
        config_text(Answers(monitoring="both"))


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(GitopsError, match="environments has 'prod' twice"):
        config_text(Answers(environments=("prod", "prod")))
