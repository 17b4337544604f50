"""A `Buildspec` run on this machine as CodeBuild runs it: phases, environment, artifacts, reports.

As in CodeBuild each command is a shell of its own, which gets the folder and the exported variables that the one before
it left; every variable that a command sets is exported (`set -a`). A command that fails ends its phase. After a failed
`install` or `pre_build` the build ends; after a failed `build` `post_build` is run all the same, unless the phase says
`on-failure: ABORT`. Artifacts are gathered in any case.

Docs: docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html, build-env-ref-env-vars.html.
"""

import os
import shlex
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gitops.buildspec import Buildspec, FileSet, Phase
from gitops.errors import GitopsError

MASK = "***"
"""What CodeBuild prints instead of a secret."""

_SHORTEST_SECRET = 4
"""Characters. Shorter values would blot out half of a log, and protect nothing."""

_SCRIPT = """\
set -a
if [ -f {state}/env ]; then . {state}/env; fi
CODEBUILD_BUILD_SUCCEEDING={succeeding}
cd "$(cat {state}/folder)" || exit 1
trap 'CODEBUILD_LAST_EXIT=$?; export -p > {state}/env; pwd > {state}/folder; exit $CODEBUILD_LAST_EXIT' EXIT
. {state}/command
"""


class Follow(Protocol):
    """Runs a command and hands on its lines (`gitops.clients.process.follow`)."""

    def __call__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str],
        line: Callable[[str], None],
        timeout: float,
    ) -> int: ...


@dataclass(frozen=True)
class Event:
    """What happens: `kind` is phase, command, line, passed, failed or note."""

    kind: str
    text: str


@dataclass(frozen=True)
class LocalBuild:
    """What a build is run with."""

    spec: Buildspec
    source: Path
    """The primary source, CODEBUILD_SRC_DIR: a folder that the build may change."""
    state: Path
    """A folder for what goes from one command to the next."""
    artifacts: Path
    """Where artifacts go; emptied first."""
    env: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Variables whose values are never shown."""
    timeout: float = 3600.0
    """Seconds for each command."""


@dataclass(frozen=True)
class Outcome:
    """How a build ended."""

    failed: tuple[str, ...]
    """Phases that failed, in order."""
    exported: Mapping[str, str]
    artifacts: tuple[str, ...]
    """Files handed on, relative to the artifacts' folder."""
    reports: Mapping[str, tuple[Path, ...]]

    @property
    def succeeded(self) -> bool:
        return not self.failed


def run_build(build: LocalBuild, follow: Follow, show: Callable[[Event], None]) -> Outcome:
    """Run the phases of `build`, gather what it hands on, and say how it ended."""
    run = _Run(build, follow, show)
    run.start()
    for phase in build.spec.phases:
        if not run.ended:
            run.phase(phase)
    return run.finish()


class _Run:
    """One run: which phases failed, and the state between commands."""

    def __init__(self, build: LocalBuild, follow: Follow, show: Callable[[Event], None]) -> None:
        self.build = build
        self.failed: list[str] = []
        self._follow = follow
        self._show = show
        self.ended = False
        self._hidden = sorted((v for v in build.secrets.values() if len(v) >= _SHORTEST_SECRET), key=len, reverse=True)

    def start(self) -> None:
        """Lay out the state; say what is not done here."""
        self.build.state.mkdir(parents=True, exist_ok=True)
        (self.build.state / "folder").write_text(f"{self.build.source}\n")
        for key in self.build.spec.not_run_here:
            self._show(Event("note", f"{key}: not done here"))
        for phase in self.build.spec.phases:
            if phase.on_failure.startswith("RETRY"):
                self._show(Event("note", f"on-failure: {phase.on_failure} of {phase.name}: not tried again here"))

    def phase(self, phase: Phase) -> None:
        """Run one phase: its commands to the first that fails, then those of `finally`."""
        self._show(Event("phase", phase.name))
        passed = all(self._command(command) for command in phase.commands)
        for command in phase.finally_:
            passed = self._command(command) and passed
        self._show(Event("passed" if passed else "failed", phase.name))
        if not passed:
            self.failed.append(phase.name)
            self.ended = _ends_build(phase)

    def _command(self, command: str) -> bool:
        """Run one command; False where it failed."""
        build = self.build
        self._show(Event("command", self._masked(command)))
        (build.state / "command").write_text(command + "\n")
        state, succeeding = shlex.quote(str(build.state)), 0 if self.failed else 1
        script = _SCRIPT.format(state=state, succeeding=succeeding)
        env = {**build.env, **build.secrets}
        status = self._follow(
            [build.spec.shell, "-c", script], folder=build.source, env=env, line=self._line, timeout=build.timeout
        )
        if status:
            self._show(Event("line", f"(exit code {status})"))
        return status == 0

    def _line(self, text: str) -> None:
        self._show(Event("line", self._masked(text)))

    def _masked(self, text: str) -> str:
        for value in self._hidden:
            text = text.replace(value, MASK)
        return text

    def finish(self) -> Outcome:
        """Gather reports and artifacts. A file set that matches nothing fails, as in CodeBuild."""
        build, taken = self.build, list[str]()
        reports = {each.name: tuple(matching(build.source, each)) for each in build.spec.reports}
        missing = [f"report {name}" for name, files in reports.items() if not files]
        shutil.rmtree(build.artifacts, ignore_errors=True)
        for each in build.spec.artifacts:
            files = matching(build.source, each)
            taken += _copy(files, each, build.source, build.artifacts / each.name)
            missing += [] if files else [f"artifact {each.name or ', '.join(each.files)}"]
        for name in missing:
            self._show(Event("note", f"{name}: no file is there"))
        if missing and not self.failed:
            self.failed.append("upload_artifacts")
            self._show(Event("failed", "upload_artifacts"))
        return Outcome(tuple(self.failed), self._exported(), tuple(sorted(taken)), reports)

    def _exported(self) -> dict[str, str]:
        """The values of `exported-variables`, by a shell: only that reads its own quoting back."""
        names, found = self.build.spec.exported, dict[str, str]()
        for name in names:
            lines: list[str] = []
            state = shlex.quote(str(self.build.state))
            script = f'if [ -f {state}/env ]; then . {state}/env; fi; printf "%s\\n" "${{{name}:-}}"'
            command = [self.build.spec.shell, "-c", script]
            self._follow(
                command, folder=self.build.source, env=self.build.env, line=lines.append, timeout=self.build.timeout
            )
            found[name] = self._masked("\n".join(lines))
        return found


def _ends_build(phase: Phase) -> bool:
    """A failure of `phase` is the end: what CodeBuild's table of transitions and `on-failure` say."""
    if phase.on_failure == "CONTINUE":
        return False
    return bool(phase.on_failure) or phase.name in ("install", "pre_build")


def matching(source: Path, files: FileSet) -> list[Path]:
    """The files that `files` names, in order. Folders are no files: `**/*` takes what is in them."""
    base = source / files.base
    found: set[Path] = set()
    for pattern in files.files:
        found.update(path for path in _glob(base, pattern) if path.is_file())
    excluded = {path for pattern in files.exclude for path in _glob(base, pattern)}
    return sorted(path for path in found - excluded if ".git" not in path.relative_to(base).parts)


def _glob(base: Path, pattern: str) -> Iterable[Path]:
    if Path(pattern).is_absolute():
        return Path("/").glob(pattern.lstrip("/"))
    return base.glob(pattern)


def _copy(files: Iterable[Path], kind: FileSet, source: Path, into: Path) -> list[str]:
    """Copy `files` below `into`, with their paths under the base unless those are discarded."""
    taken = []
    for file in files:
        path = Path(file.name) if kind.discard_paths else file.relative_to(source / kind.base)
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, into / path)
        taken.append(os.path.join(kind.name, path))
    return taken


def environment(spec: Buildspec, given: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """The variables of a build: the buildspec's, over them those `given` by the project or the person.

    Raises `GitopsError` for a secret of the buildspec that `secrets` has not.
    """
    missing = [name for name in (*spec.parameters, *spec.secrets) if name not in secrets]
    if missing:
        names = ", ".join(missing)
        raise GitopsError(spec.file, f"needs the secret {names}", f"export it and say --secret {missing[0]}")
    return {**spec.variables, **given}
