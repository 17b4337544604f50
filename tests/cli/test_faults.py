"""The commands around a release, as a person runs them, where a tenth of all calls to the API server fails."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.clients.kubernetes import KubernetesCluster
from gitops.objects import KubeObject, ObjectRef
from tests.support.api_server import ApiServer
from tests.support.configs import SHOP
from tests.support.fault_proxy import FaultProxy
from tests.support.kube_objects import config_map, cron_job, secret, service

ROUNDS = int(os.environ.get("GITOPS_FAULT_ROUNDS", "1"))
"""10 in the full run."""
TRIES = 5
"""Runs of one command: a fault may end one, with an error that says so; the next must do."""
CONFIG = (
    SHOP
    + """\
images: [{name: tick, repository: tick}]
clusters: [{name: test, context: test}]
environments: [{name: prod, cluster: test, namespace: SPACE}]
"""
)


def objects(space: str, release: str = "") -> list[KubeObject]:
    parts = [config_map(f"part-{index}", space, v=release) for index in range(4)]
    few = [service(namespace=space), secret(namespace=space, password="hunter22")]
    return [*parts, *few, cron_job(namespace=space, image=f"registry.invalid/tick:{release}")]


@dataclass
class Shop:
    """A manifest repository beside a cluster, which is reached through a proxy that fails now and then."""

    folder: Path
    kubeconfig: Path
    cluster: KubernetesCluster
    """The same cluster, reached straight."""
    space: str = ""

    def commit(self, release: str) -> None:
        overlay = self.folder / "kustomize" / "overlays" / "prod"
        overlay.mkdir(parents=True, exist_ok=True)
        (self.folder / "gitops.yaml").write_text(CONFIG.replace("SPACE", self.space))
        (overlay / "kustomization.yaml").write_text("resources: [objects.yaml]\n")
        (overlay / "objects.yaml").write_text(
            yaml.safe_dump_all([dict(each.body) for each in objects(self.space, release)])
        )
        if not (self.folder / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", f"release {release}")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def run(self, *arguments: str, until: Callable[[], bool] = lambda: True) -> str:
        """Run gitops until it ends well and what it does is done; each other end must be an error and no trace. What
        only reads, and holds no Lease, cannot know that it was told what was true earlier."""
        env = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PYTHONPATH": os.getcwd()}
        command = [sys.executable, "-m", "gitops", *arguments]
        for _ in range(TRIES):
            done = subprocess.run(
                command, cwd=self.folder, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL
            )
            assert done.returncode in (0, 1), done.stdout + done.stderr
            if done.returncode == 0 and until():
                return done.stdout
        raise AssertionError(done.stdout + done.stderr)

    def read(self, *arguments: str, expected: Callable[[Any], bool]) -> None:
        """Run a command that only reads, until it tells what is expected."""
        env = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PYTHONPATH": os.getcwd()}
        command = [sys.executable, "-m", "gitops", *arguments, "-o", "json"]
        for _ in range(TRIES):
            done = subprocess.run(
                command, cwd=self.folder, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL
            )
            assert done.returncode in (0, 1, 3), done.stdout + done.stderr
            if done.returncode != 1 and expected(json.loads(done.stdout)):
                return
        raise AssertionError(done.stdout + done.stderr)

    def there(self) -> dict[str, Any]:
        """What each object that is deployed says, by its name."""
        found = {each.ref: self.cluster.get(each.ref) for each in objects(self.space)}
        return {ref.name: _content(each) for ref, each in found.items() if each}


def _content(each: KubeObject) -> Any:
    if each.kind == "CronJob":
        template = each.body["spec"]["jobTemplate"]["spec"]["template"]
        return template["spec"]["containers"][0]["image"]
    return each.body.get("data")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with ApiServer(tmp_path) as server, FaultProxy(server.url) as proxy:
        cluster = KubernetesCluster(server.connection())
        yield Shop(tmp_path / "shop", server.kubeconfig(url=proxy.url), cluster)


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_commands_through_faults_do_what_they_say(shop: Shop) -> None:
    for number in range(ROUNDS):
        # No controller is there that would end the namespace of a round before.
        shop.space = f"shop-{number}"
        release_and_take_away(shop, f"{number}-good", f"{number}-bad")


def release_and_take_away(shop: Shop, good: str, bad: str) -> None:
    shop.commit(good)
    shop.run("deploy", "prod", "--allow-prune")
    released = shop.there()
    assert (released["part-0"], released["tick"]) == ({"v": good}, f"registry.invalid/tick:{good}")
    by_hand(shop)
    drifted = {f"ConfigMap/{shop.space}/part-{index}" for index in range(2)}
    shop.read("drift", "prod", expected=lambda found: {each["ref"] for each in found} == drifted)
    shop.run("drift", "prod", "--fix", until=lambda: shop.there() == released)
    shop.commit(bad)
    shop.run("deploy", "prod")
    well = {"health": "healthy", "drift": "none", "last": "deployed"}
    shop.read("status", expected=lambda rows: rows[0].items() >= well.items())
    last = {"title": f"release {bad}", "result": "deployed"}
    shop.read("history", "prod", expected=lambda entries: entries[0].items() >= last.items())
    before = shop.git("rev-parse", "HEAD")
    shop.run("rollback", "prod")
    assert shop.git("rev-list", "--count", f"{before}..HEAD") == "1"
    shop.run("deploy", "prod")
    assert shop.there() == released
    shop.run("unhold", "prod")
    shop.run("teardown", "prod", "--yes")
    shop.run("teardown", "prod", "--yes")
    assert is_torn_down(shop)


def by_hand(shop: Shop) -> None:
    """One thing is changed, and another deleted."""
    shop.cluster.apply(config_map("part-0", shop.space, v="by hand"), force=True, manager="kubectl-edit")
    shop.cluster.delete(config_map("part-1", shop.space).ref)


def is_torn_down(shop: Shop) -> bool:
    """Nothing is left but the namespace, which is on its way out."""
    found = shop.cluster.get(ObjectRef("", "Namespace", "", shop.space))
    return shop.there() == {} and (found is None or "deletionTimestamp" in found.metadata)
