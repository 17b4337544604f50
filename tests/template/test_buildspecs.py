"""The generated buildspecs: what they say, and that only what exists gets into them."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from gitops.cli import cli
from gitops.errors import GitopsError
from gitops.template.buildspecs import buildspecs
from tests.support.configs import REPOSITORY, every_config, sample, variation

NAMES = ("build", "bump", "validate", "deploy")


def spec(name: str, **kwargs: Any) -> Any:
    return yaml.safe_load(buildspecs(kwargs.get("config") or sample())[f"buildspec/{name}.yaml"])


def shell_lines(document: Any) -> list[str]:
    return [line for phase in document["phases"].values() for line in phase["commands"]]


def test_there_are_four_and_they_are_the_committed_ones() -> None:
    made = buildspecs(sample())
    assert sorted(made) == sorted(f"buildspec/{name}.yaml" for name in NAMES)
    assert {path: (REPOSITORY / path).read_bytes() for path in made} == made


@pytest.mark.parametrize("name", NAMES)
def test_every_shell_line_is_bash(name: str) -> None:
    for line in shell_lines(spec(name)):
        checked = subprocess.run(["bash", "-n", "-c", line], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, (line, checked.stderr)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_piped_into_an_interpreter_or_fetched_without_a_hash(name: str) -> None:
    text = buildspecs(sample())[f"buildspec/{name}.yaml"].decode()
    assert not re.search(r"curl|wget|get-pip|pip install(?!.*(--require-hashes|--no-index))", text)


@pytest.mark.parametrize("name", NAMES)
def test_the_sentence_names_the_line_of_the_runtime(name: str) -> None:
    text = buildspecs(sample())[f"buildspec/{name}.yaml"].decode()
    named = {int(number) for number in re.findall(rf"buildspec/{name}\.yaml:(\d+):", text)}
    assert [text.splitlines()[number - 1].strip() for number in named] == ['python: "3.13"']


def test_the_phase_after_a_failed_build_does_nothing() -> None:
    guard = spec("build")["phases"]["post_build"]["commands"][0]
    ends = {
        succeeding: subprocess.run(
            ["bash", "-c", f"{guard}\necho went on"], env={"CODEBUILD_BUILD_SUCCEEDING": succeeding}, check=False,
            capture_output=True, text=True,
        ).stdout
        for succeeding in "01"
    }  # fmt: skip
    assert ends == {"0": "", "1": "went on\n"}


def test_tests_run_before_the_image_is_built_and_report() -> None:
    tested = variation(("context: backend-app", "context: backend-app\n    test: make test"))
    document = spec("build", config=tested)
    assert "make test" in document["phases"]["pre_build"]["commands"][0]
    assert {report["file-format"] for report in document["reports"].values()} == {"JUNITXML", "COBERTURAXML"}
    assert "reports" not in spec("build")


def test_an_index_can_be_the_source_of_the_toolkit() -> None:
    from_index = variation(extra="pipeline: {toolkit: index}\n")
    assert any("pip download" in line for line in shell_lines(spec("build", config=from_index)))
    assert not any("s3 cp" in line for line in shell_lines(spec("build", config=from_index)))


REFUSED = {
    '{image: "aws/codebuild/standard:2.0"}': (
        "build image aws/codebuild/standard:2.0: is no longer maintained by AWS\n  try: use aws/codebuild/standard:8.0"
    ),
    '{python: "3.7"}': (
        "Python 3.7: cannot run the toolkit on aws/codebuild/amazonlinux-x86_64-standard:6.0"
        " (it needs 3.11 to 3.14)\n  try: one of 3.11, 3.12, 3.13, 3.14"
    ),
    '{image: "aws/codebuild/standard:8.1"}': "did you mean 'aws/codebuild/standard:8.0'?",
}


@pytest.mark.parametrize(("pipeline", "error"), REFUSED.items())
def test_an_image_or_runtime_that_codebuild_lacks_is_refused(pipeline: str, error: str) -> None:
    with pytest.raises(GitopsError) as caught:
        buildspecs(variation(extra=f"pipeline: {pipeline}\n"))
    assert error in str(caught.value)


def toolkit_commands() -> list[list[str]]:
    """Each `gitops …` of every config's buildspecs, as an argument list; what the shell fills in is "1"."""
    found = set()
    for config in every_config().values():
        for text in buildspecs(config).values():
            for line in shell_lines(yaml.safe_load(text)):
                for match in re.finditer(
                    r"(?:^|\s)gitops (?!needs)((?:(?!&&|\|\||[;>]|\n).)+)", line.replace("\\\n", " ")
                ):
                    found.add(re.sub(r'"\$\([^)]*\)"|"[^"]*\$[^"]*"', "1", match[1]).strip())
    return [shlex.split(command) for command in sorted(found)]


def test_the_command_line_accepts_every_command_that_the_buildspecs_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PULL_REQUEST_ID", "SOURCE_COMMIT", "DESTINATION_COMMIT"):
        monkeypatch.setenv(name, "x")
    commands = toolkit_commands()
    assert {command[0] for command in commands} == {
        "--version",
        "build",
        "bump",
        "validate",
        "plan",
        "deploy",
        "pipeline",
    }
    for command in commands:
        if command == ["--version"]:
            continue
        context = cli.make_context("gitops", list(command))
        group: click.Command | None = cli
        rest = list(command)
        while isinstance(group, click.Group):
            _, group, rest = group.resolve_command(context, rest)
        assert group is not None
        try:
            group.make_context(group.name, rest, parent=context)
        except click.UsageError as error:
            pytest.fail(f"gitops {' '.join(command)}: {error.format_message()}")


@pytest.mark.parametrize("name", ["bump", "deploy"])
def test_builds_that_ask_the_origin_can_log_in_there(name: str) -> None:
    # As the role of the build: a deploy to another account has that account's profile for everything else.
    assert spec(name)["env"]["git-credential-helper"] == "yes"


@pytest.mark.parametrize("name", ["build", "validate"])
def test_other_builds_have_no_login(name: str) -> None:
    assert "git-credential-helper" not in spec(name)["env"]


def test_a_bump_has_a_name_to_commit_with(tmp_path: Path) -> None:
    variables = {key: value for key, value in spec("bump")["env"]["variables"].items() if key.startswith("GIT_")}
    nobody = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1"}
    asked = ["git", "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT"]
    named = subprocess.run(asked, env={**nobody, **variables}, capture_output=True, text=True, check=True).stdout
    assert named.startswith("gitops <gitops@localhost>")
    assert subprocess.run(asked, env=nobody, capture_output=True, check=False).returncode
