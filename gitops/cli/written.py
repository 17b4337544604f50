"""What a person sees of a commit to the manifest repository: the images, the lines, where it went."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gitops.cli.output import echo, echo_json, style
from gitops.errors import count_of
from gitops.manifest.bump import BumpProposal, changed_lines, unified_diff, version_change
from gitops.manifest.repository import FileEdit, Written

LISTED = 20
"""Environments that are shown one by one."""


def show(written: Written, branch: str, notes: Sequence[str], *, dry_run: bool = False, form: str = "text") -> None:
    """What was changed, line by line, and where it is now; or the same as JSON."""
    if form == "json":
        echo_json(_document(written))
        return
    _show_images(written, dry_run)
    for line in (*kept(written), ending(written, branch, dry_run), *notes):
        echo(line)


def show_said(
    said: Sequence[str], written: Written, branch: str, notes: Sequence[str], form: str, **facts: Any
) -> None:
    """The lines `said`, and where it is now; or as JSON what was committed, and `facts`."""
    if form == "json":
        echo_json({**facts, **_committed(written)})
        return
    for line in (*said, ending(written, branch, facts.get("dry_run", False)), *notes):
        echo(line)


def _show_images(written: Written, dry_run: bool) -> None:
    proposal = written.proposal
    assert isinstance(proposal, BumpProposal)
    edits = {edit.entry.path: edit for edit in proposal.changed}
    width = max(len(change.environment) for change in proposal.images)
    last = {change.path: number for number, change in enumerate(proposal.images[:LISTED])}
    for place, change in enumerate(proposal.images[:LISTED]):
        edit = edits.get(change.path)
        what = version_change(change)
        if change.kept:
            what = f"stays at {change.before.new_tag or change.before.digest[:15] if change.before else 'nothing'}"
        elif not edit and "->" not in what:
            what += ", as it is"
        digest = f"  {change.after.digest[:15]}…" if change.after.digest else ""
        echo(f"{change.environment:{width}}  {change.after.name}  {style(what, 'bold')}{digest}")
        # A file that several images are in is shown once, behind the last of them.
        if edit and not dry_run and last[change.path] == place:
            _show_lines(edit)
    # Components, Helm values, marked scalars: files that no change is called by.
    called = {change.path for change in proposal.images}
    others = [] if dry_run else [edit for path, edit in edits.items() if path not in called]
    for edit in others[:LISTED]:
        _show_lines(edit)
    if len(proposal.images) > LISTED:
        echo(f"… and {len(proposal.images) - LISTED} more")
    if dry_run:
        for edit in proposal.changed:
            echo(unified_diff(edit))


def _show_lines(edit: FileEdit) -> None:
    for number, line in changed_lines(edit):
        echo(f"  {edit.entry.path}:{number}   {_shortened(line)}")


def kept(written: Written) -> list[str]:
    """Which environments stay as they were, and why."""
    proposal = written.proposal
    images = proposal.images if isinstance(proposal, BumpProposal) else ()
    return [f"{change.environment}: {change.kept}" for change in images if change.kept]


def _shortened(line: str) -> str:
    return re.sub(r"(sha256:[0-9a-f]{8})[0-9a-f]{56}", r"\1…", line)


def ending(written: Written, branch: str, dry_run: bool = False) -> str:
    """The last line: what became of it."""
    if not written.proposal.changed:
        return f"nothing to change in {branch}"
    if dry_run:
        count = len(written.proposal.changed)
        return f"would commit {count_of(count, 'file')} to {branch} · nothing was written (--dry-run)"
    again = f" · at try {written.attempts}, as the branch moved" if written.attempts > 1 else ""
    return f"{written.verb} {written.commit[:7]} to {branch}{again}"


def _document(written: Written) -> dict[str, Any]:
    """The outcome for programs."""
    assert isinstance(written.proposal, BumpProposal)
    return {**_committed(written), "images": [asdict(change) for change in written.proposal.images]}


def _committed(written: Written) -> dict[str, Any]:
    """The commit (empty: none was made), its parent, and the files that change."""
    changed = [edit.entry.path for edit in written.proposal.changed]
    return {"commit": written.commit, "base": written.base, "changed": changed}
