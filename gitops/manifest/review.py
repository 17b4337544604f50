"""A bump for review: the branch it goes to, and what its pull request says, as Markdown. Pure."""

import re
from collections.abc import Sequence

from gitops.manifest.bump import BumpProposal, unified_diff, version_change

MARKER = "<!-- gitops bump -->"
"""By which our comment on a pull request is found again."""

DIFF_LIMIT = 8000
"""Characters of diff in a comment. CodeCommit takes 10,240 in all (API reference, PostCommentForPullRequest)."""


def topic_of(image: str, environments: Sequence[str]) -> str:
    """The branch of a bump's pull request: the same image and environments update the same one."""
    where = "-".join(environments) if 0 < len(environments) <= 3 else "many"
    return "gitops/" + re.sub(r"[^A-Za-z0-9_-]+", "-", f"{image}-{where}").strip("-")


def markdown(proposal: BumpProposal) -> str:
    """What a reviewer needs: each environment's change, and the diff."""
    changes = [change for change in proposal.images[:50] if not change.kept]
    rows = [
        f"| {each.environment} | {_code(each.after.name)} | {version_change(each)} | {_code(each.after.digest[:19])} |"
        for each in changes
    ]
    kept = [f"- {change.environment} stays: {change.kept}" for change in proposal.images if change.kept]
    diff = "\n".join(unified_diff(edit) for edit in proposal.changed)
    cut = "\n… the rest is in the pull request's changes" if len(diff) > DIFF_LIMIT else ""
    head = "| environment | image | version | digest |\n| --- | --- | --- | --- |"
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", diff)), default=0))
    parts = [MARKER, "\n".join([head, *rows]), "\n".join(kept), f"{fence}diff\n{diff[:DIFF_LIMIT]}{cut}\n{fence}"]
    return "\n\n".join(part for part in parts if part)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
