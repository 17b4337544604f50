"""The commands around a deploy as a person runs them, against a real API server: output, exit codes, no secret."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.clients.kubernetes import KubernetesCluster
from gitops.objects import ObjectRef
from tests.support.api_server import ApiServer
from tests.support.configs import SHOP
from tests.support.kube_objects import config_map, cron_job, secret, service

pytestmark = [pytest.mark.cluster, pytest.mark.kubectl]

CANARY = "canary-5d81c7-secret"
CONFIG = (
    SHOP
    + """\
images: [{name: tick, repository: tick}]
clusters: [{name: test, context: test}]
environments: [{name: prod, cluster: test, namespace: shop}]
"""
)


@dataclass
class Shop:
    """A manifest repository beside a cluster."""

    folder: Path
    kubeconfig: Path
    outputs: list[str]

    def write(self, tag: str, *extra: dict[str, Any]) -> None:
        """A release `tag`, with the canary in every place that a secret can be."""
        image = f"registry.invalid/tick:{tag}"
        job = cron_job(namespace="shop", image=image)
        spec = json.loads(json.dumps(job.body["spec"]))
        container = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
        container["env"] = [{"name": "DB_PASSWORD", "value": f"{CANARY}-env-{tag}"}]
        bodies = [
            config_map(namespace="shop", v=tag, url=f"db://{CANARY}-{tag}@x").body,
            secret(namespace="shop", password=f"{CANARY}-{tag}").body,
            {**secret("coded", "shop").body, "data": {"p": _coded(f"{CANARY}-data-{tag}")}, "stringData": {}},
            {**job.with_annotations({"example.invalid/token": f"{CANARY}-note-{tag}"}).body, "spec": spec},
        ]
        overlay = self.folder / "kustomize" / "overlays" / "prod"
        overlay.mkdir(parents=True, exist_ok=True)
        (self.folder / "gitops.yaml").write_text(CONFIG)
        (overlay / "kustomization.yaml").write_text("resources: [objects.yaml]\n")
        (overlay / "objects.yaml").write_text(yaml.safe_dump_all([*bodies, *extra]))

    def commit(self, subject: str) -> None:
        if not (self.folder / ".git").exists():
            self._git("init", "--quiet", "--initial-branch=main")
        self._git("add", "--all")
        self._git("commit", "--quiet", "-m", subject)

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run gitops, check its exit code, keep and give all that it printed."""
        env = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PYTHONPATH": os.getcwd()}
        command = [sys.executable, "-m", "gitops", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        self.outputs.append(done.stdout + done.stderr)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Run gitops, and do not wait for it."""
        env = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PYTHONPATH": os.getcwd()}
        command = [sys.executable, "-m", "gitops", *arguments]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs the tests in the background has its children ignore it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True)


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    token = {f"{CANARY}-token": "nobody-special,uid-9"}
    with ApiServer(tmp_path_factory.mktemp("cli-server"), tokens=token) as server:
        yield server


@pytest.fixture
def shop(server: ApiServer, tmp_path: Path) -> Shop:
    shop = Shop(tmp_path / "shop", server.kubeconfig(), [])
    shop.write("1")
    shop.commit("first")
    return shop


def test_an_older_revision_is_superseded(shop: Shop) -> None:
    shop.write("5")
    shop.commit("newer")
    shop.run("deploy", "prod", "--take-ownership", "Secret/shop/keys", "--allow-older")
    shop._git("checkout", "--quiet", "HEAD~1")
    assert "superseded" in shop.run("deploy", "prod", code=1)


def test_an_unknown_environment_is_named_with_the_nearest(shop: Shop) -> None:
    assert "did you mean 'prod'?" in shop.run("plan", "prdo", code=1)


def test_a_cluster_that_does_not_answer_is_one_line_with_a_hint(shop: Shop) -> None:
    text = shop.kubeconfig.read_text()
    dead = shop.folder.parent / "dead"
    dead.write_text(re.sub(r"https://127.0.0.1:\d+", "https://127.0.0.1:1", text))
    shop.kubeconfig = dead
    said = shop.run("plan", "prod", code=1)
    assert said.splitlines()[0].startswith("https://127.0.0.1:1: does not answer (")
    assert said.splitlines()[1].startswith("  try: ")


def test_status_shows_digest_and_how_the_last_deploy_ended(shop: Shop) -> None:
    shop.write(f"6@sha256:{'a' * 64}")
    shop.commit("by digest")
    shop.run("deploy", "prod", "--take-ownership", "Secret/shop/keys", "--allow-older")
    head, row, *_ = shop.run("status").splitlines()
    shown = dict(zip(re.split(r"  +", head), re.split(r"  +", row), strict=True))
    assert (shown["IMAGE"], shown["LAST"], shown["DRIFT"]) == ("6@aaaaaaaa", "deployed", "none")
    (known,) = json.loads(shop.run("status", "-o", "json"))
    assert known["images"] == [f"registry.invalid/tick:6@sha256:{'a' * 64}"]
    assert shop.run("history", "all").splitlines()[1].split()[2] == "deployed"


def test_status_keeps_what_it_read_where_the_clone_lacks_the_revision(shop: Shop, tmp_path: Path) -> None:
    shop.write("7")
    shop.commit("lost")
    shop.run("deploy", "prod", "--take-ownership", "Secret/shop/keys", "--allow-older")
    shop._git("commit", "--quiet", "--allow-empty", "-m", "newer")
    shallow = tmp_path / "shallow"
    shop._git("clone", "--quiet", "--depth=1", shop.folder.as_uri(), str(shallow))
    shop._git("-C", str(shallow), "remote", "remove", "origin")
    lost = Shop(shallow, shop.kubeconfig, shop.outputs)
    head, row, *details = lost.run("status", code=1).splitlines()
    shown = dict(zip(re.split(r"  +", head), re.split(r"  +", row), strict=True))
    assert (shown["IMAGE"], shown["HEALTH"], shown["DRIFT"], shown["LAST"]) == ("7", "unknown", "-", "deployed")
    assert details[0].endswith("is no commit of this clone")
    assert "--allow-older" in lost.run("deploy", "prod", code=1)


def test_drift_is_told_object_by_object_in_lines_that_fit_a_terminal(shop: Shop) -> None:
    registry = "111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/k8sbook"
    shop.write("8")
    shop.commit("before it drifts")
    shop.run("deploy", "prod", "--take-ownership", "Secret/shop/keys", "--allow-older")
    kubectl = ["kubectl", f"--kubeconfig={shop.kubeconfig}", "-n", "shop"]
    for arguments in (
        ["set", "image", "cronjob/tick", f"web={registry}/tick:by-hand"],
        ["patch", "configmap", "settings", "--type=merge", "-p", '{"data": {"v": "9\\n"}}', "--field-manager=jane"],
    ):
        subprocess.run([*kubectl, *arguments], check=True, capture_output=True)
    said = shop.run("drift", "prod", code=3).splitlines()
    assert all(len(line) <= 80 for line in (*said, *shop.run("history", "prod").splitlines()))
    assert [line for line in said if re.match(r"  \S", line)] == ["  ConfigMap/shop/settings", "  CronJob/shop/tick"]
    assert re.match(r"    data\.v  8 -> 9\\n  jane since 20", said[said.index("  ConfigMap/shop/settings") + 1])
    assert re.match(r"      registry.invalid/tick:8 -> 1111.*….*tick:by-hand$", said[-2])
    assert re.match(r"      kubectl-set since 20", said[-1])
    (first, *_) = json.loads(shop.run("drift", "prod", "-o", "json", code=3))
    assert (first["environment"], first["ref"], first["manager"]) == ("prod", "ConfigMap/shop/settings", "jane")


TAKEN = ("Secret/shop/keys", "ConfigMap/shop/settings", "CronJob/shop/tick")
"""What tests before have changed by hand."""
FORCED = ["deploy", "prod", "--allow-older", "--allow-prune", *(f"--take-ownership={each}" for each in TAKEN)]


@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "stopped by SIGTERM")]
)
def test_a_deploy_that_is_stopped_says_so_and_leaves_no_lease(
    shop: Shop, server: ApiServer, number: signal.Signals, code: int, said: str
) -> None:
    cluster = KubernetesCluster(server.connection())
    shop.write(f"9-{code}", {**service("lb", "shop").body, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}})
    shop.commit("never ready")
    with shop.start(*FORCED) as process:
        assert process.stdout
        assert process.stderr
        assert any("waiting" in line for line in process.stdout)
        process.send_signal(number)
        assert process.wait(60) == code
        assert f"gitops: {said}\n" in process.stderr.read()
    lease = cluster.get(ObjectRef("coordination.k8s.io", "Lease", "shop", "gitops-prod"))
    assert lease
    assert lease.body["spec"]["holderIdentity"] == ""
    assert json.loads(shop.run("history", "prod", "-o", "json"))[0]["result"] == "interrupted"
    # What it made is known to be ours.
    shop.write(f"9-{code}")
    shop.commit("without it")
    assert re.search(r"deleted +Service/shop/lb", shop.run("deploy", "prod"))


def test_a_deploy_goes_on_though_nobody_reads_what_it_says(shop: Shop) -> None:
    shop.write("10", *(dict(config_map(f"part-{index}", "shop").body) for index in range(8)))
    shop.commit("many lines")
    with shop.start(*FORCED) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stderr.close()
        assert process.wait(60) == 0
    assert json.loads(shop.run("history", "prod", "-o", "json"))[0]["result"] == "deployed"
