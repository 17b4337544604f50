"""Start-up imports only what it must; the time itself is measured in benchmarks/startup.py."""

import subprocess
import sys
from pathlib import Path

import pytest

from gitops import __version__

ROOT = Path(__file__).parents[2]
HEAVY = {"boto3", "botocore", "docker", "git", "jsonschema", "kubernetes", "moto", "requests", "ruamel", "urllib3"}


def run_with_import_times(*arguments: str) -> tuple[str, set[str]]:
    """Run gitops in a new interpreter; its stdout, and the top-level modules that were imported."""
    command = [sys.executable, "-X", "importtime", "-m", "gitops", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    names = (line.rpartition("|")[2].strip() for line in run.stderr.splitlines() if line.startswith("import time:"))
    return run.stdout, {name.partition(".")[0] for name in names}


def test_version_imports_not_even_click() -> None:
    out, imported = run_with_import_times("--version")
    assert out == f"gitops {__version__}\n"
    assert imported & (HEAVY | {"click", "yaml"}) == set()


@pytest.mark.parametrize("arguments", [("--help",), ("config", "schema"), ("bump", "--help")])
def test_nothing_heavy_is_imported_before_it_is_used(arguments: tuple[str, ...]) -> None:
    _, imported = run_with_import_times(*arguments)
    assert imported & HEAVY == set()


@pytest.mark.parametrize("command", ["bump", "promote", "images", "hold"])
def test_the_help_of_a_command_reads_no_config(command: str) -> None:
    """A third of its time otherwise."""
    _, imported = run_with_import_times(command, "--help")
    assert imported & (HEAVY | {"yaml", "secrets", "cryptography"}) == set()


def test_an_overlay_is_rendered_without_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(ROOT)
    for unneeded in ({"click"}, {"click", "yaml", "dataclasses", "inspect", "pathlib"}):
        out, imported = run_with_import_times("render", "prod")
        assert "kind: Deployment" in out
        assert imported & (HEAVY | unneeded) == set()
