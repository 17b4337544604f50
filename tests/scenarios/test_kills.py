"""`kill -9` after each write of a deploy in turn: the next run converges, and no lease stays stuck."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gitops.clients.kubeconfig import Connection, Credential, Endpoint
from gitops.clients.kubernetes import KubernetesCluster
from gitops.objects import KubeObject
from tests.scenarios.conftest import World
from tests.support.api_server import ADMIN_TOKEN, ApiServer
from tests.support.kube_objects import config_map, cron_job, definition, service, widget

# A deploy in a process of its own, which kills itself the moment after its Nth write was answered.
VICTIM = """
import os, signal, sys
from gitops.clients.kubeconfig import Connection, Credential, Endpoint
from gitops.clients.kubernetes import KubernetesCluster
from gitops.objects import KubeObject
from tests.scenarios.test_kills import connection_of, second
from tests.scenarios.conftest import World

url, space, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
cluster = KubernetesCluster(connection_of(url))
send, count = cluster._send, 0

def counting(method, path, subject, query=None, *rest, **options):
    global count
    answer = send(method, path, subject, query, *rest, **options)
    if method != "GET" and "dryRun" not in (query or {}):
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
    return answer

cluster._send = counting
World(cluster, space).deploy(second(space), allow_prune=True)
print(count)
"""


def first(space: str) -> list[KubeObject]:
    return [config_map("stays", space), config_map("goes", space), config_map("changes", space, v="1")]


def second(space: str) -> list[KubeObject]:
    group = f"{space}.example.invalid"
    return [
        config_map("stays", space),
        config_map("changes", space, v="2"),
        config_map("new", space),
        service(namespace=space),
        cron_job(namespace=space),
        definition(group=group),
        widget(namespace=space, group=group),
    ]


def connection_of(url: str) -> Connection:

    return Connection(Endpoint("test", url, insecure=True), lambda: Credential(token=ADMIN_TOKEN))


def run_victim(server: ApiServer, space: str, last: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", VICTIM, server.url, space, str(last)]
    return subprocess.run(command, capture_output=True, text=True, cwd=Path.cwd(), timeout=60)


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fresh", [True, False], ids=["empty cluster", "second release"])
def test_a_run_that_is_killed_after_any_write_is_finished_by_the_next(
    controlled_server: ApiServer, fresh: bool
) -> None:
    cluster = KubernetesCluster(controlled_server.connection())
    last, killed = 1, True
    while killed:
        space = f"kill-{'a' if fresh else 'b'}-{last}"
        world = World(cluster, space)
        if not fresh:
            world.deploy(first(space))
        done = run_victim(controlled_server, space, last)
        killed = done.returncode == -signal.SIGKILL
        assert killed or done.returncode == 0, done.stderr[-2000:]
        world.deploy(second(space), allow_prune=True)
        assert world.plan(second(space)).pending == ()
        names = {each.name for each in cluster.list("", "ConfigMap", space).objects} - {"kube-root-ca.crt"}
        assert names == {"stays", "changes", "new", "gitops-prod"}, f"after write {last}"
        assert world.inventory().history[0].result == "deployed"
        owned = {ref.name for ref in world.inventory().owned}
        assert owned == {each.name for each in second(space)} | {space}
        last += 1
    assert last > 10
