"""What a change does to the pods of a workload."""

from typing import Any

import pytest

from gitops.objects import KubeObject
from gitops.plan.model import Action, Change, Release, Risk, Snapshot
from gitops.plan.planner import plan
from tests.support.kube_objects import deployment


def changed(kind: str, **spec: Any) -> Change:
    """The change of a workload of 3 pods whose image changes."""
    before, after = (deployment("web", "app", f"registry.invalid/web:{tag}", replicas=3) for tag in (1, 2))
    of_kind = [
        KubeObject({**each.body, "kind": kind, "spec": {**each.body["spec"], **spec}}) for each in (before, after)
    ]
    live = KubeObject({**of_kind[0].body, "status": {"replicas": 3}})
    snapshot = Snapshot(live={live.ref: live}, merged={live.ref: of_kind[1]})
    (change,) = plan(Release("prod", "test", ""), [of_kind[1]], snapshot).changes
    assert change.action is Action.UPDATE
    return change


@pytest.mark.parametrize(
    ("kind", "spec", "note"),
    [
        ("Deployment", {}, "image 1 -> 2 · restarts 3 pods"),
        ("StatefulSet", {"updateStrategy": {"rollingUpdate": {"partition": 2}}}, "image 1 -> 2 · restarts 1 pod"),
        ("StatefulSet", {"updateStrategy": {"type": "RollingUpdate"}}, "image 1 -> 2 · restarts 3 pods"),
    ],
)
def test_pods_that_restart_are_counted(kind: str, spec: dict[str, Any], note: str) -> None:
    assert (changed(kind, **spec).risk, changed(kind, **spec).note) == (Risk.RESTART, note)


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Deployment", {"paused": True}),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}),
        ("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}),
    ],
)
def test_pods_that_nothing_replaces_do_not_restart(kind: str, spec: dict[str, Any]) -> None:
    assert (changed(kind, **spec).risk, changed(kind, **spec).note) == (Risk.NONE, "image 1 -> 2")
