"""`gitops plan` and `gitops deploy` of several environments in one run, to folders: order, failures, approvals."""

import json
import shutil
import threading
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from gitops.cli import run, status
from gitops.clients.git import GitRepository
from tests.support.configs import SHOP

CONFIG = (
    SHOP
    + """\
images: [{name: web, repository: web}]
environments:
  - {name: test, namespace: test, target: {folder: out/test}}
  - {name: staging, namespace: staging, target: {folder: out/staging}}
  - {name: prod, namespace: prod, approval: true, target: {folder: out/prod}}
"""
)
NAMES = ("test", "staging", "prod")


def write_shop(folder: Path) -> None:
    """The files of a manifest repository of three environments that are released to folders."""
    (folder / "gitops.yaml").write_text(CONFIG)
    (folder / ".gitignore").write_text("/out\n")
    for name in NAMES:
        overlay = folder / "kustomize" / "overlays" / name
        overlay.mkdir(parents=True)
        (overlay / "kustomization.yaml").write_text(f"namespace: {name}\nresources: [settings.yaml]\n")
        (overlay / "settings.yaml").write_text(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: '1'}\n"
        )


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_shop(tmp_path)
    git = GitRepository(tmp_path)
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "Start")):
        git.run(*arguments)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def deployed(shop: Path) -> list[str]:
    return [name for name in NAMES if (shop / "out" / name).is_dir()]


def test_all_are_deployed_in_order_and_then_there_is_nothing_to_do(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["deploy", "--all", "--yes"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said if ": deployed" in line] == list(NAMES)
    assert run(["plan", "--all", "--exit-code"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "3 overlays: no change"


def test_the_order_is_that_of_the_file_and_each_comes_once(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "prod", "all", "test", "-o", "json"]) == 0
    assert [plan["environment"] for plan in json.loads(capsys.readouterr().out)] == list(NAMES)
    assert run(["plan", "prod", "test"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said if " on folder " in line] == ["test", "prod"]
    assert said[-1] == "2 overlays: 2 create · gitops deploy prod test"


def test_the_first_failure_ends_the_run_and_says_what_was_not_begun(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "out").mkdir()
    (shop / "out" / "staging").write_text("in the way")
    assert run(["deploy", "--all", "--yes", "-o", "json"]) == 1
    said = capsys.readouterr()
    assert said.err.splitlines()[0] == "not begun: prod"
    assert "out/staging" in said.err.splitlines()[1]
    assert deployed(shop) == ["test"]
    assert [plan["environment"] for plan in json.loads(said.out)] == ["test", "staging"]


def test_what_does_not_render_ends_the_run_before_the_first_change(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "kustomize/overlays/prod/kustomization.yaml").write_text("resources: [gone.yaml]\n")
    GitRepository(shop).run("commit", "-qam", "break")
    assert run(["deploy", "--all", "--yes"]) == 1
    assert "gone.yaml" in capsys.readouterr().err
    assert deployed(shop) == []


def test_an_environment_that_wants_an_approval_is_not_deployed_unasked(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["deploy", "--all"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("prod: wants an approval, and nobody is there to ask; nothing was changed\n  try: --yes")
    assert deployed(shop) == []
    assert run(["deploy", "--all", "--dry-run"]) == 0
    assert deployed(shop) == []
    assert run(["deploy", "test", "prod"]) == 0
    assert deployed(shop) == ["test", "prod"]


def test_reports_of_several_plans_are_one_document(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy", "--all", "--yes", "--dry-run", "-o", "junit"]) == 0
    suites = ElementTree.fromstring(capsys.readouterr().out)
    assert [suite.get("name", "").partition(" ")[0] for suite in suites] == list(NAMES)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["plan"], "gitops.yaml: no environment is named\n  try: one or several of test, staging, prod; or --all"),
        (["plan", "--all", "--save", "p.json"], "gitops.yaml: --save is for one environment, not 3"),
        (["deploy", "--all", "--yes", "--plan", "p.json"], "p.json: is the plan of one environment, not of 3"),
    ],
)
def test_what_cannot_be_of_several(
    shop: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err.startswith(problem)


def test_a_saved_plan_says_what_is_allowed(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy", "test"]) == 0
    more = "".join(f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: part-{index}}}\n" for index in range(6))
    settings = shop / "kustomize/overlays/test/settings.yaml"
    first = settings.read_text()
    settings.write_text(first + more)
    git = GitRepository(shop)
    git.run("commit", "-qam", "more")
    assert run(["deploy", "test"]) == 0
    settings.write_text(first)
    git.run("commit", "-qam", "fewer")
    assert run(["plan", "test", "--save", "out/plan.json"]) == 0
    assert run(["deploy", "test", "--plan", "out/plan.json"]) == 1
    assert "too large a share\n  try: --allow-prune" in capsys.readouterr().err
    assert run(["deploy", "test", "--plan", "out/plan.json", "--allow-prune"]) == 2
    assert "out/plan.json: says itself what is allowed" in capsys.readouterr().err
    assert run(["plan", "test", "--allow-prune", "--save", "out/plan.json"]) == 0
    assert run(["deploy", "test", "--plan", "out/plan.json"]) == 0
    assert len(list((shop / "out/test/test").iterdir())) == 1


def test_plans_may_be_saved_beside_what_they_are_of(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # As the build of a pull request writes its reports.
    (shop / "reports").mkdir()
    (shop / "reports" / "validate.xml").write_text("<testsuites/>")
    assert run(["plan", "test", "--save", "test.json"]) == 0
    shutil.rmtree(shop / "reports")
    assert run(["plan", "test", "--save", "test.json"]) == 0
    assert run(["plan", "staging", "--save", "staging.json"]) == 0
    assert run(["deploy", "test", "--plan", "test.json"]) == 0
    assert run(["deploy", "staging", "--plan", "staging.json"]) == 0


def test_what_is_not_committed_cannot_be_saved_as_a_plan(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "kustomize/overlays/test/settings.yaml").write_text("kind: ConfigMap\n")
    assert run(["plan", "test", "--save", "test.json"]) == 1
    assert "has uncommitted changes (kustomize/overlays/test/settings.yaml)" in capsys.readouterr().err
    assert not (shop / "test.json").exists()


def test_status_asks_of_all_environments_at_the_same_time(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that one cluster which does not answer holds nobody up."""
    run(["deploy", "--all", "--yes"])
    capsys.readouterr()
    together, row = threading.Barrier(len(NAMES)), status._row

    def waits_for_the_others(context: Any, overlay: Any, *rest: Any) -> dict[str, Any]:
        together.wait(timeout=20)
        if overlay.name == "test":
            time.sleep(0.2)
        return row(context, overlay, *rest)

    monkeypatch.setattr(status, "_row", waits_for_the_others)
    monkeypatch.setattr(status, "_holds", lambda *_: ({}, ""))
    assert run(["status", "-o", "json"]) == 0
    # In the order of gitops.yaml, whoever answers first.
    assert [each["env"] for each in json.loads(capsys.readouterr().out)] == list(NAMES)


def test_one_that_cannot_be_read_hides_none_of_the_others(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["deploy", "--all", "--yes"])
    (shop / "out" / "staging" / ".gitops-release").write_text("{")
    capsys.readouterr()
    for command in ("drift", "history"):
        assert run([command, "all"]) == 1
        said = capsys.readouterr()
        assert "test on " in said.out
        assert "prod on " in said.out
        assert said.err.startswith("staging: ")
        assert run([command, "all", "-o", "json"]) == 1
        json.loads(capsys.readouterr().out)
    (shop / "out" / "prod" / "prod" / "configmap-settings.yaml").unlink()
    run(["drift", "all", "-o", "json"])
    assert [each["environment"] for each in json.loads(capsys.readouterr().out)] == ["prod"]


def test_a_plan_needs_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_shop(tmp_path)
    GitRepository(tmp_path).run("init", "-q")
    monkeypatch.chdir(tmp_path)
    assert run(["plan", "test"]) == 0
    assert "create  ConfigMap/test/settings" in capsys.readouterr().out
    assert run(["deploy", "test", "--yes"]) == 1
    assert "has uncommitted changes" in capsys.readouterr().err
