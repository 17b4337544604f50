"""What was so before a deploy began does not fail it: the cause may be mended by now, and only the next try tells.

A pod that was there already may be in the pause, up to five minutes long, after which its node starts it again or pulls
its image again. A Deployment whose deadline has passed says so until something moves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gitops.objects import Body, KubeObject
from gitops.status import Trouble, condition

_SAID = ("Stalled", "Progressing")
"""Conditions by which an object fails, and which its controller takes back when things move."""
_PULLS = ("ErrImagePull", "ImagePullBackOff")
"""How a node says that it has just tried to pull an image, and that it waits until the next try."""
_NEVER_MENDED = "InvalidImageName"


_Container = tuple[str, str]
"""Uid of the pod, and name."""


@dataclass
class Earlier:
    """Tells what is from before, in one wait."""

    began: str
    """When this run began, by the server's clock; empty: nothing is from before."""
    _ends: dict[_Container, Any] = field(default_factory=dict)
    """How often a container had ended when it was seen first."""
    _reasons: dict[_Container, str] = field(default_factory=dict)
    """Why a container waited when it was seen last."""
    _pulled: set[_Container] = field(default_factory=set)
    """Containers whose image was tried again."""

    def weigh(self, pod: KubeObject, found: Trouble) -> Trouble:
        """`found`, marked as from before where `pod` is, and nothing was tried since."""
        created = str(pod.metadata.get("creationTimestamp") or "")
        if not (found.container and found.lasting and created and created < self.began) or has_ended(pod):
            return found
        one, now = (pod.uid, found.container), _container(pod, found.container)
        reason = str(((now.get("state") or {}).get("waiting") or {}).get("reason", ""))
        if found.crashed:
            return replace(found, old=not self._ended_again(one, now))
        if reason in _PULLS:
            return replace(found, old=not self._pulled_again(one, reason))
        # Everything else is tried again every few seconds, but for a name that is wrong for ever.
        return replace(found, lasting=reason == _NEVER_MENDED)

    def _ended_again(self, one: _Container, now: Mapping[str, Any]) -> bool:
        ends = (now.get("restartCount"), ((now.get("lastState") or {}).get("terminated") or {}).get("finishedAt"))
        return bool(self._ends.setdefault(one, ends) != ends)

    def _pulled_again(self, one: _Container, reason: str) -> bool:
        before, self._reasons[one] = self._reasons.get(one, reason), reason
        if reason == _PULLS[0] and before != reason:
            self._pulled.add(one)
        return one in self._pulled


def has_ended(pod: KubeObject) -> bool:
    """It has failed for good, and nobody starts it again."""
    return (pod.body.get("status") or {}).get("phase") == "Failed"


def is_from_before(now: Body, before: KubeObject | None) -> bool:
    """Whether an object that failed says just what it said before this deploy, and may take it back."""
    if before is None:
        return False
    found = [(condition(now, name), condition(before.body, name)) for name in _SAID]
    return all(one == other for one, other in found) and any(one for one, _ in found)


def _container(pod: KubeObject, name: str) -> Mapping[str, Any]:
    now = pod.body.get("status") or {}
    statuses = [*(now.get("initContainerStatuses") or []), *(now.get("containerStatuses") or [])]
    return next((each for each in statuses if each.get("name") == name), {})
