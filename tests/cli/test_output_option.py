"""`-o json`: every command with an answer has it, and says it as JSON."""

import json
from pathlib import Path

import click
import pytest

from gitops.cli import cli, run
from tests.cli.test_canary import every_command
from tests.support.manifest_server import bare, clone, server, url
from tests.support.manifests import NEW

__all__ = ["bare", "clone", "server", "url"]

WITHOUT = {
    "init": "asks, and writes a folder to start from",
    "demo": "tells a story",
    "config schema": "its answer is JSON always",
    "pins update": "writes a file",
    "catalogues refresh": "writes files",
    "pipeline up": "asks, and shows the work as it goes",
    "pipeline down": "asks, and shows the work as it goes",
    "pipeline logs": "the lines of a log",
    "pipeline run-local": "the lines of a log",
    "pipeline report": "writes a comment for people",
    "cluster harden": "asks, and shows the work as it goes",
    "teardown": "asks, and shows the work as it goes",
}
"""Commands without a form for programs, and why."""
COMMANDS = {" ".join(way): command for way, command in every_command(cli)}


def option(command: click.Command, name: str) -> click.Parameter | None:
    return next((each for each in command.params if name in each.opts), None)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_with_an_answer_has_it(name: str) -> None:
    command = COMMANDS[name]
    form, flag = option(command, "-o"), option(command, "--json")
    if name in WITHOUT:
        assert not form
        assert not flag
        return
    assert isinstance(form, click.Option)
    assert isinstance(flag, click.Option)
    assert "--output" in form.opts
    assert name == "build" or (isinstance(form.type, click.Choice) and "json" in form.type.choices)
    assert flag.hidden


def test_the_names_of_those_without_are_names() -> None:
    assert set(WITHOUT) <= set(COMMANDS)


IMAGE = ("--tag", "1.4.2", "--unchecked", "--digest", NEW)
RUNS = [
    ("bump", "backend-app", "-e", "staging", *IMAGE),
    ("bump", "worker-image", "-e", "staging", *IMAGE),
    ("verify", "staging", "smoke"),
    ("promote", "staging", "prod", "--unproved"),
    ("hold", "prod", "--reason", "a test"),
    ("unhold", "prod"),
    ("images",),
    ("config", "check"),
    ("render", "prod"),
    ("validate",),
    ("catalogues", "check"),
    ("generate", "--check"),
    ("template", "--check"),
    ("rollback", "prod", "--to", "HEAD~3", "--dry-run"),
    ("status", "--context", "nowhere"),
]


@pytest.mark.parametrize("way", [("-o", "json"), ("--output", "json"), ("--json",)])
def test_what_is_printed_is_json(
    way: tuple[str, ...], clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(clone)
    for words in RUNS:
        assert run([*words, *way]) in (0, 1, 3), words
        json.loads(capsys.readouterr().out)


def test_a_hold_says_what_was_committed(
    clone: Path, bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(clone)
    assert run(["hold", "prod", "--reason", "a test", "-o", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["environment"], said["held"], said["changed"]) == ("prod", True, [".gitops/holds/prod.yaml"])
    assert len(said["commit"]) == len(said["base"]) == 40
