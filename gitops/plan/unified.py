"""A change as a unified diff of YAML: what is there, and what the server would make of it. Secrets are hidden."""

from collections.abc import Iterator

from gitops.objects import Body
from gitops.plan.diff import comparable, like
from gitops.plan.mask import Mask
from gitops.plan.model import Action, Change, FieldChange

CONTEXT = 3
"""Lines around a difference."""


def unified(change: Change, mask: Mask) -> Iterator[str]:
    """The lines of the diff: a heading of two, then hunks. Nothing for what stays as it is."""
    from difflib import unified_diff

    before, after = _states(change)
    old = _lines(before, change.ref.kind, mask)
    new = _lines(after, change.ref.kind, mask)
    files = (f"live {change.ref}" if old else "/dev/null", f"planned {change.ref}" if new else "/dev/null")
    yield from unified_diff(old, new, *files, n=CONTEXT, lineterm="")


def _states(change: Change) -> tuple[Body | None, Body | None]:
    live = change.live.body if change.live else None
    if change.action is Action.UPDATE and change.merged:
        return live, change.merged.body
    if change.action is Action.REPLACE and change.desired and live:
        # The server has not filled in the new one: what it filled into the old one is no difference.
        return like(live, change.desired.body), change.desired.body
    if change.action in (Action.CREATE, Action.DELETE):
        return live, change.desired.body if change.desired else None
    return None, None


def _lines(body: Body | None, kind: str, mask: Mask) -> list[str]:
    import yaml

    if body is None:
        return []
    parts = [FieldChange(key, None, value) for key, value in comparable(body).items()]
    hidden = {part.path: part.after for part in mask.changes(kind, parts)}
    return yaml.dump(hidden, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=2**16).splitlines()
