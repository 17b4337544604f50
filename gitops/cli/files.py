"""Generated files shown, decided and written: what `init` and `generate` share."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from gitops.cli.output import echo, style, table
from gitops.clients.folder import read_files, write_files
from gitops.config import Config
from gitops.errors import GitopsError, count_of
from gitops.generate import generated_files
from gitops.generate.pins import PINS, shipped_pins
from gitops.generate.upgrade import (
    REMEMBERED,
    FileChange,
    conflict_diff,
    keep_current,
    recall,
    remember,
    take_generated,
    upgrade,
)

COLOR = {"create": "green", "update": "yellow", "merge": "yellow", "delete": "red", "conflict": "red"}


@dataclass(frozen=True)
class Folder:
    """One folder's changes, and what is remembered of it besides."""

    root: Path
    changes: tuple[FileChange, ...]
    others: Mapping[str, bytes]


def read_changes(root: Path, generated: Mapping[str, bytes], scope: tuple[str, ...] = ()) -> Folder:
    """Compare `generated` with what is in `root`, and with what was written there last.

    `scope` are the beginnings of the paths that `generated` is all of: what was written there and is no longer
    generated is deleted.
    """
    remembered = recall(read_files(root, [REMEMBERED]).get(REMEMBERED), str(root / REMEMBERED))
    ours = {path: text for path, text in remembered.items() if path.startswith(scope) or path in generated}
    others = {path: text for path, text in remembered.items() if path not in ours}
    return Folder(root, upgrade(generated, read_files(root, generated.keys() | ours.keys()), ours), others)


def decide(folders: Sequence[Folder], force: bool, ask: bool = True) -> list[Folder]:
    """Settle every conflict: by `force`, or by asking on a terminal. Raises `GitopsError` with the list elsewhere."""
    conflicts = [
        (folder.root, change) for folder in folders for change in folder.changes if change.action == "conflict"
    ]
    if conflicts and not force and not (ask and sys.stdin.isatty()):
        listed = "".join(f"\n  {folder / change.path}: {change.detail}" for folder, change in conflicts)
        raise GitopsError(
            str(conflicts[0][0]),
            f"{len(conflicts)} changed files would be overwritten; nothing was written{listed}",
            "run it on a terminal to decide file by file, or with --force to overwrite them",
        )
    return [
        replace(folder, changes=tuple(_settle(folder, change, force) for change in folder.changes))
        for folder in folders
    ]


def _settle(folder: Folder, change: FileChange, force: bool) -> FileChange:
    if change.action not in ("conflict", "keep") or (change.action == "keep" and not force):
        return change
    if force:
        return take_generated(change) if change.current != change.generated else change
    echo(f"{folder.root / change.path}: {change.detail}\n{conflict_diff(change)}")
    answer = click.prompt("keep it, or take the generated one?", type=click.Choice(["keep", "take"]), default="keep")
    return take_generated(change) if answer == "take" else keep_current(change)


def write(folder: Folder) -> None:
    """Write the changed files, and remember what was generated."""
    write_files(folder.root, {change.path: change.content for change in folder.changes if change.writes})
    generated = {change.path: change.generated for change in folder.changes if change.generated is not None}
    memory = remember({**folder.others, **generated})
    if read_files(folder.root, [REMEMBERED]).get(REMEMBERED) != memory:
        write_files(folder.root, {REMEMBERED: memory})


def show(folder: Folder) -> None:
    """A line a file that changes or was kept, and how many did not."""
    lines = [(change.action, change.path, change.detail) for change in folder.changes if change.action != "unchanged"]
    unchanged = len(folder.changes) - len(lines)
    echo(f"{folder.root}" + ("" if lines else f" · unchanged, {count_of(unchanged, 'file')}"))
    for line, (action, *_) in zip(table(lines, "  ").splitlines(), lines, strict=True):
        echo(line.replace(action, style(action, *[COLOR[action]] if action in COLOR else []), 1))
    if lines and unchanged:
        echo(f"  {unchanged} unchanged")


def document(folder: Folder) -> dict[str, Any]:
    """The same for programs: every file, with what becomes of it."""
    files = [{"path": each.path, "action": each.action, "detail": each.detail} for each in folder.changes]
    return {"folder": str(folder.root), "files": files}


def generate_changes(config: Config, root: Path) -> Folder:
    """What `gitops generate` would do in the manifest repository at `root`."""
    catalogue = read_changes(root, {PINS: shipped_pins()}).changes
    pins = next(change.content for change in catalogue if change.path == PINS)
    return read_changes(root, generated_files(config, pins), scope=("kustomize/", "buildspec/"))
