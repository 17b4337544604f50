"""A plan as people and programs read it: text, JSON, Markdown."""

import re
from collections.abc import Iterator
from typing import Any

from gitops.cli.output import echo, echo_json, style, table
from gitops.errors import count_of
from gitops.plan.applications import applications, grouped
from gitops.plan.mask import Mask, mask_of
from gitops.plan.model import Action, Change, FieldChange, Plan
from gitops.plan.summary import counted, note
from gitops.plan.unified import unified

_COLORS = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "red",
    Action.DELETE: "red",
    Action.SKIP: "dim",
}
_DIFF_COLORS = {"-": "red", "+": "green", "@": "cyan"}
WIDTH, TITLE = 80, 20
"""Columns that a heading shall fit in, and characters of a commit's title that are shown all the same."""
LISTED = 60
"""Changes that are shown one by one; of more, only their number."""


def show_plans(plans: list[Plan], form: str, diff: bool, next_step: str) -> None:
    """Print plans in a form of `-o`: as text, with a unified diff of each change where `diff`; as JSON, one document
    for one plan and a list for several."""
    if form == "json":
        echo_json(document(plans[0]) if len(plans) == 1 else [document(plan) for plan in plans])
    if form == "junit":
        from gitops.cli.junit import junit

        echo(junit(plans))
    if form == "markdown":
        echo("\n\n".join(map(markdown, plans)))
    if form == "text":
        for plan in plans:
            echo(text(plan, diff))
            echo(last_line([plan], next_step if len(plans) == 1 else ""))
        if len(plans) > 1:
            echo(f"{count_of(len(plans), 'overlay')}: {last_line(plans, next_step)}")


def heading(plan: Plan, width: int = 0) -> str:
    """ "prod on eks-work-cluster · 3f9c2ab (bump backend-app 1.4.2) · 61 objects"; a long title is cut for `width`."""
    release = plan.release
    count = sum(1 for change in plan.changes if change.desired)
    where, objects = f"{release.environment} on {release.target}", count_of(count, "object")
    short, title = release.revision[:7], release.title
    left = max(width - len(f"{where} · {short} () · {objects}"), TITLE)
    title = f"{title[: left - 1]}…" if width and len(title) > left else title
    revision = f"{short} ({title})" if title else short
    return " · ".join(part for part in (where, revision, objects) if part)


def text(plan: Plan, diff: bool = False) -> str:
    """The plan for a person, grouped by application where there are several; with `diff`, what changes in each."""
    return "\n".join([style(heading(plan, WIDTH), "bold"), *_lines(plan, diff)])


def last_line(plans: list[Plan], next_step: str = "") -> str:
    """How it ends, and what comes next."""
    refused = sum(len(plan.refusals) for plan in plans)
    pending = any(plan.pending for plan in plans)
    after = f"{refused} refused" if refused else next_step if pending else ""
    return " · ".join(part for part in (counted(*plans), after) if part)


def _lines(plan: Plan, diff: bool) -> Iterator[str]:
    shown = [change for change in plan.changes if change.action is not Action.UNCHANGED]
    listed = shown if diff else shown[:LISTED]
    groups = grouped(listed, applications(plan.changes))
    if plan.inventory.recovered:
        known = count_of(len(plan.inventory.owned), "object")
        yield f"  its inventory was lost: by their annotations, {known} are its own"
    indent = "  " if len(groups) < 2 else "    "
    rows = dict(zip([c.ref for c in listed], table([_row(c) for c in listed], indent).split("\n"), strict=False))
    mask = mask_of(plan) if diff else None
    for name, changes in groups.items():
        if len(groups) > 1:
            yield style(f"  {name or 'of no application'}", "bold")
        for change in changes:
            yield _colored(change, rows[change.ref])
            yield from _unified_lines(change, mask) if mask else ()
    if len(shown) > len(listed):
        yield f"  and {len(shown) - len(listed)} more (all of them: -o json)"
    if unchanged := plan.count()[Action.UNCHANGED]:
        yield style(f"  {unchanged} unchanged", "dim")
    for refusal in plan.refusals:
        yield style(f"refused  {refusal.subject}: {refusal.problem}", "red")
        if refusal.hint:
            yield f"         try: {refusal.hint}"


def _row(change: Change) -> tuple[str, str, str]:
    return (change.action.value, str(change.ref), " ".join(note(change).split()))


def _colored(change: Change, line: str) -> str:
    color = _COLORS.get(change.action)
    return style(line, color) if color else line


def _unified_lines(change: Change, mask: Mask) -> Iterator[str]:
    for line in unified(change, mask):
        color = _DIFF_COLORS.get(line[0]) if not line.startswith(("---", "+++")) else "bold"
        yield style(line, color) if color else line


def _value(value: Any) -> list[str]:
    import json

    if isinstance(value, str):
        return value.splitlines() or [""]
    return json.dumps(value, indent=2, ensure_ascii=False).splitlines()


def document(plan: Plan) -> dict[str, Any]:
    """The plan for programs."""
    release, known = plan.release, applications(plan.changes)
    return {
        "environment": release.environment,
        "target": release.target,
        "revision": release.revision,
        "title": release.title,
        "inventory": "lost" if plan.inventory.recovered else "recorded" if plan.inventory.history else "none",
        "summary": counted(plan),
        "counts": {action.value: count for action, count in plan.count().items()},
        "changes": [
            {
                "action": change.action.value,
                "object": str(change.ref),
                "group": change.ref.group,
                "application": known.get(change.ref, ""),
                "risk": change.risk.value,
                "note": change.note,
                "fields": [{"path": f.path, "before": f.before, "after": f.after} for f in change.fields],
                "conflicts": [conflict._asdict() for conflict in change.conflicts],
            }
            for change in plan.changes
        ],
        "refusals": [
            {"subject": refusal.subject, "problem": refusal.problem, "hint": refusal.hint} for refusal in plan.refusals
        ],
    }


def markdown(plan: Plan) -> str:
    """The plan for a pull request."""
    lines = [f"### {_escaped(heading(plan))}", "", f"**{counted(plan)}**"]
    shown = [change for change in plan.changes if change.action is not Action.UNCHANGED]
    groups = grouped(shown, applications(plan.changes))
    for name, changes in groups.items():
        lines += ["", f"**{_escaped(name or 'of no application')}**"] if len(groups) > 1 else []
        lines += ["", "| action | object | |", "|---|---|---|"]
        lines += [f"| {change.action} | `{change.ref}` | {_escaped(note(change))} |" for change in changes]
    for change in shown:
        if change.fields:
            inner = [line for field in change.fields for line in _plain_field_lines(field)]
            # A longer fence than any in the text, so that no value ends it.
            fence = "`" * max(3, *(len(ticks) + 1 for line in inner for ticks in re.findall("`+", line)), 0)
            lines += ["", f"<details><summary>{change.ref}</summary>", "", f"{fence}diff", *inner, fence]
            lines += ["", "</details>"]
    for refusal in plan.refusals:
        lines += ["", f"> refused: `{refusal.subject}` {_escaped(refusal.problem)} · {_escaped(refusal.hint)}"]
    return "\n".join(lines)


def _plain_field_lines(field: FieldChange) -> Iterator[str]:
    yield f"  {field.path}"
    yield from (f"- {line}" for line in (_value(field.before) if field.before is not None else ()))
    yield from (f"+ {line}" for line in (_value(field.after) if field.after is not None else ()))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
