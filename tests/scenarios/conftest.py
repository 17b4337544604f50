"""Whole deploys, on the fake cluster and on a real API server with its controllers."""

import itertools
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from gitops.apply.events import Event
from gitops.apply.lease import LeaseOptions
from gitops.clients.cluster import Cluster
from gitops.clients.kubernetes import KubernetesCluster
from gitops.inventory import Inventory, inventory_ref
from gitops.live import read_inventory
from gitops.objects import KubeObject, ObjectRef
from gitops.pipeline import Intent, deploy, prepare
from gitops.plan.model import Plan, Release
from gitops.plan.planner import Policy
from gitops.target.cluster import ClusterTarget, Options
from tests.support.api_server import MORE_CONTROLLERS, ApiServer
from tests.support.available import no_scheduler
from tests.support.fake_cluster import FakeCluster
from tests.support.kubelet import Kubelet, Node

_COUNT = itertools.count()
_REVISIONS = itertools.count(1)
LOG = "starting\njava.sql.SQLException: no route to host 10.0.3.7:5432\n"
"""What every container of the real world wrote."""


@dataclass
class World:
    """One environment on one cluster."""

    cluster: Cluster
    space: str
    server: ApiServer | None = None
    name: str = "prod"
    events: list[Event] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)

    def release(self, revision: str = "") -> Release:
        revision = revision or f"{next(_REVISIONS):040x}"
        return Release(self.name, "test", revision, "a title", f"shop/{self.name}", self.space)

    def target(self, timeout: float = 60.0, patience: float = 1.0, **policy: Any) -> ClusterTarget:
        lease = LeaseOptions(duration=2.0, patience=10.0, poll=0.1)
        return ClusterTarget(self.cluster, Options("a-run", timeout, patience, Policy(**policy), lease))

    def plan(self, objects: Sequence[KubeObject], claimed: dict[ObjectRef, str] | None = None, **policy: Any) -> Plan:
        intent = Intent(Policy(**policy), lambda: claimed or {})
        return prepare(self.release(), objects, self.target(**policy), intent)

    def deploy(
        self,
        objects: Sequence[KubeObject],
        revision: str = "",
        intent: Intent | None = None,
        timeout: float = 60.0,
        patience: float = 1.0,
        **policy: Any,
    ) -> Plan:
        """Deploy, keep the events, and give the plan."""
        self.events, self.plans = [], []
        intent = intent or Intent(Policy(**policy))
        for step in deploy(self.release(revision), objects, self.target(timeout, patience, **policy), intent):
            if isinstance(step, Event):
                self.events.append(step)
            else:
                self.plans.append(step)
        return self.plans[0]

    def get(self, each: KubeObject) -> KubeObject | None:
        return self.cluster.get(each.ref)

    def inventory(self) -> Inventory:
        return read_inventory(self.cluster, inventory_ref(self.space, self.name), f"shop/{self.name}")

    def client_side_apply(self, desired: KubeObject) -> None:
        if isinstance(self.cluster, FakeCluster):
            self.cluster.client_side_apply(desired)
        else:
            assert self.server is not None
            self.kubectl("apply", "--validate=false", "-f", "-", body=desired)

    def edit(self, ref: ObjectRef, change: dict[str, Any]) -> None:
        """A change by hand."""
        if isinstance(self.cluster, FakeCluster):
            self.cluster.update(ref, change)
        else:
            import json

            kind = ".".join(filter(None, (ref.kind.lower(), ref.group)))
            self.kubectl(
                "-n", ref.namespace, "patch", kind, ref.name, "--type=merge", "-p", json.dumps(change),
                "--field-manager=kubectl-edit",
            )  # fmt: skip

    def kubectl(self, *arguments: str, body: KubeObject | None = None) -> None:
        import json

        assert self.server is not None
        command = ["kubectl", f"--kubeconfig={self.server.kubeconfig()}", *arguments]
        data = json.dumps(body.body).encode() if body else None
        done = subprocess.run(command, input=data, capture_output=True)
        assert done.returncode == 0, f"{command}: {done.stderr.decode()}"


@pytest.fixture(scope="session")
def controlled_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    directory = tmp_path_factory.mktemp("controlled")
    with ApiServer(directory, controllers=True, scheduler=no_scheduler() is None, more=MORE_CONTROLLERS) as server:
        yield server


@pytest.fixture(scope="session")
def node(controlled_server: ApiServer) -> Iterator[Node]:
    with Node(KubernetesCluster(controlled_server.connection()), controlled_server.directory, LOG) as node:
        yield node


@pytest.fixture(params=["fake", pytest.param("real", marks=[pytest.mark.cluster, pytest.mark.kubectl])])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        yield World(FakeCluster(), f"app-{next(_COUNT)}")
    else:
        yield request.getfixturevalue("real_world")


@pytest.fixture
def real_world(controlled_server: ApiServer, node: Node) -> Iterator[World]:
    """On a real API server, whose controllers and scheduler see to what is deployed; a test's kubelet does the rest."""
    space = f"app-{next(_COUNT)}"
    cluster, another = (KubernetesCluster(controlled_server.connection()) for _ in range(2))
    with Kubelet(another, space, node.name, scheduled=no_scheduler() is None):
        yield World(cluster, space, controlled_server)
