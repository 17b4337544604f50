"""The kustomize tree: the committed one is what the generator writes, and kubectl renders every overlay of it."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from gitops.clients.kubectl import find_kubectl
from gitops.config import parse_config
from gitops.errors import GitopsError
from gitops.generate import config_text, kustomize_tree
from gitops.template.buildspecs import buildspecs
from tests.generate.sample import ANSWERS, ROOT, sample_config

OVERLAYS = [f"overlays/{name}" for name in sample_config().platform.overlays]


def files_under(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_committed_tree_is_what_the_generator_writes() -> None:
    assert (ROOT / "gitops.yaml").read_text() == config_text(ANSWERS)
    assert files_under(ROOT / "kustomize") == dict(kustomize_tree(sample_config()))
    assert files_under(ROOT / "buildspec") == buildspecs(sample_config())


def test_generating_twice_gives_the_same_bytes() -> None:
    assert kustomize_tree(sample_config()) == kustomize_tree(sample_config())


def test_no_mark_is_left_and_every_file_is_yaml() -> None:
    for path, content in kustomize_tree(sample_config()).items():
        assert b"<<" not in content, path
        assert b" \n" not in content, f"{path} has a space at the end of a line"
        assert path.endswith(".conf") or list(yaml.safe_load_all(content)), path


def kubectls() -> list[str]:
    """Every kubectl that is there: versions differ in the kustomize that they embed."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    found = [find_kubectl(), *(str(Path(folder) / "kubectl") for folder in folders)]
    return list(dict.fromkeys(str(Path(each).resolve()) for each in found if each and Path(each).is_file()))


@pytest.mark.kubectl
@pytest.mark.parametrize("overlay", ["overlays/staging", "overlays/prod", *OVERLAYS, "load-test"])
def test_every_kubectl_renders_each_overlay_alike_and_without_a_warning(overlay: str) -> None:
    results = []
    for kubectl in kubectls():
        command = [kubectl, "kustomize", str(ROOT / "kustomize" / overlay)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (run.returncode, run.stderr) == (0, ""), kubectl
        results.append(list(yaml.safe_load_all(run.stdout)))
    assert all(result == results[0] for result in results)
    assert all(document["metadata"]["name"] for document in results[0])


def test_an_application_decides_its_own_ports_probes_resources_and_environment() -> None:
    text = config_text(ANSWERS).replace(
        "{name: backend-app, image: backend-app-image, autoscaling: {max: 10}}",
        "{name: web, image: backend-app-image, port: 9000, health: /up, replicas: 3, service: LoadBalancer,"
        ' resources: {cpu: "1", memory: 1Gi}, env: {MODE: "on: #1"}}',
    )
    tree = kustomize_tree(parse_config(text.encode()))
    deployment = yaml.safe_load(tree["kustomize/base/web/deployment.yaml"])
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert deployment["spec"]["replicas"] == 3
    assert container["ports"][0]["containerPort"] == 9000
    assert container["readinessProbe"]["httpGet"] == {"path": "/up", "port": "http"}
    assert container["resources"] == {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    service = yaml.safe_load(tree["kustomize/base/web/service.yaml"])
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["metadata"]["annotations"]
    literals = yaml.safe_load(tree["kustomize/base/web/kustomization.yaml"])["configMapGenerator"][0]["literals"]
    assert "MODE=on: #1" in literals


def test_a_limit_below_the_request_is_refused() -> None:
    text = config_text(ANSWERS).replace("autoscaling: {max: 10}", "resources: {memory: 1Gi, memoryLimit: 512Mi}")
    with pytest.raises(GitopsError, match="backend-app requests 1Gi of memory, and its memoryLimit is 512Mi"):
        kustomize_tree(parse_config(text.encode()))


@pytest.mark.parametrize(
    ("platforms", "selected"),
    [("[linux/arm64]", "arm64"), ("[linux/amd64, linux/arm64]", None), ("[linux/amd64]", None)],
)
def test_an_image_of_another_architecture_goes_to_its_nodes(platforms: str, selected: str | None) -> None:
    text = config_text(ANSWERS).replace(
        "    context: backend-app", f"    context: backend-app\n    platforms: {platforms}"
    )
    deployment = yaml.safe_load(
        kustomize_tree(parse_config(text.encode()))["kustomize/base/backend-app/deployment.yaml"]
    )
    selector = deployment["spec"]["template"]["spec"].get("nodeSelector", {})
    assert selector.get("kubernetes.io/arch") == selected


def test_several_applications_share_one_tree() -> None:
    text = (
        config_text(ANSWERS)
        .replace("clusters:\n", "  - {name: front-image, repository: shop/front}\nclusters:\n", 1)
        .replace("environments:  ", "  - {name: front, image: front-image}\nenvironments:  ", 1)
    )
    tree = kustomize_tree(parse_config(text.encode()))
    assert yaml.safe_load(tree["kustomize/base/kustomization.yaml"])["resources"] == ["backend-app", "front"]
    images = yaml.safe_load(tree["kustomize/overlays/prod/kustomization.yaml"])["images"]
    assert [image["name"] for image in images] == ["backend-app-image", "front-image"]


def test_without_the_security_overlay_the_environment_makes_its_namespace() -> None:
    text = config_text(ANSWERS)
    overlays = next(line for line in text.splitlines() if line.startswith("  overlays:"))
    tree = kustomize_tree(parse_config(text.replace(overlays, "  overlays: []").encode()))
    assert "kustomize/overlays/prod/namespace.yaml" in tree
    kustomization = yaml.safe_load(tree["kustomize/overlays/prod/kustomization.yaml"])
    assert kustomization["resources"] == ["namespace.yaml", "../../base"]


def test_without_the_security_overlay_each_application_may_ask_for_names() -> None:
    def ports(overlays: str) -> list[int]:
        text = config_text(ANSWERS)
        line = next(line for line in text.splitlines() if line.startswith("  overlays:"))
        tree = kustomize_tree(parse_config(text.replace(line, f"  overlays: [{overlays}]").encode()))
        rules = yaml.safe_load(tree["kustomize/base/backend-app/networkpolicy.yaml"])["spec"].get("egress", [])
        return [port["port"] for rule in rules for port in rule["ports"]]

    assert 53 in ports("")
    assert 53 not in ports("security")


def test_an_unknown_platform_overlay_is_refused_with_the_nearest() -> None:
    text = config_text(ANSWERS).replace("overlays: [security", "overlays: [securty")
    with pytest.raises(GitopsError, match="no platform overlay 'securty'\n  try: did you mean 'security'"):
        kustomize_tree(parse_config(text.encode()))


def test_an_overlay_elsewhere_finds_the_base() -> None:
    text = config_text(ANSWERS).replace("approval: true", "approval: true, overlay: deploy/production")
    tree = kustomize_tree(parse_config(text.encode()))
    kustomization = yaml.safe_load(tree["deploy/production/kustomization.yaml"])
    assert kustomization["resources"] == ["../../kustomize/base"]


def test_each_cluster_has_overlays_of_its_own() -> None:
    answers = replace(ANSWERS, clusters=("first", "second"))
    text = config_text(answers).replace(
        '{name: second, version: "1.36"}', '{name: second, version: "1.35", region: eu-west-1}'
    )
    tree = kustomize_tree(parse_config(text.encode()))
    for overlay in ("logging", "monitoring", "autoscaling", "security"):
        assert f"kustomize/overlays/{overlay}/kustomization.yaml" not in tree
    logging = {c: tree[f"kustomize/overlays/logging/{c}/kustomization.yaml"].decode() for c in ("first", "second")}
    assert "cluster.name=first\n      - logs.region=ap-northeast-2" in logging["first"]
    assert "cluster.name=second\n      - logs.region=eu-west-1" in logging["second"]
    assert b"cluster-autoscaler:v1.35.2" in tree["kustomize/overlays/autoscaling/second/cluster-autoscaler.yaml"]
    assert "kustomize/overlays/security/first/eks-work-staging/namespace.yaml" in tree
    assert "kustomize/overlays/security/first/eks-work/namespace.yaml" not in tree
    assert b"enforce-version: v1.35" in tree["kustomize/overlays/security/second/eks-work/namespace.yaml"]


def test_an_environment_that_is_rendered_makes_its_own_namespace() -> None:
    text = config_text(ANSWERS).replace(
        "staging, cluster: eks-work-cluster", "staging, target: {branch: release/staging}"
    )
    tree = kustomize_tree(parse_config(text.encode()))
    assert "kustomize/overlays/staging/namespace.yaml" in tree
    assert "kustomize/overlays/prod/namespace.yaml" not in tree
