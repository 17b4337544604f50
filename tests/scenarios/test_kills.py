"""`kill -9` after each write of a deploy in turn: the next run converges, and no lease stays stuck."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitops.apply.wait import NotReady
from gitops.clients.connection import Connection, Credential, Endpoint
from gitops.clients.kubernetes import KubernetesCluster
from gitops.objects import KubeObject, ObjectRef
from gitops.pipeline import Intent, compare_released, deploy_released, prepare
from gitops.plan.drift import drifts
from gitops.plan.planner import Policy
from gitops.plan.saved import check as check_saved
from gitops.plan.saved import from_text, to_text
from gitops.teardown import tear_down
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


def small(space: str) -> list[KubeObject]:
    return [config_map(name, space, v="1") for name in ("a", "b")]


def release_saved(world: World) -> None:
    """Save a plan, and do exactly what it says."""
    objects, revision, policy, now = second(world.space), "2" * 40, Policy(allow_prune=True), datetime.now(UTC)
    plan = prepare(world.release(revision), objects, world.target(allow_prune=True), Intent(policy))
    saved = from_text(to_text(plan, now, policy), "plan.json")
    world.deploy(objects, revision, Intent(policy, approved=lambda plan: check_saved(saved, plan, "plan.json", now)))


def change_by_hand(world: World) -> None:
    world.edit(small(world.space)[0].ref, {"data": {"v": "by hand", "more": "by hand"}})
    world.cluster.delete(small(world.space)[1].ref)


def fix_drift(world: World) -> None:
    """As `drift --fix` does."""
    plan = compare_released(world.release(), world.target(), lambda _: ("the released one", small(world.space)))
    assert plan
    drifted = frozenset(str(each.ref) for each in drifts(plan))
    policy = Policy(take_ownership=drifted, undo=drifted, prune=False)
    for _ in deploy_released(plan, world.target(undo=drifted, take_ownership=drifted, prune=False), policy):
        pass


def tear(world: World) -> None:
    for _ in tear_down(world.release(), world.target()):
        pass


def is_torn_down(world: World, _: "Scenario", last: int) -> None:
    ref = ObjectRef("", "Namespace", "", world.space)
    deadline = time.monotonic() + 60
    while world.cluster.get(ref):
        assert time.monotonic() < deadline, f"after write {last}"
        time.sleep(0.1)
    assert world.cluster.get(definition(group=f"{world.space}.example.invalid").ref) is None, f"after write {last}"


def beside(world: World) -> World:
    """Another overlay of the same cluster."""
    return replace(world, space=f"{world.space}-platform", name="platform")


def release_several(world: World) -> None:
    """One overlay after the other, as `deploy --all` does."""
    for each in (beside(world), world):
        each.deploy(small(each.space))


def are_released(world: World, scenario: "Scenario", last: int) -> None:
    for each in (world, beside(world)):
        check(each, scenario, last)


def check(world: World, scenario: "Scenario", last: int) -> None:
    wanted = scenario.after(world.space)
    assert world.plan(wanted).pending == (), f"after write {last}"
    found = {each.name for each in world.cluster.list("", "ConfigMap", world.space).objects}
    named = {each.name for each in wanted if each.kind == "ConfigMap"}
    assert found - {"kube-root-ca.crt"} == named | {f"gitops-{world.name}"}, f"after write {last}"
    inventory = world.inventory()
    assert inventory.history[0].result == "deployed"
    assert {ref.name for ref in inventory.owned} == {each.name for each in wanted} | {world.space}
    lease = world.cluster.get(ObjectRef("coordination.k8s.io", "Lease", world.space, f"gitops-{world.name}"))
    assert lease is not None
    assert not lease.body["spec"]["holderIdentity"], f"after write {last}"


@dataclass(frozen=True)
class Scenario:
    """What is there before, what is run and killed, and what must be there when it was run again."""

    before: Callable[[str], list[KubeObject]]
    run: Callable[[World], None]
    after: Callable[[str], list[KubeObject]]
    spoil: Callable[[World], None] = lambda _: None
    """What somebody does before the run."""
    check: Callable[[World, "Scenario", int], None] = check


SCENARIOS = {
    "first": Scenario(lambda _: [], release_second, second),
    "update": Scenario(first, release_second, second),
    "rollback": Scenario(first, release_bad, first),
    "a fix of drift": Scenario(small, fix_drift, small, change_by_hand),
    "a saved plan": Scenario(first, release_saved, second),
    "a teardown": Scenario(second, tear, lambda _: [], check=is_torn_down),
    "several": Scenario(lambda _: [], release_several, small, check=are_released),
}
WHICH = list(SCENARIOS)[: int(os.environ.get("GITOPS_KILL_SCENARIOS", "4"))]
"""All 7 in the full run."""


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
    space, scenario = f"kill-{name.replace(' ', '-')}-{last}", SCENARIOS[name]
    cluster = KubernetesCluster(server.connection())
    world = World(cluster, space, server)
    with Kubelet(KubernetesCluster(server.connection()), space, node.name, scheduled=no_scheduler() is None):
        if scenario.before(space):
            world.deploy(scenario.before(space))
        scenario.spoil(world)
        earlier = uids(cluster, scenario.before(space))
        killed = kill(server, space, name, last)
        scenario.run(world)
        scenario.check(world, scenario, last)
    kept = uids(cluster, scenario.after(space))
    # What both releases have was never deleted on the way.
    assert {ref: kept[ref] for ref in kept.keys() & earlier.keys()} == {
        ref: earlier[ref] for ref in kept.keys() & earlier.keys()
    }
    return killed


def uids(cluster: KubernetesCluster, objects: list[KubeObject]) -> dict[ObjectRef, str]:
    return {each.ref: found.uid for each in objects if (found := cluster.get(each.ref))}


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", WHICH)
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
    assert last > AT_ONCE
