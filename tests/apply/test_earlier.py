"""What was so before a deploy began, and what happened since."""

from typing import Any

import pytest

from gitops.apply.earlier import Earlier, is_from_before
from gitops.objects import KubeObject
from gitops.status import Trouble, trouble

BEGAN = "2026-11-24T10:00:00Z"
OLD, NEW = "2026-11-24T09:59:59Z", "2026-11-24T10:00:00Z"


def pod(reason: str, created: str = OLD, restarts: int = 3, message: str = "") -> KubeObject:
    container = {
        "name": "web",
        "restartCount": restarts,
        "state": {"waiting": {"reason": reason, "message": message}},
        "lastState": {"terminated": {"exitCode": 1}} if reason == "CrashLoopBackOff" else {},
    }
    metadata = {"name": "web-1", "uid": "u", "creationTimestamp": created}
    return KubeObject({"kind": "Pod", "metadata": metadata, "status": {"containerStatuses": [container]}})


def weighed(earlier: Earlier, each: KubeObject) -> Trouble:
    found = trouble(each.body)
    assert found is not None
    return earlier.weigh(each, found)


def test_a_crash_of_before_counts_once_the_container_has_ended_again() -> None:
    earlier = Earlier(BEGAN)
    assert [weighed(earlier, pod("CrashLoopBackOff", restarts=count)).old for count in (3, 3, 4, 4)] == [
        True, True, False, False
    ]  # fmt: skip


def test_an_image_that_could_not_be_pulled_before_counts_once_it_was_tried_again() -> None:
    earlier, said = Earlier(BEGAN), "not found"
    reasons = ("ErrImagePull", "ImagePullBackOff", "ImagePullBackOff", "ErrImagePull", "ImagePullBackOff")
    assert [weighed(earlier, pod(reason, message=said)).old for reason in reasons] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("reason", "said"),
    [("CrashLoopBackOff", "back-off"), ("ErrImagePull", "not found"), ("CreateContainerConfigError", "runs as root")],
)
def test_what_is_new_counts_at_once(reason: str, said: str) -> None:
    for began, created in ((BEGAN, NEW), (BEGAN, ""), ("", OLD)):
        found = weighed(Earlier(began), pod(reason, created, message=said))
        assert (found.lasting, found.old) == (True, False)


def test_what_is_tried_every_few_seconds_gets_some_patience() -> None:
    found = weighed(Earlier(BEGAN), pod("CreateContainerConfigError"))
    assert (found.lasting, found.old) == (False, False)
    assert weighed(Earlier(BEGAN), pod("InvalidImageName")).lasting


def stalled(since: str, kind: str = "Stalled") -> KubeObject:
    conditions: list[dict[str, Any]] = [{"type": kind, "status": "True", "lastTransitionTime": since}]
    return KubeObject({"kind": "Widget", "metadata": {"name": "w"}, "status": {"conditions": conditions}})


def test_a_condition_of_before_counts_once_it_is_said_anew() -> None:
    assert is_from_before(stalled(OLD).body, stalled(OLD))
    assert not is_from_before(stalled(NEW).body, stalled(OLD))
    assert not is_from_before(stalled(OLD).body, None)
    # A Job that has failed stays so.
    assert not is_from_before(stalled(OLD, "Failed").body, stalled(OLD, "Failed"))
