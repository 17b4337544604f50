"""The one boundary: every failure is a line and an exit code."""

from pathlib import Path

import click
import pytest

import gitops.cli
from gitops.cli import run
from gitops.cli.output import REPEAT_AFTER, TERMINAL, Progress, fitted, printable, table


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["biuld"]) == 2
    assert capsys.readouterr().err.startswith("gitops: no command 'biuld'\n  try: did you mean 'build'?")


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "check", "--nope"]) == 2
    assert (
        capsys.readouterr().err == "gitops config check: No such option '--nope'\n  try: gitops config check --help\n"
    )


def test_a_usage_error_is_one_line_where_click_writes_several(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pipeline", "report", "--plans", "."]) == 2
    assert capsys.readouterr().err == (
        "gitops pipeline report: Missing option '--passed'. Choose from: 0, 1\n  try: gitops pipeline report --help\n"
    )


def test_no_config_is_one_line_and_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["config", "check"]) == 1
    assert capsys.readouterr().err == (
        f"gitops.yaml: not found in {tmp_path} or above\n"
        "  try: run in a manifest repository, or make one: gitops init DIR\n"
    )


def test_a_folder_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", "/nowhere", "config", "check"]) == 1
    assert capsys.readouterr().err.startswith("/nowhere: cannot be entered (No such file or directory)\n")


def failing(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


def test_a_defect_keeps_its_trace_in_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gitops.cli.LazyGroup, "get_command", lambda *_: failing(ZeroDivisionError("x")))
    assert run(["build"]) == 70
    err = capsys.readouterr().err
    assert err.startswith("gitops: unexpected ZeroDivisionError; its trace is in ")
    trace = Path(err.splitlines()[0].rpartition(" ")[2])
    assert "ZeroDivisionError: x" in trace.read_text()
    trace.unlink()


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(gitops.cli.LazyGroup, "get_command", lambda *_: failing(KeyboardInterrupt()))
    assert run(["build"]) == 130
    assert capsys.readouterr().err.strip() == "gitops: interrupted"


def test_control_characters_of_others_do_not_reach_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printable("a\x1b[2Jb\x07\n") == "a\\x1b[2Jb\\x07\n"
    monkeypatch.setattr(TERMINAL, "_color", True)
    assert printable("\x1b[31ma\x1b[0m\x1b[2J\x1b]52;c;b\x07") == "\x1b[31ma\x1b[0m\\x1b[2J\\x1b]52;c;b\\x07"


def test_a_table_is_aligned_and_ends_without_spaces() -> None:
    assert table([("ENV", "IMAGE"), ("staging", "1.4.2"), ("prod", "")], indent="  ") == (
        "  ENV      IMAGE\n  staging  1.4.2\n  prod"
    )


def test_a_table_fits_the_terminal_and_keeps_whole_what_is_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    rows = [("WHEN", "RUN", "TITLE"), ("2026-11-24T00:00Z", "build:0123456789abcdef", "a")]
    assert fitted(rows, whole=[0]).splitlines() == [
        "WHEN               RUN             TITLE",
        "2026-11-24T00:00Z  build:0…abcdef  a",
    ]
    monkeypatch.setenv("COLUMNS", "80")
    assert fitted(rows) == table(rows)
    monkeypatch.setenv("COLUMNS", "10")
    assert "2026-11-24T00:00Z" in fitted(rows, whole=[0])


def test_progress_in_a_log_does_not_repeat_a_line_for_each_number(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 1.0, 1.0, 2.0, 2.0 + REPEAT_AFTER, 2.0 + REPEAT_AFTER, 20.0, 20.0])
    progress = Progress(lambda: next(times))
    for text in ("pushing 1 of 9 MB", "pushing 2 of 9 MB", "pushing 8 of 9 MB", "pushed"):
        progress.step(text)
    lines = [line.partition("] ")[2] for line in capsys.readouterr().err.splitlines()]
    assert lines == ["pushing 1 of 9 MB", "pushing 8 of 9 MB", "pushed"]


@pytest.mark.parametrize("group", ["config", "pins", "catalogues", "pipeline", "cluster"])
def test_every_group_says_what_may_have_been_meant(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([group, "chek"]) == 2
    assert capsys.readouterr().err.startswith(f"gitops {group}: no command 'chek'\n  try: ")
