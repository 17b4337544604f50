"""The templates: linted, of least privilege, the same each time, and within AWS's limits."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint import api, config

from gitops.errors import GitopsError
from gitops.template import catalogues
from gitops.template.iam import Everything, allow, role, trust_service
from gitops.template.stacks import Stack, stacks, templates
from tests.support.configs import BASE, OTHERS, REPOSITORY, every_config, other, sample, variation
from tests.support.templates import parse_template, walk

CONFIGS = ("sample", *OTHERS)


@cache
def made(name: str) -> tuple[Stack, ...]:
    return tuple(stacks(every_config()[name]))


def statements(stack: Stack) -> Iterator[Any]:
    """Each IAM statement of a template, of roles and of resource policies."""
    for node in walk(parse_template(stack.template)):
        if isinstance(node, dict) and "Effect" in node:
            yield node


def linted(template: str) -> list[Any]:
    """What the cfn-lint command would print: errors and warnings."""
    matches: list[Any] = api.lint(template, config=config.ManualArgs(regions=["eu-west-1", "us-east-1"]))
    return matches


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in CONFIGS])
def test_cfn_lint_reports_nothing(name: str) -> None:
    for stack in made(name):
        assert [str(match) for match in linted(stack.template)] == [], stack.path


def test_cfn_lint_would_report() -> None:
    broken = made("sample")[0].template.replace("kms:CancelKeyDeletion", "kms:CancelKeysDeletion")
    assert linted(broken)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_checkov_fails_no_check(name: str, tmp_path: Path) -> None:
    checkov = shutil.which("checkov")
    if not checkov:
        pytest.skip("checkov is not on PATH")
    for stack in made(name):
        (tmp_path / Path(stack.path).name).write_text(stack.template)
    scan = subprocess.run(
        [checkov, "--framework", "cloudformation", "-d", str(tmp_path), "-o", "json", "--quiet", "--skip-download"],
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    results = json.loads(scan.stdout)
    assert results["summary"]["passed"] > 50
    assert [(check["check_id"], check["resource"]) for check in results["results"]["failed_checks"]] == []


@pytest.mark.parametrize("name", CONFIGS)
def test_no_statement_allows_a_wildcard_action(name: str) -> None:
    for stack in made(name):
        for statement in statements(stack):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            wild = [action for action in actions if "*" in action]
            assert not wild or statement["Effect"] == "Deny", (stack.path, statement)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_star_resource_says_why(name: str) -> None:
    for stack in made(name):
        lines = stack.template.splitlines()
        for number, line in enumerate(lines):
            if line.strip() == 'Resource: "*"':
                assert lines[number - 1].strip().startswith("#"), (stack.path, number + 1)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_managed_policy_is_in_the_catalogue(name: str) -> None:
    known = catalogues.catalogue(catalogues.POLICIES)["exists"]
    named = [
        node["Fn::Sub"].partition(":policy/")[2]
        for stack in made(name)
        for node in walk(parse_template(stack.template))
        if isinstance(node, dict) and ":iam::aws:policy/" in str(node.get("Fn::Sub", ""))
    ]
    assert named
    assert set(named) <= set(known)


@pytest.mark.parametrize("name", CONFIGS)
def test_nobody_is_system_masters_and_apps_are_held_to_their_namespace(name: str) -> None:
    subject = every_config()[name]
    entries = [
        resource["Properties"]
        for stack in made(name)
        for resource in parse_template(stack.template)["Resources"].values()
        if resource["Type"] == "AWS::EKS::AccessEntry"
    ]
    assert len(entries) >= len(subject.environments)
    for entry in entries:
        assert not any(group.startswith("system:") for group in entry["KubernetesGroups"])
        for environment in subject.environments:
            if str(entry["PrincipalArn"]).endswith(f"role/{subject.name}-deploy-{environment.name}'}}"):
                assert entry["AccessPolicies"][0]["AccessScope"] == {
                    "Type": "namespace",
                    "Namespaces": [environment.namespace],
                }


@pytest.mark.parametrize("name", CONFIGS)
def test_a_template_fits_into_cloudformation(name: str) -> None:
    for stack in made(name):
        document = parse_template(stack.template)
        assert len(document["Resources"]) <= 500
        assert len(stack.template.encode()) <= 1_000_000
        assert len(document["Description"]) <= 1024


def test_the_committed_templates_are_the_generated_ones() -> None:
    committed = {f"cfn/{file.name}": file.read_bytes() for file in (REPOSITORY / "cfn").iterdir()}
    assert committed == templates(sample())


def test_the_same_config_gives_the_same_bytes() -> None:
    for name in OTHERS:
        assert templates(other(name)) == templates(other(name))


def test_clusters_elsewhere_get_stacks_of_their_own_with_the_roles_of_home() -> None:
    by_path = {stack.path: stack for stack in made("three clusters in two accounts and regions")}
    assert list(by_path) == [
        "cfn/access.yaml",
        "cfn/observability.yaml",
        "cfn/access-444455556666-us-east-1.yaml",
        "cfn/observability-444455556666-us-east-1.yaml",
        "cfn/access-444455556666-eu-central-1.yaml",
        "cfn/observability-444455556666-eu-central-1.yaml",
        "cfn/pipeline.yaml",
    ]
    first = parse_template(by_path["cfn/access-444455556666-us-east-1.yaml"].template)["Resources"]
    trust = first["DeployProdUsRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    arn = "arn:${AWS::Partition}:iam::111122223333:role/shop-deploy-prod-us"
    assert trust["Principal"] == {"AWS": {"Fn::Sub": arn}}
    second = parse_template(by_path["cfn/access-444455556666-eu-central-1.yaml"].template)["Resources"]
    assert "DeployProdEuRole" in first
    assert "DeployProdEuRole" not in second, "IAM is global: a role is made once in an account"


def test_platforms_of_several_clusters_are_deployed_at_the_same_time() -> None:
    pipeline = parse_template(made("three clusters in two accounts and regions")[-1].template)["Resources"]
    stages = pipeline["ManifestPipeline"]["Properties"]["Stages"]
    platform = next(stage for stage in stages if stage["Name"] == "Platform")
    assert [action["Name"] for action in platform["Actions"]] == ["DeployShop", "DeployShopUs", "DeployShopEu"]
    assert {action.get("RunOrder", 1) for action in platform["Actions"]} == {1}


def test_an_approval_is_of_the_plan_that_is_deployed() -> None:
    pipeline = parse_template(made("sample")[-1].template)["Resources"]
    prod = pipeline["ManifestPipeline"]["Properties"]["Stages"][-1]
    plan, approve, deploy = prod["Actions"]
    assert [action["RunOrder"] for action in prod["Actions"]] == [1, 2, 3]
    assert approve["Configuration"]["CustomData"] == "prod: #{ProdPlan.PLAN_SUMMARY}"
    assert plan["Namespace"] == "ProdPlan"
    assert plan["OutputArtifacts"][0] in deploy["InputArtifacts"]
    assert '"GITOPS_PLAN"' in deploy["Configuration"]["EnvironmentVariables"]


def test_github_folders_become_filters_of_the_trigger() -> None:
    github = OTHERS["GitHub source"].replace("repository: shop/web}", "repository: shop/web, context: web}")
    from gitops.config import parse_config

    pipeline = parse_template(stacks(parse_config(github.encode()))[-1].template)["Resources"]
    assert "SourcePushed" not in pipeline
    trigger = pipeline["SourcePipeline"]["Properties"]["Triggers"][0]["GitConfiguration"]["Push"]
    assert trigger == [{"Branches": {"Includes": ["main"]}, "FilePaths": {"Includes": ["web/**"]}}]


def environments(count: int) -> str:
    return "environments:\n" + "".join(
        f"  - {{name: e{number}, cluster: shop, namespace: e{number}}}\n" for number in range(count)
    )


def test_more_stages_than_a_pipeline_has_are_refused() -> None:
    from gitops.config import parse_config

    assert stacks(parse_config((BASE + environments(47)).encode()))
    with pytest.raises(GitopsError) as caught:
        stacks(parse_config((BASE + environments(48)).encode()))
    assert str(caught.value) == (
        "gitops.yaml: 48 environments make 51 stages, and a pipeline has at most 50\n"
        "  try: at most 47 environments, or two systems"
    )


def test_a_role_name_that_iam_would_refuse_is_refused() -> None:
    with pytest.raises(GitopsError, match=r"the role .* would have 6[5-9] characters, and AWS allows 64"):
        stacks(variation(("name: prod,", f"name: {'p' * 49},")))


def test_a_retention_that_cloudwatch_lacks_is_refused() -> None:
    with pytest.raises(GitopsError, match="logs retentionDays: cannot be 42"):
        stacks(variation(extra="pipeline: {retentionDays: 42}\n"))


def test_a_retired_managed_policy_cannot_be_given_to_a_role() -> None:
    with pytest.raises(GitopsError, match="use AWSCodePipeline_FullAccess"):
        role("x", trust_service("codepipeline"), [], "", managed=["AWSCodePipelineFullAccess"])


def test_a_statement_with_a_wildcard_action_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="wildcard action s3"):
        allow("", ["s3:*"], Everything(""))


def test_yaml_reads_as_the_same_document_without_its_comments() -> None:
    for stack in made("sample"):
        bare = "\n".join(line for line in stack.template.splitlines() if not line.lstrip().startswith("#"))
        assert yaml.compose(bare) is not None


@pytest.mark.parametrize("name", CONFIGS)
def test_a_deploy_may_pull_the_manifests_and_no_other_repository(name: str) -> None:
    subject = every_config()[name]
    roles = [
        (key, resource["Properties"]["Policies"])
        for stack in made(name)
        for key, resource in parse_template(stack.template)["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role" and key.startswith("Deploy") and "codebuild" in json.dumps(resource)
    ]
    assert len(roles) >= len(subject.environments)
    for key, policies in roles:
        statements = [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]
        pulls = [each for each in statements if "codecommit:GitPull" in each["Action"]]
        own = not subject.manifests.connection and not subject.manifests.url
        assert len(pulls) == own, key
        assert all(f":{subject.manifests.repository}'" in str(each["Resource"]) for each in pulls), key


def test_the_key_is_for_the_logs_of_its_own_partition() -> None:
    """logs.cn-north-1.amazonaws.com.cn in China: the other services' principals are the same everywhere."""
    access = next(stack for stack in made("sample") if "AWS::KMS::Key" in stack.template)
    services = [
        found["Principal"]["Service"] for found in statements(access) if "Service" in found.get("Principal", {})
    ]
    assert {"Fn::Sub": "logs.${AWS::Region}.${AWS::URLSuffix}"} in services
