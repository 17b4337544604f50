"""Checks of what is a buildspec's own: runtimes, and what happens after a failed build. Pure.

Its commands are checked as a script's.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gitops.template.catalogues import IMAGES, catalogue
from gitops.validate.finding import Finding
from gitops.validate.sources import Document

_RELEASES = re.compile(
    r"\bdocker (image )?push\b|\bkubectl\b.*\bapply\b|\bhelm (upgrade|install)\b|\bgit push\b|\bgitops \w"
)


def is_buildspec(file: str, content: bytes) -> bool:
    """Whether CodeBuild would take it for one: YAML that has phases."""
    return file.endswith((".yaml", ".yml")) and re.search(rb"(?m)^phases:", content) is not None


def check_buildspec(document: Document) -> Iterator[Finding]:
    """Findings in one buildspec."""
    phases = document.body.get("phases") if isinstance(document.body, dict) else None
    if not isinstance(phases, dict):
        return
    for name, phase in phases.items():
        if isinstance(phase, dict):
            yield from _runtimes(document, str(name), phase)
    yield from _after_a_failure(document, phases)


def _runtimes(document: Document, name: str, phase: Mapping[str, Any]) -> Iterator[Finding]:
    runtimes = phase.get("runtime-versions")
    python = runtimes.get("python") if isinstance(runtimes, dict) else None
    offered = {version for image in catalogue(IMAGES)["images"].values() for version in image["python"]}
    if python is None or str(python) in {*offered, "latest"} or re.fullmatch(r"3\.x|\$.*", str(python)):
        return
    read = f"; the quotes are missing: YAML reads {python}" if not isinstance(python, str) and python < 3.2 else ""
    line = document.line(("phases", name, "runtime-versions", "python"))
    yield Finding(document.file, line, "C027", f"no maintained image has Python {python}{read}")


def _after_a_failure(document: Document, phases: Mapping[str, Any]) -> Iterator[Finding]:
    """CodeBuild runs post_build after a failed build, too.

    https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
    """
    build, after = phases.get("build"), phases.get("post_build")
    commands = after.get("commands") if isinstance(after, dict) else None
    texts = [str(command) for command in commands] if isinstance(commands, list) else []
    if not isinstance(build, dict) or build.get("on-failure") == "ABORT":
        return
    for number, text in enumerate(texts):
        if "CODEBUILD_BUILD_SUCCEEDING" in text:
            return
        if _RELEASES.search(text):
            line = document.line(("phases", "post_build", "commands", number))
            yield Finding(document.file, line, "C028", "this runs after a failed build too")
            return
