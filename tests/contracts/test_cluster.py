"""What every `Cluster` must do, fake or real."""

import time

import pytest

from gitops.clients.cluster import ApiError, Cluster, Conflict, Invalid
from gitops.objects import KubeObject, ObjectRef
from gitops.plan.fields import applied_fields, is_applied
from tests.support.kube_objects import config_map, definition, deployment, service, widget


def test_what_is_not_there_is_none(cluster: Cluster, space: str) -> None:
    assert cluster.get(ObjectRef("", "ConfigMap", space, "none")) is None
    assert cluster.get(ObjectRef("no.such.group", "Thing", space, "none")) is None
    assert cluster.list("no.such.group", "Thing").objects == ()


def test_a_brief_list_has_the_metadata_alone(cluster: Cluster, space: str) -> None:
    cluster.apply(config_map(namespace=space, a="1").with_annotations({"x": "y"}))
    (found,) = [each for each in cluster.list("", "ConfigMap", space, brief=True).objects if each.name == "settings"]
    assert (found.kind, found.api_version, found.annotations) == ("ConfigMap", "v1", {"x": "y"})
    assert applied_fields(found)
    assert "data" not in found.body


def test_an_apply_creates_and_records_our_fields(cluster: Cluster, space: str) -> None:
    made = cluster.apply(config_map(namespace=space, a="1"))
    found = cluster.get(made.ref)
    assert found is not None
    assert found.body["data"] == {"a": "1"}
    assert found.uid
    assert applied_fields(found) == {"f:data": {"f:a": {}}}


@pytest.mark.parametrize("make", [config_map, deployment, service])
def test_the_same_apply_again_is_known_to_change_nothing(cluster: Cluster, space: str, make: object) -> None:
    desired: KubeObject = make(namespace=space)  # type: ignore[operator]
    first = cluster.apply(desired)
    assert is_applied(desired, first)
    again = cluster.apply(desired)
    assert again.metadata["resourceVersion"] == first.metadata["resourceVersion"]


def test_a_changed_value_is_not_taken_for_applied(cluster: Cluster, space: str) -> None:
    live = cluster.apply(deployment(namespace=space, image="registry.invalid/web:1"))
    assert not is_applied(deployment(namespace=space, image="registry.invalid/web:2"), live)
    assert not is_applied(deployment(namespace=space, replicas=None), live)
    assert not is_applied(deployment(namespace=space, hostNetwork=True), live)


def test_a_field_that_is_left_out_goes_away(cluster: Cluster, space: str) -> None:
    cluster.apply(config_map(namespace=space, a="1", b="2"))
    assert cluster.apply(config_map(namespace=space, a="1")).body["data"] == {"a": "1"}


def test_an_item_of_a_keyed_list_goes_away_too(cluster: Cluster, space: str) -> None:
    cluster.apply(deployment(namespace=space, volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}]))
    live = cluster.apply(deployment(namespace=space, volumes=[{"name": "b", "emptyDir": {}}]))
    assert [each["name"] for each in live.body["spec"]["template"]["spec"]["volumes"]] == ["b"]


def test_another_managers_field_is_a_conflict_that_names_both(cluster: Cluster, space: str) -> None:
    cluster.apply(config_map(namespace=space, a="1"), manager="other")
    with pytest.raises(Conflict) as caught:
        cluster.apply(config_map(namespace=space, a="2"))
    assert str(caught.value).startswith(f"ConfigMap/{space}/settings: other owns .data.a")
    assert [tuple(field) for field in caught.value.fields] == [("other", ".data.a")]


def test_force_takes_the_field(cluster: Cluster, space: str) -> None:
    cluster.apply(config_map(namespace=space, a="1", b="1"), manager="other")
    live = cluster.apply(config_map(namespace=space, a="2"), force=True)
    assert live.body["data"] == {"a": "2", "b": "1"}
    assert applied_fields(live, "other") == {"f:data": {"f:b": {}}}


def test_the_same_value_of_two_managers_is_no_conflict_and_stays_with_the_other(cluster: Cluster, space: str) -> None:
    cluster.apply(config_map(namespace=space, a="1"), manager="other")
    cluster.apply(config_map(namespace=space, a="1", b="1"))
    live = cluster.apply(config_map(namespace=space, b="1"))
    assert live.body["data"] == {"a": "1", "b": "1"}


def test_a_preview_changes_nothing(cluster: Cluster, space: str) -> None:
    assert cluster.preview(config_map(namespace=space)).body["data"] == {"a": "1"}
    assert cluster.get(config_map(namespace=space).ref) is None
    live = cluster.apply(config_map(namespace=space, a="1"))
    assert cluster.preview(config_map(namespace=space, a="2")).body["data"] == {"a": "2"}
    assert cluster.get(live.ref) == live


def test_nothing_is_applied_into_a_namespace_that_is_not_there(cluster: Cluster) -> None:
    with pytest.raises(ApiError, match=r"ConfigMap/nowhere/settings: .*not found") as caught:
        cluster.apply(config_map(namespace="nowhere"))
    assert caught.value.status == 404


def test_an_immutable_field_is_named(cluster: Cluster, space: str) -> None:
    live = cluster.apply(deployment(namespace=space))
    body = {**live.body, "spec": {**deployment(namespace=space).body["spec"], "selector": {"matchLabels": {"x": "y"}}}}
    body["spec"]["template"] = {**body["spec"]["template"], "metadata": {"labels": {"x": "y", "app": "web"}}}
    changed = KubeObject(
        {"apiVersion": "apps/v1", "kind": "Deployment", **_only(body, "spec"), "metadata": _name(live)}
    )
    with pytest.raises(Invalid, match="immutable") as caught:
        cluster.preview(changed)
    assert caught.value.immutable == ("spec.selector",)


def _only(body: dict[str, object], *keys: str) -> dict[str, object]:
    return {key: body[key] for key in keys}


def _name(live: KubeObject) -> dict[str, str]:
    return {"name": live.name, "namespace": live.namespace}


def test_a_custom_object_needs_its_definition(cluster: Cluster, space: str) -> None:
    group = f"{space}.example.invalid"
    with pytest.raises(ApiError, match=f"Widget/{space}/one: .* serves no {group}/v1 Widget"):
        cluster.apply(widget(namespace=space, group=group))


def test_create_refuses_what_exists(cluster: Cluster, space: str) -> None:
    cluster.create(config_map(namespace=space))
    with pytest.raises(ApiError, match="already exists") as caught:
        cluster.create(config_map(namespace=space))
    assert caught.value.status == 409


def test_replace_wants_the_version_that_was_read(cluster: Cluster, space: str) -> None:
    first = cluster.create(config_map(namespace=space, a="1"))
    version = first.metadata["resourceVersion"]
    second = config_map(namespace=space, a="2").with_metadata(resourceVersion=version)
    assert cluster.replace(second).body["data"] == {"a": "2"}
    with pytest.raises(Conflict):
        cluster.replace(config_map(namespace=space, a="3").with_metadata(resourceVersion=version))


def test_delete_is_of_one_object_and_not_of_its_successor(cluster: Cluster, space: str) -> None:
    first = cluster.apply(config_map(namespace=space))
    assert cluster.delete(first.ref, first.uid)
    assert not cluster.delete(first.ref, first.uid)
    second = cluster.apply(config_map(namespace=space))
    assert second.uid != first.uid
    assert not cluster.delete(first.ref, first.uid)
    assert cluster.get(first.ref) == second


def test_a_generation_counts_changes_of_the_spec(cluster: Cluster, space: str) -> None:
    assert cluster.apply(deployment(namespace=space)).metadata["generation"] == 1
    assert cluster.apply(deployment(namespace=space)).metadata["generation"] == 1
    assert cluster.apply(deployment(namespace=space, replicas=3)).metadata["generation"] == 2


def test_a_watch_tells_what_happens_after_a_list(cluster: Cluster, space: str) -> None:
    cluster.apply(config_map(namespace=space, a="1"))
    listing = cluster.list("", "ConfigMap", space)
    assert "settings" in [each.name for each in listing.objects]
    cluster.apply(config_map(namespace=space, a="2"))
    gone = cluster.get(config_map(namespace=space).ref)
    assert gone is not None
    cluster.delete(gone.ref)
    events = cluster.watch("", "ConfigMap", space, listing.resource_version, 5)
    seen = [(event.type, event.object.name) for _, event in zip(range(2), events, strict=False)]
    assert seen == [("MODIFIED", "settings"), ("DELETED", "settings")]


def test_a_list_selects_by_fields(cluster: Cluster, space: str) -> None:
    for name in ("a", "b"):
        cluster.apply(config_map(name, namespace=space))
    found = cluster.list("", "ConfigMap", space, fields={"metadata.name": "b"}).objects
    assert [each.name for each in found] == ["b"]


def test_a_new_definition_is_served(cluster: Cluster, space: str) -> None:
    group = f"{space}.example.invalid"
    cluster.apply(definition(group=group))
    for _ in range(100):
        if cluster.kinds(refresh=True).find(group, "Widget"):
            break
        time.sleep(0.1)
    made = cluster.apply(widget(namespace=space, group=group, size=3))
    assert is_applied(widget(namespace=space, group=group, size=3), made)


def event(name: str, space: str, about: KubeObject, kind: str = "Warning", reason: str = "FailedCreate") -> KubeObject:
    involved = {"kind": about.kind, "namespace": space, "name": about.name, "uid": about.uid}
    metadata = {"name": name, "namespace": space}
    body = {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": involved}
    return KubeObject({**body, "type": kind, "reason": reason, "message": "as it is"})


def test_events_are_selected_by_what_they_are_about(cluster: Cluster, space: str) -> None:
    one, other = cluster.apply(config_map("one", space)), cluster.apply(config_map("other", space))
    for each in (event("a", space, one), event("b", space, other), event("c", space, one, "Normal")):
        cluster.create(each)
    fields = {"involvedObject.uid": one.uid, "type": "Warning"}
    assert [each.name for each in cluster.list("", "Event", space, fields=fields).objects] == ["a"]


def test_a_watch_selects_by_fields(cluster: Cluster, space: str) -> None:
    about = cluster.apply(config_map(namespace=space))
    fields = {"type": "Warning", "reason": "FailedCreate"}
    listing = cluster.list("", "Event", space, fields=fields)
    for each in (
        event("a", space, about, "Normal"),
        event("b", space, about, reason="Other"),
        event("c", space, about),
    ):
        cluster.create(each)
    watch = cluster.watch("", "Event", space, listing.resource_version, 10, fields=fields)
    assert next(found.object.name for found in watch if found.type != "BOOKMARK") == "c"


def test_who_replaces_an_object_may_say_who_owns_its_fields(cluster: Cluster, space: str) -> None:
    """Adoption rests on it: fields of another manager are recorded as ours, and go away with our next apply."""
    cluster.create(config_map(namespace=space, a="1", b="2"))
    live = cluster.get(config_map(namespace=space).ref)
    assert live is not None
    (entry,) = live.metadata.get("managedFields") or [{"apiVersion": "v1", "fieldsType": "FieldsV1"}]
    ours = {**entry, "manager": "gitops", "operation": "Apply", "fieldsV1": {"f:data": {"f:a": {}, "f:b": {}}}}
    cluster.replace(live.with_metadata(managedFields=[ours]))
    assert cluster.apply(config_map(namespace=space, a="1")).body["data"] == {"a": "1"}
