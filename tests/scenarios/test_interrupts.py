"""An interrupt at every call of a deploy in turn, read or write: the Lease is given up, and the record is true."""

import _thread
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from gitops.objects import OWNER, KubeObject, ObjectRef
from tests.scenarios.conftest import World
from tests.support.fake_cluster import FakeCluster
from tests.support.kube_objects import config_map, definition, deployment, namespace, secret, service, widget

SPACE = "app"
CALLS = ("get", "list", "preview", "apply", "create", "replace", "delete")


class InterruptingCluster(FakeCluster):
    """Interrupts the main thread after one call of `deploy`, as Ctrl-C and SIGTERM do."""

    def __init__(self) -> None:
        self.left = 0
        """Calls until then; 0: never."""
        super().__init__()

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in CALLS:
            return found

        def counted(*arguments: Any, **more: Any) -> Any:
            try:
                return found(*arguments, **more)
            finally:
                self.count()

        return counted

    def count(self) -> None:
        with self._changed:
            self.left -= 1
            if self.left == 0:
                _thread.interrupt_main()


@pytest.fixture
def cluster() -> Iterator[InterruptingCluster]:
    # A shell that runs the tests in the background has them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield InterruptingCluster()
    signal.signal(signal.SIGINT, before)


def first() -> list[KubeObject]:
    return [*(config_map(f"part-{index}", SPACE, v="1") for index in range(5)), deployment(namespace=SPACE)]


def second() -> list[KubeObject]:
    few = [config_map("part-0", SPACE, v="2"), secret(namespace=SPACE, password="hunter22"), service(namespace=SPACE)]
    return [*few, definition(), widget(namespace=SPACE), deployment(namespace=SPACE, image="registry.invalid/web:2")]


def interrupted_at(world: World, cluster: InterruptingCluster, call: int) -> bool:
    """Whether a deploy was interrupted at its call number `call`; False where it has no so many."""
    cluster.left = call
    try:
        world.deploy(second(), allow_prune=True)
    except KeyboardInterrupt:
        return True
    finally:
        reached, cluster.left = cluster.left <= 0, 0
    assert not reached, "an interrupt went by"
    return False


def check(world: World, cluster: InterruptingCluster, call: int) -> None:
    lease = cluster.objects.get(ObjectRef("coordination.k8s.io", "Lease", SPACE, "gitops-prod"))
    assert not (lease and lease["spec"]["holderIdentity"]), f"at call {call}"
    owned = world.inventory().owned
    ours = {ref for ref, body in cluster.objects.items() if OWNER in (body["metadata"].get("annotations") or {})}
    assert ours <= owned | {namespace(SPACE).ref}, f"at call {call}"
    last = world.inventory().last
    assert last is None or last.result in ("interrupted", "deployed"), f"at call {call}"


@pytest.mark.slow
@pytest.mark.parametrize("update", [False, True])
def test_a_deploy_that_is_interrupted_at_any_call_leaves_no_lease_and_a_true_record(
    cluster: InterruptingCluster, update: bool
) -> None:
    call = 1
    while True:
        cluster.__init__()  # type: ignore[misc]
        world = World(cluster, SPACE)
        if update:
            world.deploy(first())
        if not interrupted_at(world, cluster, call):
            break
        check(world, cluster, call)
        world.deploy(second(), allow_prune=True)
        assert world.plan(second()).pending == ()
        assert world.inventory().owned == {each.ref for each in (*second(), namespace(SPACE))}
        call += 1
    assert call > 20
