"""A buildspec (version 0.2) as data, read with every mistake at its line. Pure.

The format: docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

from gitops import yaml_bounds
from gitops.config.reader import node_at
from gitops.errors import GitopsError, Problems, nearest

PHASES = ("install", "pre_build", "build", "post_build")
"""In the order that they are run."""

REPORT_FORMATS = (
    *("JUNITXML", "CUCUMBERJSON", "TESTNGXML", "VISUALSTUDIOTRX", "NUNITXML", "NUNIT3XML"),
    *("CLOVERXML", "COBERTURAXML", "JACOCOXML", "SIMPLECOV"),
)


@dataclass(frozen=True)
class Phase:
    """Commands, those that are run after them whatever happened, and what a failure means."""

    name: str
    commands: tuple[str, ...] = ()
    finally_: tuple[str, ...] = ()
    on_failure: str = ""
    """ABORT, CONTINUE, RETRY…; empty for CodeBuild's own order: after `build` comes `post_build` in any case."""
    runtimes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FileSet:
    """Files that a build hands on: patterns relative to `base`."""

    name: str
    files: tuple[str, ...]
    base: str = ""
    exclude: tuple[str, ...] = ()
    discard_paths: bool = False
    format: str = ""
    """Of a report."""


@dataclass(frozen=True)
class Buildspec:
    """All that a build runs and hands on."""

    file: str
    phases: tuple[Phase, ...]
    shell: str = "sh"
    variables: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Variable -> name in the Parameter Store."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Variable -> secret-id:json-key:version-stage:version-id of the Secrets Manager."""
    exported: tuple[str, ...] = ()
    artifacts: tuple[FileSet, ...] = ()
    """The primary ones, whose name is empty, and the secondary ones."""
    reports: tuple[FileSet, ...] = ()
    not_run_here: tuple[str, ...] = ()
    """What only CodeBuild does: `run-as`, `proxy`, `batch`."""

    def mentions(self, name: str) -> bool:
        """Some command names the variable `name`."""
        return any(name in command for phase in self.phases for command in (*phase.commands, *phase.finally_))


def read_buildspec(data: bytes, file: str) -> Buildspec:
    """The buildspec `data`, called `file` in errors. Raises `GitopsError`, or `Problems` with all that is wrong."""
    try:
        node = yaml_bounds.compose(data.decode("utf-8-sig"))
        document = yaml_bounds.load(data)
    except UnicodeDecodeError as error:
        raise GitopsError(file, f"is not UTF-8 (byte {error.start + 1})", "save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        raise GitopsError(place, f"is not YAML: {error.problem}", "check the indentation and quotes there") from error
    if not isinstance(document, dict) or node is None:
        raise GitopsError(f"{file}:1:1", "is no buildspec", "it begins with version: 0.2")
    return _Reader(file, node).read(document)


class _Reader:
    """Takes the document apart, noting problems instead of stopping at the first."""

    def __init__(self, file: str, root: yaml.Node) -> None:
        self.file = file
        self.root = root
        self.problems: list[GitopsError] = []

    def read(self, document: dict[str, Any]) -> Buildspec:
        self._keys(
            document, (), "version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"
        )
        if str(document.get("version")) != "0.2":
            self._note(("version",), f"is of version {document.get('version')}, not 0.2", "write version: 0.2")
        env = self._mapping(document, (), "env")
        self._env_keys(env)
        spec = Buildspec(
            file=self.file,
            phases=self._phases(self._mapping(document, (), "phases")),
            shell=str(env.get("shell", "sh")),
            variables=self._texts(env, ("env",), "variables"),
            parameters=self._texts(env, ("env",), "parameter-store"),
            secrets=self._texts(env, ("env",), "secrets-manager"),
            exported=self._list(env, ("env",), "exported-variables"),
            artifacts=self._artifacts(self._mapping(document, (), "artifacts")),
            reports=self._reports(self._mapping(document, (), "reports")),
            not_run_here=tuple(key for key in ("run-as", "proxy", "batch") if key in document),
        )
        if self.problems:
            raise Problems(self.problems)
        return spec

    def _env_keys(self, env: dict[str, Any]) -> None:
        known = ("shell", "variables", "parameter-store", "secrets-manager", "exported-variables")
        self._keys(env, ("env",), *known, "git-credential-helper")
        if env.get("shell", "sh") not in ("bash", "/bin/bash", "sh", "/bin/sh"):
            self._note(("env", "shell"), f"has the shell {env['shell']}, which is not run here", "known: bash, sh")

    def _phases(self, phases: dict[str, Any]) -> tuple[Phase, ...]:
        self._keys(phases, ("phases",), *PHASES)
        if not phases:
            self._note(("phases",), "has no phases", "give one at least: install, pre_build, build, post_build")
        return tuple(self._phase(name, self._mapping(phases, ("phases",), name)) for name in PHASES if name in phases)

    def _phase(self, name: str, phase: dict[str, Any]) -> Phase:
        path = ("phases", name)
        self._keys(phase, path, "run-as", "on-failure", "runtime-versions", "commands", "finally")
        on_failure = str(phase.get("on-failure", ""))
        if on_failure and on_failure not in ("ABORT", "CONTINUE") and not on_failure.startswith("RETRY"):
            self._note((*path, "on-failure"), f"has on-failure {on_failure}", "known: ABORT, CONTINUE, RETRY")
        if "runtime-versions" in phase and name != "install":
            self._note((*path, "runtime-versions"), "has runtime-versions outside of install", "move it to install")
        commands, last = self._list(phase, path, "commands"), self._list(phase, path, "finally")
        if not commands and not phase.get("runtime-versions"):
            self._note(path, f"has no commands in {name}", "give some, or leave the phase out")
        return Phase(name, commands, last, on_failure, self._texts(phase, path, "runtime-versions"))

    def _artifacts(self, artifacts: dict[str, Any]) -> tuple[FileSet, ...]:
        known = ("files", "name", "discard-paths", "base-directory", "exclude-paths", "enable-symlinks", "s3-prefix")
        self._keys(artifacts, ("artifacts",), *known, "secondary-artifacts")
        sets = [self._file_set("", artifacts, ("artifacts",))] if "files" in artifacts else []
        secondary = self._mapping(artifacts, ("artifacts",), "secondary-artifacts")
        for name in secondary:
            path = ("artifacts", "secondary-artifacts", name)
            entry = self._mapping(secondary, path[:2], name)
            self._keys(entry, path, *known)
            sets.append(self._file_set(name, entry, path))
        return tuple(sets)

    def _reports(self, reports: dict[str, Any]) -> tuple[FileSet, ...]:
        sets = []
        for name in reports:
            entry, path = self._mapping(reports, ("reports",), name), ("reports", name)
            self._keys(entry, path, "files", "base-directory", "discard-paths", "file-format")
            kind = str(entry.get("file-format", "JUNITXML"))
            if kind not in REPORT_FORMATS:
                self._note((*path, "file-format"), f"has the report format {kind}", nearest(kind, REPORT_FORMATS))
            sets.append(self._file_set(str(name), entry, path, kind))
        return tuple(sets)

    def _file_set(self, name: str, entry: dict[str, Any], path: tuple[str, ...], kind: str = "") -> FileSet:
        files = self._list(entry, path, "files")
        if not files:
            self._note(path, "names no files", "give files: […]")
        base, exclude = str(entry.get("base-directory", "")), self._list(entry, path, "exclude-paths")
        for pattern in (*files, base):
            if not kind and (PurePosixPath(pattern).is_absolute() or ".." in PurePosixPath(pattern).parts):
                self._note(path, f"names {pattern}, outside of the source", "give a path below the source's folder")
        return FileSet(name, files, base, exclude, _is_yes(entry.get("discard-paths")), kind)

    def _keys(self, mapping: dict[str, Any], path: tuple[str, ...], *known: str) -> None:
        for key in mapping:
            if key not in known:
                self._note((*path, key), f"has the unknown key '{key}'", nearest(str(key), known))

    def _mapping(self, parent: dict[str, Any], path: tuple[str, ...], key: str) -> dict[str, Any]:
        return self._typed(parent, path, key, dict, "keys and values") or {}

    def _list(self, parent: dict[str, Any], path: tuple[str, ...], key: str) -> tuple[str, ...]:
        items = self._typed(parent, path, key, list, "a list") or []
        for index, item in enumerate(items):
            if isinstance(item, dict | list) or item is None:
                said = "an unquoted ': ' makes a mapping of a command" if isinstance(item, dict) else "not a text"
                self._note((*path, key, index), f"has an item of {key} that is no text: {said}", "put it in quotes")
        return tuple(str(item) for item in items)

    def _texts(self, parent: dict[str, Any], path: tuple[str, ...], key: str) -> dict[str, str]:
        mapping = self._typed(parent, path, key, dict, "keys and values") or {}
        for name, value in mapping.items():
            if isinstance(value, float) and key == "runtime-versions":
                self._note(
                    (*path, key, name), f"has the version {value} without quotes", f'write "{value}" as it is meant'
                )
        return {str(name): _text(value) for name, value in mapping.items()}

    def _typed(self, parent: dict[str, Any], path: tuple[str, ...], key: str, kind: type, said: str) -> Any:
        value = parent.get(key)
        if value is None or isinstance(value, kind):
            return value
        self._note((*path, key), f"has something else than {said} at {key}", "look at the reference of buildspecs")
        return None

    def _note(self, path: tuple[str | int, ...], problem: str, hint: str) -> None:
        mark = node_at(self.root, *path).start_mark
        self.problems.append(GitopsError(f"{self.file}:{mark.line + 1}:{mark.column + 1}", problem, hint))


def _text(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _is_yes(value: object) -> bool:
    return value is True or str(value).lower() == "yes"
