"""The rules about imports hold, and bite."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    command = [str(program), "--no-cache", "--config", str(directory / "pyproject.toml")]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=100)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "gitops", tmp_path / "gitops", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_are_kept() -> None:
    run = lint_imports(ROOT)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    ("module", "planted"),
    [
        ("gitops/plan/model.py", "import boto3"),
        ("gitops/config/model.py", "import subprocess"),
        ("gitops/errors.py", "import gitops.objects"),
        ("gitops/objects.py", "import gitops.plan.model"),
        ("gitops/plan/model.py", "import gitops.clients.git"),
        ("gitops/cli/config.py", "import docker"),
    ],
)
def test_a_planted_violation_fails(checkout: Path, module: str, planted: str) -> None:
    file = checkout / module
    file.write_text(f"{planted}\n{file.read_text()}")
    run = lint_imports(checkout)
    assert run.returncode == 1
    assert "BROKEN" in run.stdout
