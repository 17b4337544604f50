"""Objects against the API of a Kubernetes version."""

import pytest

from gitops.objects import KubeObject
from gitops.validate.schema import check_object, definitions, known_versions

NO_CRDS: frozenset[tuple[str, str]] = frozenset()


def found(body: dict[str, object], version: str = "1.36") -> list[tuple[str, str]]:
    return [(code, what) for code, _, what in check_object(KubeObject(body), version, NO_CRDS)]


def test_versions_of_eks_in_support_are_known() -> None:
    assert known_versions() == ["1.33", "1.34", "1.35", "1.36", "1.37"]


def test_each_version_has_its_own_kinds() -> None:
    device = "io.k8s.api.resource.v1.DeviceClass"
    assert device not in definitions("1.33")
    assert device in definitions("1.34")


def test_an_object_of_a_crd_that_is_deployed_too_is_not_looked_into() -> None:
    body = {"apiVersion": "shop.example/v1", "kind": "Till", "metadata": {"name": "a"}, "anything": 1}
    assert found(body) == [("O007", "Kubernetes 1.36 has no Till in shop.example/v1")]
    assert list(check_object(KubeObject(body), "1.36", frozenset({("shop.example", "Till")}))) == []


@pytest.mark.parametrize("quantity", ["100m", "1.5", 1, "64Mi", "1e3", "+2Gi"])
def test_quantities_are_known(quantity: object) -> None:
    spec = {"hard": {"cpu": quantity}}
    assert found({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": spec}) == []


@pytest.mark.parametrize("quantity", ["64MB", "a", True, "1 Gi", ""])
def test_other_words_are_no_quantities(quantity: object) -> None:
    spec = {"hard": {"cpu": quantity}}
    ((code, _),) = found({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": spec})
    assert code == "O002"


def test_a_misspelt_field_is_named_with_the_nearest() -> None:
    body: dict[str, object] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "dat": {}}
    assert found(body) == [("O001", "unknown field dat; did you mean data?")]
