"""What a real API server refuses for good is not asked again, though it says 500."""

from collections.abc import Callable
from typing import Any

import pytest

from gitops.clients.cluster import ApiError
from gitops.clients.kubernetes import KubernetesCluster
from gitops.objects import KubeObject
from tests.support.api_server import ApiServer
from tests.support.kube_objects import config_map, deployment, secret

pytestmark = pytest.mark.cluster


def changed(given: KubeObject, change: Callable[[Any], None]) -> KubeObject:
    import copy

    body = copy.deepcopy(dict(given.body))
    change(body)
    return KubeObject(body)


def container(body: Any) -> Any:
    return body["spec"]["template"]["spec"]["containers"][0]


WEB = deployment(namespace="default")
WRONG = {
    "a quantity": changed(WEB, lambda body: container(body)["resources"]["limits"].update(cpu="a lot")),
    "a time": changed(WEB, lambda body: body["metadata"].update(creationTimestamp="yesterday")),
    "a text for a number": changed(WEB, lambda body: body["spec"].update(replicas="two")),
    "a number for a text": changed(WEB, lambda body: container(body).update(env=[{"name": "A", "value": 1}])),
    "an unknown field": changed(WEB, lambda body: body["spec"].update(replics=2)),
    "the same port twice": changed(WEB, lambda body: container(body)["ports"].extend([{"containerPort": 8080}])),
    "a text for a flag": changed(config_map(namespace="default"), lambda body: body.update(immutable="yes")),
    "data that is not coded": changed(secret(namespace="default"), lambda body: body.update(data={"a": "?"})),
}


@pytest.mark.parametrize("what", WRONG)
def test_it_is_refused_at_once(api_server: ApiServer, what: str) -> None:
    slept: list[float] = []
    cluster = KubernetesCluster(api_server.connection(), sleep=slept.append)
    with pytest.raises(ApiError, match=f"{WRONG[what].kind}/default/{WRONG[what].name}: "):
        cluster.apply(WRONG[what])
    assert slept == []
