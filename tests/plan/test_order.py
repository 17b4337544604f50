"""In which order objects are applied."""

from itertools import pairwise

import pytest

from gitops.errors import GitopsError
from gitops.objects import KubeObject
from gitops.plan.order import CLI_UTILS_DEPENDS_ON, DEPENDS_ON, dependencies, levels
from tests.support.kube_objects import config_map, cron_job, definition, deployment, namespace, secret, service, widget


def kind(api_version: str, name: str) -> KubeObject:
    return KubeObject({"apiVersion": api_version, "kind": name, "metadata": {"name": "x", "namespace": "app"}})


def in_order(objects: list[KubeObject]) -> list[list[str]]:
    found = levels(objects)
    return [sorted(ref.kind for ref in found if found[ref] == level) for level in sorted(set(found.values()))]


def test_kinds_come_after_what_they_need() -> None:
    objects = [
        kind("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
        kind("autoscaling/v2", "HorizontalPodAutoscaler"),
        deployment(),
        cron_job(),
        widget(),
        service(),
        secret(),
        config_map(),
        kind("v1", "ServiceAccount"),
        kind("rbac.authorization.k8s.io/v1", "RoleBinding"),
        definition(),
        namespace(),
    ]
    assert in_order(objects) == [
        ["Namespace"],
        ["CustomResourceDefinition"],
        ["RoleBinding", "ServiceAccount"],
        ["ConfigMap", "Secret", "Service"],
        ["Widget"],
        ["CronJob", "Deployment"],
        ["HorizontalPodAutoscaler"],
        ["ValidatingWebhookConfiguration"],
    ]


def test_a_dependency_lifts_what_depends_on_it_and_what_depends_on_that() -> None:
    first = deployment("first")
    second = config_map("second").with_annotations({DEPENDS_ON: "Deployment/first"})
    third = config_map("third").with_annotations({DEPENDS_ON: "ConfigMap/app/second"})
    found = levels([third, second, first])
    assert found[first.ref] < found[second.ref] < found[third.ref]


@pytest.mark.parametrize(
    ("needs", "error"),
    [
        ("ConfigMap/none", "ConfigMap/app/a: depends on ConfigMap/none, which the overlay does not have"),
        ("ConfigMap/a", "ConfigMap/app/a: depends on itself: ConfigMap/app/a -> ConfigMap/app/a"),
        ("Deployment/other/x", "depends on Deployment/other/x, which the overlay does not have"),
    ],
)
def test_a_dependency_that_cannot_be_is_refused(needs: str, error: str) -> None:
    with pytest.raises(GitopsError, match=error):
        levels([config_map("a").with_annotations({DEPENDS_ON: needs})])


def test_the_annotation_of_cli_utils_means_the_same() -> None:
    web = deployment().with_annotations({CLI_UTILS_DEPENDS_ON: "apps/namespaces/app/StatefulSet/db, /Namespace/app"})
    database = kind("apps/v1", "StatefulSet").with_metadata(name="db")
    found = levels([web, database, namespace()])
    assert found[namespace().ref] < found[database.ref] < found[web.ref]
    assert dependencies([web, database, namespace()]) == {database.ref, namespace().ref}


@pytest.mark.parametrize("needs", ["apps/namespaces/app/StatefulSet/none", "StatefulSet/db", "v1/ConfigMap/app/b/c"])
def test_what_it_names_must_be_there_too(needs: str) -> None:
    with pytest.raises(GitopsError, match=f"ConfigMap/app/a: depends on {needs}, which the overlay does not have"):
        levels([config_map("a").with_annotations({CLI_UTILS_DEPENDS_ON: needs})])


def test_a_circle_is_told_in_the_order_of_needs() -> None:
    needs = {"a": "b", "b": "c", "c": "a"}
    objects = [config_map(name).with_annotations({DEPENDS_ON: f"ConfigMap/{needs[name]}"}) for name in needs]
    with pytest.raises(GitopsError) as caught:
        levels(objects)
    way = caught.value.problem.removeprefix("depends on itself: ").split(" -> ")
    assert way[0] == way[-1]
    assert all(needs[one[-1]] == other[-1] for one, other in pairwise(way))


def test_a_chain_may_be_long() -> None:
    chain = [config_map("0"), *(_after(index) for index in range(1, 5000))]
    found = levels(chain)
    assert [found[each.ref] for each in chain] == list(range(found[chain[0].ref], found[chain[0].ref] + 5000))


def _after(index: int) -> KubeObject:
    return config_map(str(index)).with_annotations({DEPENDS_ON: f"ConfigMap/{index - 1}"})
