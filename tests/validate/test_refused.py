"""An API server refuses what `validate` says that it refuses, and takes what `validate` leaves alone."""

import re
from collections.abc import Iterator

import pytest
import yaml

from gitops.clients.cluster import ApiError
from gitops.clients.kubernetes import KubernetesCluster
from gitops.objects import KubeObject
from tests.support.api_server import ApiServer
from tests.support.kube_objects import namespace
from tests.validate.more_defects import ODD, REFUSED
from tests.validate.repository import Defect

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("api-server")) as server:
        KubernetesCluster(server.connection()).apply(namespace("shop"))
        yield server


@pytest.fixture
def cluster(server: ApiServer) -> KubernetesCluster:
    return KubernetesCluster(server.connection())


def objects(defect: Defect) -> list[KubeObject]:
    text = re.sub(r" *#![A-Z0-9, ]+$", "", defect.text, flags=re.MULTILINE)
    read = [body for body in yaml.safe_load_all(text) if body]
    return [KubeObject(item) for body in read for item in body.get("items", [body])]


@pytest.mark.parametrize("defect", REFUSED, ids=lambda defect: defect.name)
def test_a_refused_value_is_refused(defect: Defect, cluster: KubernetesCluster) -> None:
    [obj] = objects(defect)
    with pytest.raises(ApiError) as caught:
        cluster.preview(obj)
    assert caught.value.status in (400, 422, 500), caught.value


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_what_is_odd_is_taken(odd: Defect, cluster: KubernetesCluster) -> None:
    for obj in objects(odd):
        cluster.preview(obj)
