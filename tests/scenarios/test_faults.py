"""Deploys through a proxy that makes a tenth of all calls fail."""

import os

import pytest

from gitops.clients.kubernetes import KubernetesCluster
from gitops.errors import GitopsError
from gitops.objects import KubeObject, ObjectRef
from tests.scenarios.conftest import World
from tests.support.api_server import ApiServer
from tests.support.available import no_scheduler
from tests.support.fault_proxy import FAULTS, FaultProxy
from tests.support.kube_objects import config_map, cron_job, deployment, secret, service
from tests.support.kubelet import Kubelet, Node

DEPLOYS = int(os.environ.get("GITOPS_FAULT_DEPLOYS", "10"))
"""50 in the full run."""
TRIES = 5
"""Runs of one deploy: a fault may end one (a stale read of the inventory), and the next must go on from there."""
SPACE = "faults"


def wanted(generation: int) -> list[KubeObject]:
    """What deploy number `generation` has: some objects stay, some change, some come and go, one must become ready."""
    coming_and_going = [config_map(f"part-{(generation + index) % 9}", SPACE) for index in range(5)]
    return [
        *coming_and_going,
        config_map("changes", SPACE, number=str(generation)),
        cron_job(namespace=SPACE, image=f"registry.invalid/tick:{generation}"),
        service(namespace=SPACE),
        secret(namespace=SPACE, password="hunter22"),
        deployment(namespace=SPACE, image=f"registry.invalid/web:{generation}"),
    ]


FOREIGN = [config_map("foreign", SPACE), secret("foreign", SPACE, a="somebody-else"), service("foreign", SPACE)]
"""What somebody else keeps there."""
KINDS = sorted({(each.group, each.kind) for each in wanted(0)})


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_deploys_through_faults_end_as_they_should(controlled_server: ApiServer, node: Node) -> None:
    straight = KubernetesCluster(controlled_server.connection())
    kubelet = Kubelet(
        KubernetesCluster(controlled_server.connection()), SPACE, node.name, scheduled=no_scheduler() is None
    )
    uids: dict[ObjectRef, str] = {}
    with FaultProxy(controlled_server.url) as proxy, kubelet:
        repeated = 0
        for generation in range(DEPLOYS):
            cluster = KubernetesCluster(controlled_server.connection(url=proxy.url))
            repeated += deploy_until_done(World(cluster, SPACE), wanted(generation))
            if generation == 0:
                for each in FOREIGN:
                    straight.apply(each, manager="somebody-else")
            now = there(straight)
            assert now.keys() == {each.ref for each in (*wanted(generation), *FOREIGN)}
            # What was there before and still is was never deleted on the way.
            assert {ref: uid for ref, uid in now.items() if ref in uids and uids[ref] != uid} == {}
            uids = now
            world = World(straight, SPACE)
            assert world.plan(wanted(generation)).pending == ()
            assert world.inventory().owned == {each.ref for each in wanted(generation)} | {namespace_ref()}
            assert world.inventory().history[0].result == "deployed"
            assert is_rolled_out(straight, generation)
        assert proxy.calls * 0.07 < sum(proxy.injected.values()) < proxy.calls * 0.13
        if DEPLOYS >= 10:
            assert set(FAULTS) <= proxy.injected.keys()
            assert any(name.startswith("watch ") for name in proxy.injected)
        print(f"{proxy.calls} calls, {dict(proxy.injected)}, {repeated} deploys were run again")


def namespace_ref() -> ObjectRef:
    return ObjectRef("", "Namespace", "", SPACE)


def there(cluster: KubernetesCluster) -> dict[ObjectRef, str]:
    """Everything of the kinds that are deployed, save what the cluster and the release keep for themselves."""
    own = {"gitops-prod", "kube-root-ca.crt"}
    found = [each for group, kind in KINDS for each in cluster.list(group, kind, SPACE).objects]
    return {each.ref: each.uid for each in found if each.name not in own}


def is_rolled_out(cluster: KubernetesCluster, generation: int) -> bool:
    """Whether the release waited for its pods: they run its image, all of them."""
    found = cluster.get(wanted(generation)[-1].ref)
    assert found is not None
    (container,) = found.body["spec"]["template"]["spec"]["containers"]
    image, updated = str(container["image"]), found.body["status"].get("updatedReplicas")
    return (image, updated) == (f"registry.invalid/web:{generation}", 2)


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
