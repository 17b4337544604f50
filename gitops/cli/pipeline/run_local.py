"""`gitops pipeline run-local`: run a stage's buildspec on this machine, the way CodeBuild does."""

import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops.cli.output import echo, style
from gitops.errors import DONE, FAILED, GitopsError, UsageError, count_of, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitops.buildspec import Buildspec
    from gitops.cli.context import Context
    from gitops.local_build import Event, LocalBuild, Outcome

INPUTS = {"Built": "build", "Plan": "validate"}
"""Name of an input, as in CODEBUILD_SRC_DIR_NAME -> the stage that hands it on."""

_KEPT = ("PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "TERM", "SHELL", "NO_COLOR")
_KEPT_PREFIXES = ("AWS_", "DOCKER_", "GIT_", "KUBE", "PIP_", "SSL_", "XDG_", "REQUESTS_CA", "LC_")
"""What a build sees of this machine's environment: what leads to the network, the tools and the credentials. In
CodeBuild there is nothing of a developer's own, so a buildspec that needs more must fail here too."""


@click.command()
@click.argument("stage")
@click.option("--buildspec", type=click.Path(dir_okay=False, path_type=Path), help="File to run; buildspec/STAGE.yaml.")
@click.option("--source", type=click.Path(path_type=Path), help="Clone of the source repository; the one beside.")
@click.option("--input", "inputs", multiple=True, help="NAME=DIR: what another stage handed on.  [its last run here]")
@click.option("--env", "-e", "variables", multiple=True, help="NAME=VALUE, or NAME to take it from here.")
@click.option("--secret", "secrets", multiple=True, help="NAME of a variable here whose value is never shown.")
@click.option(
    "--wheel", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Wheel of gitops to install."
)
@click.option("--artifacts", type=click.Path(file_okay=False, path_type=Path), help="Where artifacts go.")
@click.option("--timeout", default=60, show_default=True, type=click.IntRange(1, 2160), help="Minutes for a command.")
@click.pass_obj
def command(
    context: "Context",
    stage: str,
    buildspec: Path | None,
    source: Path | None,
    inputs: tuple[str, ...],
    variables: tuple[str, ...],
    secrets: tuple[str, ...],
    wheel: Path | None,
    artifacts: Path | None,
    timeout: int,
) -> int:
    """Run the buildspec of STAGE (build, bump, validate, deploy) on this machine, the way CodeBuild does.

    It runs in fresh clones of the committed state, with CodeBuild's variables and none of your own but AWS's, git's and
    Docker's. What it does to registries, repositories and clusters it really does.

    \b
    gitops pipeline run-local build --wheel dist/gitops-0.1.0-py3-none-any.whl
    gitops pipeline run-local deploy --wheel dist/gitops-0.1.0-py3-none-any.whl -e GITOPS_TARGET=staging
    """
    from gitops.buildspec import read_buildspec
    from gitops.clients.process import follow
    from gitops.hidden import remember
    from gitops.local_build import LocalBuild, environment, run_build

    file = buildspec or _stage_file(context.root, stage)
    spec = read_buildspec(_read(file), os.path.relpath(file))
    hidden = {name: _taken(name, "--secret") for name in secrets}
    remember(hidden.values())
    with tempfile.TemporaryDirectory(prefix="gitops-build-") as work:
        folder = Path(work).resolve()
        given = _base_environment() | _variables(variables) | _codebuild(context, stage, folder)
        given |= _wheel(spec, given, wheel) | _inputs(context, spec, inputs)
        given |= _runtime(spec, folder, given["PATH"]) | _sources(context, spec, folder, source)
        build = LocalBuild(
            spec=spec,
            source=folder / "src",
            state=folder / "state",
            artifacts=(artifacts or _last_artifacts(context, stage)).resolve(),
            env=environment(spec, given, hidden),
            secrets=hidden,
            timeout=timeout * 60.0,
        )
        started = time.monotonic()
        outcome = run_build(build, follow, _show)
    _show_outcome(stage, build, outcome, time.monotonic() - started)
    return DONE if outcome.succeeded else FAILED


def _stage_file(root: Path, stage: str) -> Path:
    file = root / "buildspec" / f"{stage}.yaml"
    if not file.is_file():
        known = sorted(each.stem for each in (root / "buildspec").glob("*.yaml"))
        raise UsageError("run-local", f"no stage '{stage}' in {root / 'buildspec'}", nearest(stage, known))
    return file


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise GitopsError(str(file), f"cannot be read ({error.strerror})", "check the path") from error


def _base_environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k in _KEPT or k.lower().endswith("_proxy")}
    return kept | {k: v for k, v in os.environ.items() if k.startswith(_KEPT_PREFIXES)}


def _variables(given: tuple[str, ...]) -> dict[str, str]:
    pairs = (text.partition("=") for text in given)
    return {name: value if equals else _taken(name, "--env") for name, equals, value in pairs}


def _taken(name: str, option: str) -> str:
    if name not in os.environ:
        raise UsageError(option, f"{name} is not set here", f"export {name}=… first")
    return os.environ[name]


def _codebuild(context: "Context", stage: str, folder: Path) -> dict[str, str]:
    """The variables that CodeBuild sets (docs: build-env-ref-env-vars.html)."""
    region = context.config.region
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "CODEBUILD_BUILD_ID": f"{context.config.name}-{stage}:{context.run}",
        "CODEBUILD_BUILD_NUMBER": "1",
        "CODEBUILD_INITIATOR": "gitops pipeline run-local",
        "CODEBUILD_LOCAL_BUILD": "true",
        "CODEBUILD_SRC_DIR": str(folder / "src"),
        "CODEBUILD_START_TIME": str(int(time.time() * 1000)),
    }


def _wheel(spec: "Buildspec", given: "Mapping[str, str]", wheel: Path | None) -> dict[str, str]:
    if wheel:
        return {
            "GITOPS_WHEEL": str(wheel.resolve()),
            "GITOPS_WHEEL_SHA256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        }
    if spec.mentions("GITOPS_WHEEL") and "GITOPS_WHEEL" not in {**spec.variables, **given}:
        raise UsageError("run-local", f"{spec.file} installs gitops from a wheel", "name one: --wheel FILE.whl")
    return {}


def _inputs(context: "Context", spec: "Buildspec", given: tuple[str, ...]) -> dict[str, str]:
    """CODEBUILD_SRC_DIR_NAME for each input: given, or what its stage handed on in its last run here."""
    found = {name: path for name, equals, path in (text.partition("=") for text in given) if equals}
    for name, stage in INPUTS.items():
        last = _last_artifacts(context, stage)
        if name not in found and last.is_dir() and spec.mentions(f"CODEBUILD_SRC_DIR_{name}"):
            found[name] = str(last)
    for name, path in found.items():
        if not Path(path).is_dir():
            raise UsageError("--input", f"{name}: there is no folder {path}", "say NAME=DIR")
    return {f"CODEBUILD_SRC_DIR_{name}": str(Path(path).resolve()) for name, path in found.items()}


def _last_artifacts(context: "Context", stage: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "gitops" / "run-local" / context.config.name / stage


def _runtime(spec: "Buildspec", folder: Path, path: str) -> dict[str, str]:
    from gitops.clients.runtime import python_path

    wanted = {name: version for phase in spec.phases for name, version in phase.runtimes.items()}
    result = {}
    for name, version in wanted.items():
        found = python_path(version, folder / "runtime", path) if name == "python" else None
        if found:
            result["PATH"] = found
        else:
            echo(style(f"note: {name} {version} is not here; what PATH has is used", "dim"))
    return result


def _sources(context: "Context", spec: "Buildspec", folder: Path, source: Path | None) -> dict[str, str]:
    """Clones of the manifest repository, and of the source repository where it is asked for."""
    from gitops.cli.neighbours import source_directory
    from gitops.clients.checkout import check_out

    config = context.config
    commit = check_out(context.root, folder / "src", config.manifests.url or "")
    echo(f"manifests {commit[:7]} of {context.root}")
    result = {"CODEBUILD_RESOLVED_SOURCE_VERSION": commit}
    if spec.mentions("CODEBUILD_SRC_DIR_Source"):
        directory = source or source_directory(config, context.config_path, context.root)
        commit = check_out(directory, folder / "Source", config.source.url or "")
        echo(f"source {commit[:7]} of {directory}")
        result |= {"CODEBUILD_SRC_DIR_Source": str(folder / "Source"), "CODEBUILD_SOURCE_VERSION_Source": commit}
    return result


def _show(event: "Event") -> None:
    styles = {"phase": "bold", "command": "cyan", "failed": "red", "passed": "green", "note": "dim"}
    for number, line in enumerate(event.text.splitlines() or [""]):
        lead = {"command": "$ " if number == 0 else "  ", "line": "  ", "note": "note: "}.get(event.kind, "")
        text = {"phase": f"\n{line}", "passed": f"{line}: passed", "failed": f"{line}: failed"}.get(event.kind, line)
        echo(style(lead + text, styles[event.kind]) if event.kind in styles else lead + text)


def _show_outcome(stage: str, build: "LocalBuild", outcome: "Outcome", seconds: float) -> None:
    echo()
    for name, files in outcome.reports.items():
        echo(f"report {name}: {count_of(len(files), 'file')} ({_format(build, name)})")
    for name, value in outcome.exported.items():
        echo(f"exported {name}={value}")
    if outcome.artifacts:
        echo(f"artifacts in {build.artifacts}: {', '.join(outcome.artifacts[:5])}{' …' * (len(outcome.artifacts) > 5)}")
    if outcome.succeeded:
        echo(style(f"{stage}: succeeded after {seconds:.0f} s", "green"))
    else:
        echo(style(f"{stage}: failed in {', '.join(outcome.failed)} after {seconds:.0f} s", "red"))


def _format(build: "LocalBuild", name: str) -> str:
    return next(each.format for each in build.spec.reports if each.name == name)
