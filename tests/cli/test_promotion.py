"""`gitops hold`, `unhold`, `verify`, `promote` and `images` as a person meets them."""

import json
import re
from pathlib import Path

import pytest

from gitops.cli import run
from tests.support.manifest_server import bare, clone, server, url
from tests.support.manifests import NEW, git

__all__ = ["bare", "clone", "server", "url"]


@pytest.fixture(autouse=True)
def in_clone(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone)
    (clone / "gitops.yaml").write_text(
        (clone / "gitops.yaml")
        .read_text()
        .replace("  - {name: worker-image, repository: team/worker}\n", "")
        .replace("namespace: prod", "namespace: prod, promotion: {checks: [smoke]}")
    )
    git(clone, "commit", "--quiet", "-am", "Ask for a smoke test")
    git(clone, "push", "--quiet")


def out(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert run(list(arguments)) == code
    captured = capsys.readouterr()
    return re.sub(r"\b[0-9a-f]{7}\b", "COMMIT", captured.out + captured.err)


def test_a_promotion_from_the_check_to_the_commit(capsys: pytest.CaptureFixture[str]) -> None:
    out(capsys, "bump", "backend-app", "-e", "staging", "--tag", "1.4.2", "--unchecked", "--digest", NEW)
    assert out(capsys, "promote", "staging", "prod", code=1) == (
        "staging: has not passed smoke with these images\n"
        "  try: gitops verify staging smoke, once it has; or --unproved\n"
    )
    assert out(capsys, "verify", "staging", "smoke") == (
        "staging passed smoke\npushed COMMIT to eks-work-manifests main\n"
    )
    assert out(capsys, "promote", "staging", "prod", "--dry-run", code=3).endswith("nothing was written (--dry-run)\n")
    assert out(capsys, "promote", "staging", "prod") == (
        "prod  backend-app-image  1.4.1 -> 1.4.2  sha256:2b2b2b2b…\n"
        '  kustomize/overlays/prod/kustomization.yaml:8   newTag:   "1.4.2"\t# the version\n'
        "  kustomize/overlays/prod/kustomization.yaml:9   digest:   sha256:2b2b2b2b…\n"
        "pushed COMMIT to eks-work-manifests main\n"
    )


def test_a_hold_from_its_beginning_to_its_end(capsys: pytest.CaptureFixture[str], bare: Path) -> None:
    assert out(capsys, "hold", "prod", "--reason", "rollback of 1.4.2") == (
        "prod is held\npushed COMMIT to eks-work-manifests main\n"
    )
    assert "by: Test <test@example.invalid>\nreason: rollback of 1.4.2" in git(
        bare, "show", "main:.gitops/holds/prod.yaml"
    )
    again = out(capsys, "hold", "prod", "--reason", "again").splitlines()
    assert re.fullmatch(r"prod is already held since \S+Z by Test <test@example.invalid>: rollback of 1.4.2", again[0])
    assert again[1:] == ["nothing to change in eks-work-manifests main"]
    error = out(capsys, "bump", "backend-app", "-e", "prod", "--tag", "1.4.3", "--unchecked", "--digest", NEW, code=1)
    assert re.match(r"prod: is held since \S+Z by Test <test@example.invalid>: rollback of 1.4.2\n  try: ", error)
    assert out(capsys, "unhold", "prod").startswith("prod is not held any more\npushed")
    assert out(capsys, "unhold", "prod").startswith("prod was not held\n")


def test_the_images_fit_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    out(capsys, "bump", "backend-app", "-e", "staging", "--tag", "1.4.2", "--unchecked", "--digest", NEW)
    table = re.sub(r"\d+ [smhd]\b", "AGE", out(capsys, "images"))
    assert [re.split(r"  +", line) for line in table.splitlines()] == [
        ["ENV", "IMAGE", "TAG", "DIGEST", "SINCE", "BUILT", "BEHIND", "HOLD"],
        ["staging", "backend-app-image", "1.4.2", "sha256:2b2b2b2b…", "AGE", "?", "?", "-"],
        ["prod", "backend-app-image", "1.4.1", "sha256:1a1a1a1a…", "AGE", "?", "?", "-"],
    ]
    rows = json.loads(out(capsys, "images", "--json"))
    assert [row["environment"] for row in rows] == ["staging", "prod"]


@pytest.mark.parametrize("command", [("hold", "prdo", "--reason", "x"), ("unhold", "prdo"), ("verify", "prdo", "x")])
def test_an_unknown_environment_names_the_nearest(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert out(capsys, *command, code=1).endswith("did you mean 'prod'? (staging, prod)\n")


def test_a_check_has_a_plain_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert out(capsys, "verify", "prod", "a b\n", code=1).startswith("check 'a b\\n': is no name of a check")


def test_a_file_of_several_images_is_shown_once(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = (clone / "gitops.yaml").read_text()
    worker = "  - {name: worker-image, repository: team/worker}\nclusters:"
    (clone / "gitops.yaml").write_text(
        config.replace("clusters:", worker).replace(", promotion: {checks: [smoke]}", "")
    )
    git(clone, "commit", "--quiet", "-am", "Build a worker")
    git(clone, "push", "--quiet")
    for image in ("backend-app", "worker"):
        out(capsys, "bump", image, "-e", "staging", "--tag", "1.4.2", "--unchecked", "--digest", NEW)
    lines = out(capsys, "promote", "staging", "prod").splitlines()
    assert [line.partition(":")[0].strip() for line in lines[:2]] == [
        "prod  backend-app-image  1.4.1 -> 1.4.2  sha256",
        "prod  worker-image  7 -> 1.4.2  sha256",
    ]
    assert len(lines) == len(set(lines)) == 8


def test_a_promotion_asks_the_scan_again_for_what_it_brings(
    clone: Path, bare: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = (clone / "gitops.yaml").read_text().replace('registry:  {host: "r.example", auth: none}\n', "")
    config = config.replace("repository: team/backend-app}", "repository: team/backend-app, scan: {critical: 0}}")
    (clone / "gitops.yaml").write_text(config)
    git(clone, "commit", "--quiet", "-am", "Ask for a scan")
    git(clone, "push", "--quiet")
    asked: list[tuple[str, str]] = []
    counts: dict[str, int] | None = {"HIGH": 4}

    def findings(_ecr: object, repository: str, digest: str) -> dict[str, int] | None:
        asked.append((repository, digest))
        return counts

    monkeypatch.setattr("gitops.clients.aws.Ecr.findings", findings)
    out(capsys, "bump", "backend-app", "-e", "staging", "--tag", "1.4.2", "--unchecked", "--digest", NEW)
    before, counts = git(bare, "rev-parse", "main"), {"CRITICAL": 1}
    for options in ([], ["--dry-run"]):
        assert out(capsys, "promote", "staging", "prod", "--unproved", *options, code=1) == (
            f"team/backend-app@{NEW[:19]}: has 1 critical finding, over the 0 allowed\n"
            "  try: mend the image, or change its scan gate in gitops.yaml\n"
        )
    counts = None
    assert "has no finished scan" in out(capsys, "promote", "staging", "prod", "--unproved", code=1)
    assert git(bare, "rev-parse", "main") == before
    counts = {"HIGH": 4}
    assert "pushed COMMIT" in out(capsys, "promote", "staging", "prod", "--unproved")
    assert asked == [("team/backend-app", NEW)] * 5
    # What prod has already is not brought, and not asked for.
    counts = {"CRITICAL": 1}
    assert "nothing to change" in out(capsys, "promote", "staging", "prod", "--unproved")
