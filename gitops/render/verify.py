"""Our rendering beside kustomize's: what differs, as a person reads it."""

import json
from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path

from gitops.clients.kubectl import kustomize_build
from gitops.objects import KubeObject
from gitops.render.fallback import bodies_of


def difference(root: Path, overlay: str, ours: Sequence[KubeObject]) -> list[str]:
    """Lines of a diff from kustomize's objects to `ours`; none where both are the same, in the same order.

    Raises `GitopsError` where there is no kustomize, or where it refuses the overlay.
    """
    theirs = [KubeObject(body) for body in bodies_of(kustomize_build(root / overlay), overlay)]
    if [_text(each) for each in theirs] == [_text(each) for each in ours]:
        return []
    before = [line for each in theirs for line in _text(each).splitlines()]
    after = [line for each in ours for line in _text(each).splitlines()]
    return list(unified_diff(before, after, "kustomize", "gitops", lineterm="", n=4))


def _text(obj: KubeObject) -> str:
    return f"# {obj.ref}\n{json.dumps(obj.body, indent=2, sort_keys=True, default=str, ensure_ascii=False)}\n"
