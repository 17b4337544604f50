"""Who owns which fields, as it is recorded anew: pure functions of an object."""

from typing import Any

from gitops.objects import KubeObject
from gitops.plan.adoption import adoptable, in_version
from tests.support.kube_objects import config_map


def managed(*entries: tuple[str, str, str, dict[str, Any]]) -> KubeObject:
    """An object whose managers are given as name, operation, version and fields."""
    fields = [
        {"manager": name, "operation": how, "apiVersion": version, "fieldsType": "FieldsV1", "fieldsV1": owned}
        for name, how, version, owned in entries
    ]
    return config_map().with_metadata(managedFields=fields)


def test_what_managers_own_is_recorded_in_another_version() -> None:
    live = managed(
        ("gitops", "Apply", "x/v1", {"f:a": {}}),
        ("operator", "Update", "x/v1", {"f:b": {}}),
        ("operator", "Update", "x/v2", {"f:c": {}}),
    )
    found = in_version(live, "x/v2").metadata["managedFields"]
    assert [(each["manager"], each["apiVersion"], each["fieldsV1"]) for each in found] == [
        ("gitops", "x/v2", {"f:a": {}}),
        ("operator", "x/v2", {"f:b": {}, "f:c": {}}),
    ]


def test_what_a_run_updated_before_it_was_cut_off_is_ours_as_well() -> None:
    applied: tuple[str, str, str, dict[str, Any]] = ("gitops", "Apply", "v1", {"f:data": {}})
    assert adoptable(managed(applied)) == ()
    assert adoptable(managed(applied, ("gitops", "Update", "v1", {"f:data": {"f:a": {}}}))) == ("gitops",)
