"""Two deploys of one environment at once, and an older one after a newer: one at a time, in order."""

import os
import threading

import pytest

from gitops.clients.cluster import Cluster
from gitops.clients.kubernetes import KubernetesCluster
from gitops.errors import GitopsError
from gitops.objects import KubeObject, ObjectRef
from gitops.pipeline import Intent
from gitops.revisions import Superseded
from tests.scenarios.conftest import World
from tests.support.api_server import ApiServer
from tests.support.kube_objects import config_map

TIMES = int(os.environ.get("GITOPS_RACES", "10"))
"""100 in the full run."""


def number(revision: str) -> int:
    return int(revision, 16)


def objects(space: str, revision: str) -> list[KubeObject]:
    return [config_map(name, space, revision=revision) for name in ("a", "b", "c")]


def race(clusters: tuple[Cluster, Cluster], space: str, round_number: int, server: ApiServer | None) -> list[str]:
    """Deploy an older and a newer revision at the same moment; what became of each."""
    older, newer = f"{2 * round_number + 1:040x}", f"{2 * round_number + 2:040x}"
    start, outcome = threading.Barrier(2), {}

    def run(revision: str, cluster: Cluster) -> None:
        start.wait()
        intent = Intent(is_older=lambda ours, deployed: number(ours) < number(deployed))
        try:
            World(cluster, space, server).deploy(objects(space, revision), revision, intent)
            outcome[revision] = "deployed"
        except Superseded:
            outcome[revision] = "superseded"
        except GitopsError as error:
            outcome[revision] = str(error)

    threads = [threading.Thread(target=run, args=pair) for pair in zip((older, newer), clusters, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [outcome[older], outcome[newer]]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_of_two_deploys_at_once_the_newer_is_what_is_there(world: World) -> None:
    world.deploy(objects(world.space, "0" * 40), "0" * 40)
    second = KubernetesCluster(world.server.connection()) if world.server else world.cluster
    outcomes = set()
    for round_number in range(TIMES):
        older, newer = race((world.cluster, second), world.space, round_number, world.server)
        outcomes.add((older, newer))
        revision = f"{2 * round_number + 2:040x}"
        assert newer == "deployed", newer
        assert older in ("deployed", "superseded"), older
        found = [world.get(each) for each in objects(world.space, revision)]
        assert [each.body["data"]["revision"] for each in found if each] == [revision] * 3
        assert world.inventory().history[0].revision == revision
    lease = world.cluster.get(ObjectRef("coordination.k8s.io", "Lease", world.space, "gitops-prod"))
    assert lease is not None
    assert not lease.body["spec"]["holderIdentity"]
    assert outcomes <= {("deployed", "deployed"), ("superseded", "deployed")}
