"""Every test runs in a home of its own, without the machine's AWS, git or Docker settings."""

import os
import sysconfig
from collections import Counter
from pathlib import Path

import pytest

from gitops import hidden
from tests.support.available import MISSING

# The kubectl of the lock, whose kustomize the renderer is held to, comes before the machine's own.
os.environ["PATH"] = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))

NOT_RUN = pytest.StashKey[str]()

_GIT_CONFIG = """[user]
  name = Test
  email = test@example.invalid
[init]
  defaultBranch = main
[protocol "file"]
  allow = always
"""


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home with a git identity."""
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(_GIT_CONFIG)
    for name in (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "KUBECONFIG",
        "DOCKER_CONFIG",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    values = {
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "NO_COLOR": "1",
        "COLUMNS": "80",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "ap-northeast-2",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    """A test is a run of its own: what another one learned to be secret is not hidden in it."""
    hidden.forget()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker, why_missing in MISSING.items():
            reason = why_missing() if item.get_closest_marker(marker) else None
            if reason:
                item.add_marker(pytest.mark.skip(reason=f"{marker}: {reason}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Count what was skipped, and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    said = "; ".join(f"{count} × {reason}" for reason, count in reasons.items()) or "nothing"
    config.stash[NOT_RUN] = f"not run here: {said}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """End with one line that says it."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter and NOT_RUN in config.stash:
        reporter.write_line(config.stash[NOT_RUN])
