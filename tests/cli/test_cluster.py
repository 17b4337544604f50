"""`gitops cluster`: check and harden, as a person runs them, on strict fakes of what moto lacks."""

import json
from pathlib import Path

import pytest

from gitops.cli import run
from gitops.cli.context import Context
from tests.support.configs import REPOSITORY
from tests.support.eks import NAME, FakeAccount


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAccount:
    account = FakeAccount()
    (tmp_path / "gitops.yaml").write_bytes((REPOSITORY / "gitops.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Context, "cluster_settings", lambda self, cluster: account.settings(cluster.name))
    return account


def harden(*arguments: str) -> int:
    return run(["cluster", "harden", NAME, "--cidr", "203.0.113.0/24", *arguments])


def test_check_lists_what_is_amiss_and_exits_1_for_an_error(
    account: FakeAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cluster", "check"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0] == NAME
    assert "  error    network policy  the VPC CNI ignores NetworkPolicies" in out
    assert "      try: gitops cluster harden turns it on" in out
    assert out[-1] == f"{NAME}: 1 error, 2 warnings, 10 ok"


def test_check_as_json(account: FakeAccount, capsys: pytest.CaptureFixture[str]) -> None:
    run(["cluster", "check", NAME, "--json"])
    found = json.loads(capsys.readouterr().out)[NAME]
    assert {"level", "subject", "text", "hint"} == set(found[0])


def test_a_dry_run_shows_the_plan_changes_nothing_and_exits_3(
    account: FakeAccount, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert harden("--dry-run") == 3
    out = capsys.readouterr().out
    assert "       -> public to 203.0.113.0/24, private on" in out
    assert "note: whoever else uses the endpoint loses it" in out
    assert out.splitlines()[-1] == f"{NAME}: 5 to change · nothing was changed (--dry-run)"
    assert not any(call.startswith(("update", "put", "create")) for call in account.eks.calls + account.ecr.calls)
    assert not (tmp_path / ".gitops").exists()


def test_it_is_carried_out_recorded_and_undone_by_the_same_command(
    account: FakeAccount, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    vpc = dict(account.eks.cluster["resourcesVpcConfig"])
    record = tmp_path / ".gitops" / "hardening" / f"{NAME}.json"
    assert harden("--yes") == 0
    assert sorted(json.loads(record.read_text())) == ["ecr-scanning", "endpoint", "guardduty", "logs", "network-policy"]
    assert harden("--yes") == 0
    assert f"{NAME}: nothing to change" in capsys.readouterr().out

    assert run(["cluster", "harden", NAME, "--undo", "--only", "endpoint", "--yes"]) == 0
    assert account.eks.cluster["resourcesVpcConfig"] == vpc
    assert "endpoint" not in json.loads(record.read_text())
    assert run(["cluster", "harden", NAME, "--undo", "--yes"]) == 0
    assert account.guardduty.detectors == {}
    assert not record.exists()
    assert run(["cluster", "harden", NAME, "--undo", "--yes"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{NAME}: nothing to change"


def test_what_was_before_is_kept_over_a_second_hardening(account: FakeAccount, tmp_path: Path) -> None:
    assert harden("--yes", "--only", "endpoint") == 0
    assert run(["cluster", "harden", NAME, "--cidr", "198.51.100.0/24", "--only", "endpoint", "--yes"]) == 0
    recorded = json.loads((tmp_path / ".gitops" / "hardening" / f"{NAME}.json").read_text())
    assert recorded["endpoint"] == {"public": True, "private": False, "cidrs": ["0.0.0.0/0"]}


def test_a_failure_half_way_can_be_undone(
    account: FakeAccount, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert harden("--yes", "--only", "logs") == 0
    account.eks.failing = "AccessDenied"
    assert harden("--yes", "--only", "endpoint") == 1
    assert "AccessDenied: said AWS" in capsys.readouterr().err
    account.eks.failing = ""
    assert run(["cluster", "harden", NAME, "--undo", "--yes"]) == 0
    assert account.eks.cluster["logging"]["clusterLogging"][0] == {"types": ["api"], "enabled": True}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cluster", "check", "eks-work-clustr"], f"did you mean '{NAME}'"),
        (["cluster", "harden", NAME, "--only", "log"], "did you mean 'logs'"),
        (["cluster", "harden", NAME, "--undo", "--only", "log"], "did you mean 'logs'"),
        (["cluster", "harden", NAME, "--cidr", "203.0.113.9/24"], "--cidr: 203.0.113.9/24 has host bits set"),
        (["cluster", "harden", NAME], "nobody is there to ask"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    account: FakeAccount, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) in (1, 2)
    assert said in capsys.readouterr().err
