"""What a deploy tells while it goes on."""

from dataclasses import dataclass
from typing import Literal

from gitops.objects import ObjectRef

Word = Literal[
    "created", "configured", "replaced", "deleted", "gone", "ready", "waiting", "failed", "log", "recorded", "locked"
]


@dataclass(frozen=True)
class Event:
    """Something that happened to one object, or to the release as a whole (`ref` is None)."""

    ref: ObjectRef | None
    status: Word
    """kubectl's past tense for what was done; ready, waiting or failed for what came of it; log for a line of one."""
    detail: str = ""
    level: int = -1
    """Of the object in the plan; -1 for the release."""
