"""A plan as people and programs read it: text, JSON, Markdown."""

from collections.abc import Iterator
from typing import Any

from gitops.cli.output import echo, echo_json, style, table
from gitops.plan.model import Action, Change, FieldChange, Plan, Risk
from gitops.plan.summary import counted

FORMATS = ("text", "json", "markdown", "junit")
_COLORS = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "red",
    Action.DELETE: "red",
    Action.SKIP: "dim",
}
LISTED = 60
"""Changes that are shown one by one; of more, only their number."""


def show_plans(plans: list[Plan], form: str, fields: bool, next_step: str) -> None:
    """Print plans in one of FORMATS; as JSON, one document for one plan and a list for several."""
    if form == "json":
        echo_json(document(plans[0]) if len(plans) == 1 else [document(plan) for plan in plans])
    if form == "junit":
        from gitops.cli.junit import junit

        echo(junit(plans))
    if form == "markdown":
        echo("\n\n".join(map(markdown, plans)))
    if form == "text":
        for plan in plans:
            echo(text(plan, fields))
            echo(last_line([plan], next_step if len(plans) == 1 else ""))
        if len(plans) > 1:
            echo(f"{len(plans)} overlays: {last_line(plans, next_step)}")


def heading(plan: Plan) -> str:
    """ "prod on eks-work-cluster · 3f9c2ab (bump backend-app 1.4.2) · 61 objects"."""
    release = plan.release
    revision = f"{release.revision[:7]} ({release.title})" if release.title else release.revision[:7]
    count = sum(1 for change in plan.changes if change.desired)
    parts = (f"{release.environment} on {release.target}", revision, f"{count} object{'' if count == 1 else 's'}")
    return " · ".join(part for part in parts if part)


def text(plan: Plan, fields: bool = False) -> str:
    """The plan for a person; with `fields`, every field that changes."""
    return "\n".join([style(heading(plan), "bold"), *_lines(plan, fields)])


def last_line(plans: list[Plan], next_step: str = "") -> str:
    """How it ends, and what comes next."""
    pending = any(plan.pending for plan in plans)
    return " · ".join(part for part in (counted(*plans), next_step if pending else "") if part)


def _lines(plan: Plan, fields: bool) -> Iterator[str]:
    shown = [change for change in plan.changes if change.action is not Action.UNCHANGED]
    if fields:
        for change in shown:
            yield _colored(change, table([_row(change)], indent="  "))
            yield from (f"      {line}" for field in change.fields for line in _field_lines(field))
    else:
        rows = table([_row(change) for change in shown[:LISTED]], indent="  ").splitlines()
        yield from (_colored(change, row) for change, row in zip(shown, rows, strict=False))
        if len(shown) > LISTED:
            yield f"  and {len(shown) - LISTED} more (all of them: -o json)"
    if unchanged := plan.count()[Action.UNCHANGED]:
        yield style(f"  {unchanged} unchanged", "dim")
    for refusal in plan.refusals:
        yield style(f"refused  {refusal.subject}: {refusal.problem}", "red")
        if refusal.hint:
            yield f"         try: {refusal.hint}"


def _row(change: Change) -> tuple[str, str, str]:
    return (change.action.value, str(change.ref), note(change))


def note(change: Change) -> str:
    """The change's note, and its risk where the note does not say it."""
    risky = change.risk in (Risk.DATA_LOSS, Risk.REPLACE)
    return " · ".join(part for part in (change.risk.value if risky else "", change.note) if part)


def _colored(change: Change, line: str) -> str:
    color = _COLORS.get(change.action)
    return style(line, color) if color else line


def _field_lines(field: FieldChange) -> Iterator[str]:
    yield style(f"{field.path}", "bold")
    if field.before is not None:
        yield from (style(f"- {line}", "red") for line in _value(field.before))
    if field.after is not None:
        yield from (style(f"+ {line}", "green") for line in _value(field.after))


def _value(value: Any) -> list[str]:
    import json

    if isinstance(value, str):
        return value.splitlines() or [""]
    return json.dumps(value, indent=2, ensure_ascii=False).splitlines()


def document(plan: Plan) -> dict[str, Any]:
    """The plan for programs."""
    release = plan.release
    return {
        "environment": release.environment,
        "target": release.target,
        "revision": release.revision,
        "title": release.title,
        "summary": counted(plan),
        "counts": {action.value: count for action, count in plan.count().items()},
        "changes": [
            {
                "action": change.action.value,
                "object": str(change.ref),
                "group": change.ref.group,
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
    if shown:
        lines += ["", "| action | object | |", "|---|---|---|"]
        lines += [f"| {change.action} | `{change.ref}` | {_escaped(note(change))} |" for change in shown]
    for change in shown:
        if change.fields:
            inner = [line for field in change.fields for line in _plain_field_lines(field)]
            lines += ["", f"<details><summary>{change.ref}</summary>", "", "```diff", *inner, "```", "", "</details>"]
    for refusal in plan.refusals:
        lines += ["", f"> refused: `{refusal.subject}` {_escaped(refusal.problem)} · {_escaped(refusal.hint)}"]
    return "\n".join(lines)


def _plain_field_lines(field: FieldChange) -> Iterator[str]:
    yield f"  {field.path}"
    yield from (f"- {line}" for line in (_value(field.before) if field.before is not None else ()))
    yield from (f"+ {line}" for line in (_value(field.after) if field.after is not None else ()))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
