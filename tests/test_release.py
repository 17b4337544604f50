"""The whole path, by the commands: a commit, an image, a bump, a plan, a release on a real API server."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from gitops.cli import run
from gitops.clients.git import GitRepository
from gitops.clients.kubernetes import KubernetesCluster
from gitops.demo.aws import ACCOUNT
from gitops.demo.registry import free_port
from gitops.demo.world import World, create_ecr_repository, demo_world
from gitops.generate.scaffold import base_image
from gitops.objects import KubeObject
from tests.support.api_server import ApiServer
from tests.support.base_image import import_base_image
from tests.support.kubelet import Kubelet

pytestmark = [pytest.mark.docker, pytest.mark.registry, pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Two pushed repositories, an ECR repository with immutable tags, and a registry that asks for ECR's password."""
    import_base_image(base_image())
    with demo_world(tmp_path / "world", lambda: "") as world:
        options = ["--name", "shop", "--application", "web", "--account", ACCOUNT, "--image-repository", "shop/web"]
        options += ["--registry", world.registry, "--registry-auth", "ecr"]
        options += ["--source-url", world.git.url("shop-app"), "--manifest-url", world.git.url("shop-manifests")]
        for name in ("shop-app", "shop-manifests"):
            world.git.create(name)
        assert run(["init", str(world.folder), "--yes", *options]) == 0
        for name in ("shop-app", "shop-manifests"):
            GitRepository(world.folder / name).run("push", "--quiet", "--set-upstream", "origin", "main")
        create_ecr_repository("shop/web")
        monkeypatch.chdir(world.folder / "shop-manifests")
        yield world


def build(*options: str) -> dict[str, str]:
    """`gitops build`, and the image.json that it wrote."""
    assert run(["build", "--source", "../shop-app", "--network", "host", "-o", "../image.json", *options]) == 0
    document: dict[str, str] = json.loads(Path("../image.json").read_text())
    return document


@contextmanager
def container_of(reference: str, port: int) -> Iterator[str]:
    """Pull `reference`, run it as the cluster would, and give the URL that it answers at."""
    client = docker.from_env()
    try:
        auth = {"username": "AWS", "password": f"{ACCOUNT}-auth-token"}
        repository, _, digest = reference.partition("@")
        client.images.pull(f"{repository}@{digest}", auth_config=auth)
        running = client.containers.run(
            reference, detach=True, network_mode="host", read_only=True, environment={"PORT": str(port)}
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            running.remove(force=True)
    finally:
        client.close()


def answer(url: str) -> int:
    """The status that `url` answers with, once somebody listens there."""
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                return int(response.status)
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError(f"nobody listens at {url}")


def test_a_commit_becomes_an_image_that_answers(world: World) -> None:
    built = build()
    commit = GitRepository(world.folder / "shop-app").head()
    assert built["revision"] == commit
    assert built["tag"] == commit[:7]
    with container_of(f"{built['repository']}@{built['digest']}", free_port()) as url:
        assert answer(f"{url}/health") == 200


def test_a_commit_becomes_a_release(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build("--version", "1.4.2")
    assert run(["bump", "web", "--env", "staging", "--from", "../image.json"]) == 0
    (tmp_path / "server").mkdir()
    with ApiServer(tmp_path / "server", controllers=True) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig()))
        cluster = KubernetesCluster(server.connection())
        deploy = ["deploy", "staging", "--yes", "--context", context_of(server)]
        capsys.readouterr()

        assert run([*deploy, "--dry-run"]) == 0
        assert "create  Deployment/shop-staging/web" in capsys.readouterr().out
        assert deployment(cluster) is None

        with Kubelet(cluster, "shop-staging"):
            assert run(deploy) == 0
        live = deployment(cluster)
        assert live is not None
        image = live.body["spec"]["template"]["spec"]["containers"][0]["image"]
        assert image == f"{built['repository']}:1.4.2@{built['digest']}"

        before = everything(cluster)
        capsys.readouterr()
        assert run(["plan", "staging", "--exit-code", "--context", context_of(server)]) == 0
        assert "unchanged" in capsys.readouterr().out
        assert run([*deploy, "--dry-run"]) == 0
        assert everything(cluster) == before


def context_of(server: ApiServer) -> str:
    import yaml

    return str(yaml.safe_load(Path(server.kubeconfig()).read_text())["current-context"])


def deployment(cluster: KubernetesCluster) -> KubeObject | None:
    found = [each for each in cluster.list("apps", "Deployment", "shop-staging").objects if each.name == "web"]
    return found[0] if found else None


def everything(cluster: KubernetesCluster) -> dict[str, str]:
    """Each object of ours and its resourceVersion, which any write would move."""
    kinds = [("", "ConfigMap"), ("", "Service"), ("", "ServiceAccount"), ("apps", "Deployment")]
    listed = (each for group, kind in kinds for each in cluster.list(group, kind, "shop-staging").objects)
    return {str(each.ref): each.metadata["resourceVersion"] for each in listed}
