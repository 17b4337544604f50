"""In which order objects are applied."""

import pytest

from gitops.errors import GitopsError
from gitops.objects import KubeObject
from gitops.plan.order import DEPENDS_ON, levels
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
