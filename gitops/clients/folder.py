"""A folder's files: read together, written each in one step."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from gitops.errors import GitopsError


def read_files(root: Path, paths: Iterable[str]) -> dict[str, bytes]:
    """The content of those of `paths` (relative to `root`) that are there. Raises `GitopsError`."""
    result = {}
    for path in paths:
        try:
            result[path] = (root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            hint = "check its rights, and where its links lead"
            raise GitopsError(str(root / path), f"cannot be read ({error.strerror})", hint) from error
    return result


def write_files(root: Path, files: Mapping[str, bytes | None]) -> None:
    """Write each file, or remove it where its content is None, with the folders that become empty.

    A file appears whole or not at all. Nothing is written through a symbolic link out of `root`. Raises `GitopsError`.
    """
    for path in files:
        if not (root / path).resolve().is_relative_to(root.resolve()):
            raise GitopsError(str(root / path), "leads out of the folder by a symbolic link", "remove the link")
    for path, content in files.items():
        try:
            _remove(root, root / path) if content is None else _write(root / path, content)
        except OSError as error:
            raise GitopsError(
                str(root / path), f"cannot be written ({error.strerror})", "check the folder's rights and free space"
            ) from error


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".gitops-{os.urandom(8).hex()}")
    # Not by mkstemp: the mode of a new file is what the process's umask leaves of this one.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
        if file.exists():
            os.chmod(temporary, file.stat().st_mode & 0o777)
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise


def _remove(root: Path, file: Path) -> None:
    file.unlink(missing_ok=True)
    for folder in file.parents:
        if folder == root or not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()
