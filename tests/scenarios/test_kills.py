"""`kill -9` after each write of a deploy in turn: the next run converges, and no lease stays stuck."""

import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitops.apply.wait import NotReady
from gitops.clients.kubeconfig import Connection, Credential, Endpoint
from gitops.clients.kubernetes import KubernetesCluster
from gitops.objects import KubeObject, ObjectRef
from gitops.pipeline import Intent
from tests.scenarios.conftest import World
from tests.support.api_server import ADMIN_TOKEN, ApiServer
from tests.support.available import no_scheduler
from tests.support.kube_objects import config_map, cron_job, definition, deployment, service, widget
from tests.support.kubelet import Kubelet, Node

AT_ONCE = 4
"""Runs beside each other; most of one is waiting for the lease of the killed to run out."""

# A deploy in a process of its own, which kills itself the moment after its Nth write was answered.
VICTIM = """
import os, signal, sys
from gitops.clients.kubernetes import KubernetesCluster
from tests.scenarios.conftest import World
from tests.scenarios.test_kills import SCENARIOS, connection_of

url, space, scenario, last = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
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
SCENARIOS[scenario].run(World(cluster, space))
"""


def first(space: str) -> list[KubeObject]:
    return [
        config_map("stays", space),
        config_map("goes", space),
        config_map("changes", space, v="1"),
        deployment(namespace=space, replicas=1),
    ]


def second(space: str) -> list[KubeObject]:
    group = f"{space}.example.invalid"
    return [
        config_map("stays", space),
        config_map("changes", space, v="2"),
        config_map("new", space),
        service(namespace=space),
        cron_job(namespace=space),
        deployment(namespace=space, image="registry.invalid/web:2", replicas=1),
        definition(group=group),
        widget(namespace=space, group=group),
    ]


def bad(space: str) -> list[KubeObject]:
    """A release that fails, after it has made and changed some things."""
    crashes = deployment(namespace=space, image="registry.invalid/web:crash", replicas=1)
    return [config_map("stays", space), config_map("changes", space, v="3"), config_map("new", space), crashes]


def release_second(world: World) -> None:
    world.deploy(second(world.space), allow_prune=True)


def release_bad(world: World) -> None:
    """Deploy what fails, and is rolled back to what was there."""
    intent = Intent(earlier=lambda _: ("the first one", first(world.space)))
    with pytest.raises(NotReady, match=r"CrashLoopBackOff.*; rolled back to \w{7}, healthy"):
        world.deploy(bad(world.space), intent=intent)


@dataclass(frozen=True)
class Scenario:
    """What is there before, what is run and killed, and what must be there when it was run again."""

    before: Callable[[str], list[KubeObject]]
    run: Callable[[World], None]
    after: Callable[[str], list[KubeObject]]


SCENARIOS = {
    "first": Scenario(lambda _: [], release_second, second),
    "update": Scenario(first, release_second, second),
    "rollback": Scenario(first, release_bad, first),
}


def connection_of(url: str) -> Connection:
    return Connection(Endpoint("test", url, insecure=True), lambda: Credential(token=ADMIN_TOKEN))


def kill(server: ApiServer, space: str, scenario: str, last: int) -> bool:
    """Whether the run was killed after its write number `last`; False where it had no so many, and ended well."""
    command = [sys.executable, "-c", VICTIM, server.url, space, scenario, str(last)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path.cwd(), timeout=100)
    killed = done.returncode == -signal.SIGKILL
    assert killed or done.returncode == 0, done.stderr[-2000:]
    return killed


def finished_by_the_next(server: ApiServer, node: Node, name: str, last: int) -> bool:
    """Kill one run, finish it by another, and check what there is then. Whether there was a write to kill it after."""
    space, scenario = f"kill-{name}-{last}", SCENARIOS[name]
    cluster = KubernetesCluster(server.connection())
    world = World(cluster, space)
    with Kubelet(KubernetesCluster(server.connection()), space, node.name, scheduled=no_scheduler() is None):
        if scenario.before(space):
            world.deploy(scenario.before(space))
        earlier = uids(cluster, scenario.before(space))
        killed = kill(server, space, name, last)
        scenario.run(world)
    check(world, scenario, last)
    kept = uids(cluster, scenario.after(space))
    # What both releases have was never deleted on the way.
    assert {ref: kept[ref] for ref in kept.keys() & earlier.keys()} == {
        ref: earlier[ref] for ref in kept.keys() & earlier.keys()
    }
    return killed


def check(world: World, scenario: Scenario, last: int) -> None:
    wanted = scenario.after(world.space)
    assert world.plan(wanted).pending == (), f"after write {last}"
    found = {each.name for each in world.cluster.list("", "ConfigMap", world.space).objects}
    named = {each.name for each in wanted if each.kind == "ConfigMap"}
    assert found - {"kube-root-ca.crt"} == named | {"gitops-prod"}, f"after write {last}"
    inventory = world.inventory()
    assert inventory.history[0].result == "deployed"
    assert {ref.name for ref in inventory.owned} == {each.name for each in wanted} | {world.space}
    lease = world.cluster.get(ObjectRef("coordination.k8s.io", "Lease", world.space, "gitops-prod"))
    assert lease is not None
    assert not lease.body["spec"]["holderIdentity"], f"after write {last}"


def uids(cluster: KubernetesCluster, objects: list[KubeObject]) -> dict[ObjectRef, str]:
    return {each.ref: found.uid for each in objects if (found := cluster.get(each.ref))}


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", list(SCENARIOS))
def test_a_run_that_is_killed_after_any_write_is_finished_by_the_next(
    controlled_server: ApiServer, node: Node, name: str
) -> None:
    killed, last = [True], 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while all(killed):
            numbers = range(last + 1, last + 1 + AT_ONCE)
            killed = list(pool.map(lambda number: finished_by_the_next(controlled_server, node, name, number), numbers))
            last += AT_ONCE
    print(f"{name}: killed after each of {last - AT_ONCE + killed.index(False)} writes")
    assert last > 10
