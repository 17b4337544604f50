"""The same tests on the fake cluster and on a real API server."""

from collections.abc import Iterator

import pytest

from gitops.clients.cluster import Cluster
from gitops.clients.kubernetes import KubernetesCluster
from tests.support.api_server import ApiServer
from tests.support.fake_cluster import FakeCluster
from tests.support.kube_objects import namespace


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("api-server")) as server:
        yield server


_COUNT = iter(range(10_000))


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.cluster)])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    if request.param == "fake":
        return FakeCluster()
    server: ApiServer = request.getfixturevalue("api_server")
    return KubernetesCluster(server.connection())


@pytest.fixture
def space(cluster: Cluster) -> str:
    """A namespace of the test's own."""
    name = f"space-{next(_COUNT)}"
    cluster.apply(namespace(name))
    return name
