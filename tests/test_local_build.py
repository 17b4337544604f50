"""A buildspec run on this machine as in CodeBuild: what follows a failure, what is handed on, what is hidden."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitops.buildspec import read_buildspec
from gitops.clients.process import follow
from gitops.errors import GitopsError
from gitops.local_build import Event, LocalBuild, Outcome, environment, run_build


class Bench:
    """Runs buildspecs in a source folder, and keeps what was shown."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "src"
        self.source.mkdir()
        self.artifacts = folder / "artifacts"
        self.state = folder / "state"
        self.shown: list[Event] = []

    def run(
        self,
        text: str,
        given: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> Outcome:
        spec = read_buildspec(b"version: 0.2\n" + textwrap.dedent(text).encode(), "buildspec.yml")
        env = environment(spec, {"PATH": "/usr/local/bin:/usr/bin:/bin", **(given or {})}, secrets or {})
        build = LocalBuild(spec, self.source, self.state, self.artifacts, env, secrets or {}, timeout)
        return run_build(build, follow, self.shown.append)

    def texts(self, kind: str) -> list[str]:
        return [event.text for event in self.shown if event.kind == kind]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_folder_and_variables_go_from_command_to_command_and_phase_to_phase(bench: Bench) -> None:
    outcome = bench.run(
        """
        phases:
          install: {commands: ["mkdir -p a/b && cd a", "export ONE='with \\"quotes\\" and $dollar'", "TWO=2"]}
          build: {commands: ["cd b", "pwd", "echo \\"$ONE $TWO\\""]}
        """
    )
    assert outcome.succeeded
    assert bench.texts("line") == [str(bench.source / "a" / "b"), 'with "quotes" and $dollar 2']


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_command_that_exits_ends_itself_only(bench: Bench, shell: str) -> None:
    outcome = bench.run(
        f"env: {{shell: {shell}}}\nphases: {{build: {{commands: ['export A=1; exit 0', 'echo $A']}}}}\n"
    )
    assert outcome.succeeded
    assert bench.texts("line") == ["1"]


def test_the_shell_is_the_one_asked_for(bench: Bench) -> None:
    bench.run("env: {shell: bash}\nphases: {build: {commands: ['[[ a == a ]] && echo ${BASH_VERSION:+bash}']}}\n")
    assert bench.texts("line") == ["bash"]


@pytest.mark.parametrize(
    ("phase", "on_failure", "ran"),
    [
        ("install", "", ["install"]),
        ("pre_build", "", ["install", "pre_build"]),
        ("build", "", ["install", "pre_build", "build", "post_build"]),
        ("build", "ABORT", ["install", "pre_build", "build"]),
        ("install", "CONTINUE", ["install", "pre_build", "build", "post_build"]),
        ("post_build", "", ["install", "pre_build", "build", "post_build"]),
    ],
)
def test_what_follows_a_failed_phase(bench: Bench, phase: str, on_failure: str, ran: list[str]) -> None:
    phases = dict.fromkeys(("install", "pre_build", "build", "post_build"), "echo ran") | {phase: "false"}
    lines = ["phases:"]
    for name, command in phases.items():
        lines += [f"  {name}:", f"    commands: ['{command}']"]
        lines += [f"    on-failure: {on_failure}"] if on_failure and name == phase else []
    outcome = bench.run("\n".join(lines) + "\n")
    assert bench.texts("phase") == ran
    assert outcome.failed == (phase,)


def test_a_failed_command_ends_its_phase_but_not_its_finally(bench: Bench) -> None:
    outcome = bench.run("phases: {build: {commands: ['exit 3', 'echo never'], finally: ['echo always']}}\n")
    assert bench.texts("line") == ["(exit code 3)", "always"]
    assert not outcome.succeeded


def test_post_build_is_told_whether_the_build_succeeded(bench: Bench) -> None:
    bench.run(
        """
        phases:
          pre_build: {commands: ['echo "pre $CODEBUILD_BUILD_SUCCEEDING"']}
          build: {commands: ['false']}
          post_build: {commands: ['echo "post $CODEBUILD_BUILD_SUCCEEDING"']}
        """
    )
    assert bench.texts("line") == ["pre 1", "(exit code 1)", "post 0"]


def test_only_the_last_command_of_a_block_decides_as_in_codebuild(bench: Bench) -> None:
    assert bench.run("phases:\n  build:\n    commands:\n      - |\n        false\n        true\n").succeeded


def test_what_the_person_gives_is_over_what_the_buildspec_says(bench: Bench) -> None:
    bench.run("env: {variables: {A: spec, B: spec}}\nphases: {build: {commands: ['echo $A $B']}}\n", {"B": "given"})
    assert bench.texts("line") == ["spec given"]


def test_nothing_else_of_this_machines_environment_is_seen(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_VARIABLE", "mine")
    bench.run("phases: {build: {commands: ['echo \"[${OWN_VARIABLE:-}]\"']}}\n")
    assert bench.texts("line") == ["[]"]


def test_a_secret_is_never_shown(bench: Bench) -> None:
    text = """
        env: {secrets-manager: {PASSWORD: "db:password"}, exported-variables: [COPY]}
        phases: {build: {commands: ['echo "$PASSWORD"; export COPY="<$PASSWORD>"', 'echo hunter2-secret']}}
        """
    outcome = bench.run(text, secrets={"PASSWORD": "hunter2-secret"})
    assert "hunter2-secret" not in repr(bench.shown) + repr(outcome)
    assert bench.texts("line") == ["***", "***"]
    assert outcome.exported == {"COPY": "<***>"}


def test_a_secret_that_is_not_given_is_an_error_before_anything_runs(bench: Bench) -> None:
    with pytest.raises(GitopsError, match="needs the secret PASSWORD"):
        bench.run("env: {secrets-manager: {PASSWORD: 'db:password'}}\nphases: {build: {commands: ['true']}}\n")
    assert bench.shown == []


def test_exported_variables_are_those_at_the_end(bench: Bench) -> None:
    text = """
        env: {exported-variables: [COMMIT, NEVER]}
        phases: {build: {commands: ["export COMMIT='a b'"]}, post_build: {commands: ["export COMMIT=c"]}}
        """
    assert bench.run(text).exported == {"COMMIT": "c", "NEVER": ""}


def test_artifacts_are_the_files_that_match(bench: Bench) -> None:
    text = """
        phases: {build: {commands: ["mkdir -p built/deep site", "touch built/a built/deep/b site/c site/draft other"]}}
        artifacts:
          files: ["built/**/*"]
          secondary-artifacts: {docs: {files: ["*"], base-directory: site, exclude-paths: [draft]}}
        """
    outcome = bench.run(text)
    assert outcome.artifacts == ("built/a", "built/deep/b", "docs/c")
    assert (bench.artifacts / "built/deep/b").is_file()


def test_paths_are_discarded_where_asked(bench: Bench) -> None:
    text = """
        phases: {build: {commands: ["mkdir -p built/deep && touch built/deep/b"]}}
        artifacts: {files: ["built/**/*"], discard-paths: yes}
        """
    assert bench.run(text).artifacts == ("b",)


def test_artifacts_of_the_last_run_are_gone(bench: Bench) -> None:
    bench.artifacts.mkdir()
    (bench.artifacts / "old").touch()
    bench.run("phases: {build: {commands: ['touch new']}}\nartifacts: {files: [new]}\n")
    assert [path.name for path in bench.artifacts.iterdir()] == ["new"]


@pytest.mark.parametrize("kind", ["artifacts: {files: [nothing]}", "reports: {tests: {files: [nothing.xml]}}"])
def test_files_that_are_not_there_fail_the_upload(bench: Bench, kind: str) -> None:
    outcome = bench.run(f"phases: {{build: {{commands: ['true']}}}}\n{kind}\n")
    assert outcome.failed == ("upload_artifacts",)
    assert "no file is there" in bench.texts("note")[0]


def test_reports_are_found_outside_of_the_source_too(bench: Bench, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    text = f"""
        phases: {{build: {{commands: ["mkdir -p {reports} && touch {reports}/junit.xml"]}}}}
        reports: {{tests: {{files: ["**/junit*.xml"], base-directory: {reports}}}}}
        """
    assert bench.run(text).reports == {"tests": (reports / "junit.xml",)}


def test_a_command_that_takes_too_long_is_stopped_with_all_it_started(bench: Bench, tmp_path: Path) -> None:
    late = tmp_path / "late"
    with pytest.raises(GitopsError, match="took over 1 s and was stopped"):
        bench.run(f"phases: {{build: {{commands: ['(sleep 3; touch {late}) & sleep 30']}}}}\n", timeout=1)
    assert not late.exists()


def test_what_runs_on_in_the_background_does_not_hold_the_build(bench: Bench) -> None:
    assert bench.run("phases: {build: {commands: ['sleep 20 &', 'echo on']}}\n").succeeded
    assert bench.texts("line") == ["on"]


def test_what_only_codebuild_does_is_said(bench: Bench) -> None:
    bench.run("run-as: nobody\nphases: {build: {commands: ['true'], on-failure: RETRY-2}}\n")
    assert bench.texts("note") == ["run-as: not done here", "on-failure: RETRY-2 of build: not tried again here"]


def test_a_shell_that_is_not_there_is_one_line(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitopsError, match="bash: cannot be started"):
        bench.run("env: {shell: bash}\nphases: {build: {commands: ['true']}}\n", {"PATH": str(tmp_path)})
