"""What is proved of a live object by its managed fields, and what is not."""

from typing import Any

import pytest

from gitops.objects import KubeObject
from gitops.plan.diff import diff
from gitops.plan.fields import in_live_notation, is_applied, quantity
from gitops.plan.mask import Mask
from tests.support.fake_cluster import FakeCluster
from tests.support.kube_objects import config_map, definition, deployment, namespace, secret, widget


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster()
    cluster.apply(namespace("app"))
    return cluster


@pytest.mark.parametrize(
    "changed",
    [
        deployment(image="registry.invalid/web:2"),
        deployment(replicas=3),
        deployment(replicas=None),
        deployment(hostNetwork=True),
        deployment().with_annotations({"a": "b"}),
        deployment().with_metadata(labels={"a": "b"}),
    ],
)
def test_whatever_differs_is_not_proved(cluster: FakeCluster, changed: KubeObject) -> None:
    live = cluster.apply(deployment())
    assert is_applied(deployment(), live)
    assert not is_applied(changed, live)


def test_a_value_that_somebody_changed_is_not_proved(cluster: FakeCluster) -> None:
    live = cluster.apply(config_map(a="1"))
    cluster.update(live.ref, {"data": {"a": "2"}})
    changed = cluster.get(live.ref)
    assert changed is not None
    assert not is_applied(config_map(a="1"), changed)


def test_the_order_of_a_keyed_list_counts(cluster: FakeCluster) -> None:
    volumes: list[dict[str, Any]] = [{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}]
    live = cluster.apply(deployment(volumes=volumes))
    assert is_applied(deployment(volumes=volumes), live)
    assert not is_applied(deployment(volumes=volumes[::-1]), live)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1000m", "1"), ("1000m", 1), ("1Gi", "1024Mi"), ("1e3", "1k"), ("0.5", "500m"), (".5", "500m"), ("1.", 1)],
)
def test_quantities_that_are_the_same(one: Any, other: Any) -> None:
    assert quantity(one) == quantity(other)


@pytest.mark.parametrize("text", ["", "x", "1 Gi", "1GiB", True, None, "1e", "--1"])
def test_what_is_no_quantity(text: Any) -> None:
    assert quantity(text) is None


@pytest.mark.parametrize("key", ["cpu", "limits", "requests", "max", "default", "hard"])
def test_quantities_are_the_same_only_where_quantities_are(cluster: FakeCluster, key: str) -> None:
    live = cluster.apply(config_map(**{key: "1000m"}))
    assert not is_applied(config_map(**{key: "1"}), live)
    assert in_live_notation(config_map(**{key: "1"}), live).body["data"] == {key: "1"}


@pytest.mark.parametrize(("before", "after"), [(1, True), (0, False), ([1], [True]), ([{"on": 1}], [{"on": True}])])
def test_true_is_not_one(cluster: FakeCluster, before: Any, after: Any) -> None:
    cluster.apply(definition())
    live = cluster.apply(widget(value=before))
    assert is_applied(widget(value=before), live)
    assert not is_applied(widget(value=after), live)
    assert len(diff(widget(value=before).body, widget(value=after).body)) == 1


def test_in_a_custom_object_nobody_knows(cluster: FakeCluster) -> None:
    cluster.apply(definition())
    live = cluster.apply(widget(limits={"size": "1.0"}))
    assert is_applied(widget(limits={"size": "1.0"}), live)
    assert not is_applied(widget(limits={"size": "1"}), live)


def test_equal_quantities_are_written_as_they_are_there() -> None:
    def limited(**limits: Any) -> KubeObject:
        return deployment(containers=[{"name": "web", "args": ["1.0"], "resources": {"limits": limits}}])

    written = in_live_notation(limited(cpu="1000m", memory="2Gi"), limited(cpu="1", memory="1Gi"))
    assert written == limited(cpu="1", memory="2Gi")
    assert in_live_notation(limited(cpu="1000m"), deployment(containers=[])) == limited(cpu="1000m")


def test_a_diff_names_items_by_what_tells_them_apart() -> None:
    before, after = deployment(image="web:1").body, deployment(image="web:2").body
    assert [(change.path, change.before, change.after) for change in diff(before, after)] == [
        ("spec.template.spec.containers[web].image", "web:1", "web:2")
    ]


def test_a_diff_tells_of_an_order_that_changed() -> None:
    one, two = {"name": "a", "value": "1"}, {"name": "b", "value": "2"}
    (change,) = diff({"metadata": {}, "env": [one, two]}, {"metadata": {}, "env": [two, one]})
    assert (change.path, change.before, change.after) == ("env (order)", "a, b", "b, a")


def test_a_diff_knows_nothing_of_what_the_server_writes() -> None:
    before = config_map().with_metadata(uid="1", resourceVersion="1", generation=1, managedFields=[{}]).body
    assert diff(before, {**config_map().body, "status": {"x": 1}}) == ()


def test_a_mask_hides_a_value_in_any_text_and_the_longest_first() -> None:
    mask = Mask([secret(one="hunter22", two="hunter22-and-more")], salt=b"salt")
    hidden = mask.text("a hunter22-and-more b hunter22 c")
    assert "hunter" not in hidden
    assert hidden.count("***") == 2
    assert hidden == mask.text("a hunter22-and-more b hunter22 c")
    assert mask.text("a hunter22 b") != Mask([secret(one="hunter22")]).text("a hunter22 b")


def test_a_short_value_does_not_hide_half_of_the_text() -> None:
    assert Mask([secret(one="on")]).text("one on one") == "one on one"
