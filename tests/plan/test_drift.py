"""Who is named for a field that differs."""

import pytest

from gitops.objects import KubeObject
from gitops.plan.drift import drifts
from gitops.plan.model import Action, Change, FieldChange, Plan, Release
from tests.support.kube_objects import config_map

FIRST, SECOND, THIRD = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))


def written(*entries: tuple[str, str], subresource: str = "") -> KubeObject:
    """A ConfigMap that has lost its field `a`, and was written by these managers then."""
    managed = [
        {"manager": manager, "time": time, "fieldsV1": {"f:metadata": {}}, "subresource": subresource}
        for manager, time in entries
    ]
    return KubeObject({**config_map(b="2").body, "metadata": {"name": "settings", "managedFields": managed}})


def named(live: KubeObject) -> tuple[str, str]:
    lost = (FieldChange("data.a", None, "1"),)
    change = Change(Action.UPDATE, live.ref, config_map(a="1"), lost, live=live)
    [drift] = drifts(Plan(Release("prod", "fake", ""), (change,)))
    return drift.manager, drift.since


@pytest.mark.parametrize(
    ("entries", "who"),
    [
        ((("gitops", FIRST), ("kubectl-edit", SECOND)), ("kubectl-edit", SECOND)),
        ((("kubectl-edit", FIRST), ("gitops", SECOND), ("helm", THIRD)), ("helm", THIRD)),
        ((("gitops", SECOND), ("kubectl-edit", SECOND)), ("kubectl-edit", SECOND)),
        ((("gitops", FIRST), ("kubectl-edit", SECOND), ("helm", THIRD)), ("", "")),
        ((("kubectl-edit", FIRST), ("gitops", SECOND)), ("", "")),
    ],
)
def test_a_field_that_is_gone_was_taken_by_the_only_one_who_wrote_since_us(
    entries: tuple[tuple[str, str], ...], who: tuple[str, str]
) -> None:
    assert named(written(*entries)) == who


def test_who_writes_the_status_took_no_field() -> None:
    assert named(written(("controller", SECOND), subresource="status")) == ("", "")
