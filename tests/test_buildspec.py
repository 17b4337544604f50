"""A buildspec is read as CodeBuild reads it, and every mistake is named with its line."""

import textwrap

import pytest

from gitops.buildspec import FileSet, read_buildspec
from gitops.errors import GitopsError
from gitops.template.buildspecs import buildspecs
from tests.support.configs import sample

FULL = """\
version: 0.2
env:
  shell: bash
  git-credential-helper: yes
  variables: {ANSWER: 42, FLAG: true}
  parameter-store: {TOKEN: /eks-work/token}
  secrets-manager: {PASSWORD: "db:password"}
  exported-variables: [COMMIT]
phases:
  build:
    on-failure: CONTINUE
    commands: [make, "echo a: b"]
    finally: [make clean]
  install:
    runtime-versions: {python: "3.10"}
    commands: [pip install x]
reports:
  tests:
    base-directory: /tmp/reports
    files: ["**/*.xml"]
artifacts:
  files: ["built/*"]
  discard-paths: yes
  secondary-artifacts:
    docs: {files: ["**/*"], base-directory: site, exclude-paths: [draft]}
"""


def read(text: str) -> object:
    return read_buildspec(textwrap.dedent(text).encode(), "buildspec/build.yaml")


def mistakes(text: str) -> str:
    with pytest.raises(GitopsError) as caught:
        read(text)
    return str(caught.value)


def test_all_that_a_buildspec_says_is_read() -> None:
    spec = read_buildspec(FULL.encode(), "buildspec.yml")
    assert spec.shell == "bash"
    assert spec.variables == {"ANSWER": "42", "FLAG": "true"}
    assert (spec.parameters, spec.secrets) == ({"TOKEN": "/eks-work/token"}, {"PASSWORD": "db:password"})
    assert spec.exported == ("COMMIT",)
    assert spec.artifacts == (
        FileSet("", ("built/*",), discard_paths=True),
        FileSet("docs", ("**/*",), "site", ("draft",)),
    )
    assert spec.reports == (FileSet("tests", ("**/*.xml",), "/tmp/reports", format="JUNITXML"),)


def test_phases_come_in_the_order_that_they_are_run() -> None:
    install, build = read_buildspec(FULL.encode(), "buildspec.yml").phases
    assert (install.name, install.runtimes, install.commands) == ("install", {"python": "3.10"}, ("pip install x",))
    assert (build.name, build.commands, build.finally_) == ("build", ("make", "echo a: b"), ("make clean",))
    assert build.on_failure == "CONTINUE"


@pytest.mark.parametrize("name", ["build", "bump", "validate", "deploy"])
def test_the_generated_buildspecs_are_without_a_mistake(name: str) -> None:
    path = f"buildspec/{name}.yaml"
    assert read_buildspec(buildspecs(sample())[path], path).shell == "bash"


def test_every_mistake_is_reported_at_once_with_its_place() -> None:
    assert mistakes(
        """\
        version: 0.1
        envs: {}
        phases:
          biuld: {commands: [make]}
          build:
            on-failure: STOP
            commands: make
          install:
            runtime-versions: {python: 3.10}
        artifacts:
          files: [../secret]
        """
    ).splitlines()[::2] == [
        "buildspec/build.yaml:2:7: has the unknown key 'envs'",
        "buildspec/build.yaml:1:10: is of version 0.1, not 0.2",
        "buildspec/build.yaml:4:10: has the unknown key 'biuld'",
        "buildspec/build.yaml:9:32: has the version 3.1 without quotes",
        "buildspec/build.yaml:6:17: has on-failure STOP",
        "buildspec/build.yaml:7:15: has something else than a list at commands",
        "buildspec/build.yaml:6:5: has no commands in build",
        "buildspec/build.yaml:11:3: names ../secret, outside of the source",
    ]


def test_a_command_that_yaml_takes_for_a_mapping_is_named() -> None:
    said = mistakes("version: 0.2\nphases:\n  build:\n    commands:\n      - echo one: two\n")
    assert said.startswith("buildspec/build.yaml:5:9: has an item of commands that is no text: an unquoted ': '")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: is no buildspec"),
        ("- a\n", "1:1: is no buildspec"),
        ("version: [\n", "2:1: is not YAML"),
        ("version: 0.2\n", "has no phases"),
        ("version: 0.2\nenv: {shell: powershell.exe}\nphases: {build: {commands: [x]}}\n", "is not run here"),
    ],
)
def test_what_is_no_buildspec_is_one_line(text: str, said: str) -> None:
    assert said in mistakes(text)
