"""Deploys through a proxy that makes a tenth of all calls fail."""

import os

import pytest

from gitops.clients.kubernetes import KubernetesCluster
from gitops.errors import GitopsError
from gitops.objects import KubeObject
from tests.scenarios.conftest import World
from tests.support.api_server import ApiServer
from tests.support.fault_proxy import FaultProxy
from tests.support.kube_objects import config_map, cron_job, secret, service

DEPLOYS = int(os.environ.get("GITOPS_FAULT_DEPLOYS", "10"))
"""50 in the full run."""
TRIES = 5
"""Runs of one deploy: a fault may end one (a stale read of the inventory), and the next must go on from there."""


def wanted(space: str, generation: int) -> list[KubeObject]:
    """What deploy number `generation` has: some objects stay, some change, some come and go."""
    coming_and_going = [config_map(f"part-{(generation + index) % 9}", space) for index in range(5)]
    return [
        *coming_and_going,
        config_map("changes", space, number=str(generation)),
        cron_job(namespace=space, image=f"registry.invalid/tick:{generation}"),
        service(namespace=space),
        secret(namespace=space, password="hunter22"),
    ]


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_deploys_through_faults_end_as_they_should(controlled_server: ApiServer) -> None:
    space = "faults"
    straight = KubernetesCluster(controlled_server.connection())
    foreign = config_map("foreign", space)
    with FaultProxy(controlled_server.url) as proxy:
        repeated = 0
        for generation in range(DEPLOYS):
            cluster = KubernetesCluster(controlled_server.connection(url=proxy.url))
            repeated += deploy_until_done(World(cluster, space), wanted(space, generation))
            if generation == 0:
                straight.apply(foreign, manager="somebody-else")
            assert there(straight, space) == {
                *(each.name for each in wanted(space, generation) if each.kind == "ConfigMap"),
                "foreign",
                "gitops-prod",
                "kube-root-ca.crt",
            } - (set() if straight.get(config_map("kube-root-ca.crt", space).ref) else {"kube-root-ca.crt"})
            assert World(straight, space).plan(wanted(space, generation)).pending == ()
        assert sum(proxy.injected.values()) > proxy.calls * 0.05
        assert len(proxy.injected) >= 4
        print(f"{proxy.calls} calls, {dict(proxy.injected)}, {repeated} deploys were run again")


def there(cluster: KubernetesCluster, space: str) -> set[str]:
    return {each.name for each in cluster.list("", "ConfigMap", space).objects}


def deploy_until_done(world: World, objects: list[KubeObject]) -> int:
    for attempt in range(TRIES):
        try:
            world.deploy(objects, allow_prune=True)
            return attempt
        except GitopsError as error:
            if attempt == TRIES - 1:
                raise
            last = error
    raise last
