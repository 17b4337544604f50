"""The two repositories side by side, as a developer clones them: finds the one from within the other."""

from pathlib import Path

from gitops.config import CONFIG_FILE, Config, load_config
from gitops.errors import GitopsError, UsageError


def config_beside(start: Path) -> Path | None:
    """The gitops.yaml beside the source repository that `start` is in, if there is exactly one that names it.

    None where `start` or a folder above has a gitops.yaml of its own.
    """
    if any((folder / CONFIG_FILE).is_file() for folder in (start, *start.parents)):
        return None
    top = _top(start)
    if top is None:
        return None
    beside = (file for file in sorted(top.parent.glob(f"*/{CONFIG_FILE}")) if file.is_file())
    found = [file for file in beside if _names(file, top.name)]
    return found[0] if len(found) == 1 else None


def _names(file: Path, folder: str) -> bool:
    """The file's source repository is called `folder`. A broken file names nothing: it is no concern of this folder."""
    try:
        return source_folder(load_config(file)) == folder
    except GitopsError:
        return False


def source_folder(config: Config) -> str:
    """What a clone of the source repository is called by default."""
    return config.source.repository.rpartition("/")[2]


def source_directory(config: Config, config_path: Path, start: Path) -> Path:
    """The source repository to build: the one that `start` is in, or the one beside the manifest repository.

    Raises `UsageError` where neither is there.
    """
    manifests = _top(config_path.resolve().parent)
    here = _top(start)
    if here is not None and here != manifests:
        return here
    if manifests is not None and any(
        (manifests / image.context / image.dockerfile).exists() for image in config.images
    ):
        return manifests
    beside = (manifests or config_path.resolve().parent).parent / source_folder(config)
    if (beside / ".git").exists():
        return beside
    raise UsageError("build", f"no source repository here, nor in {beside}", "give its folder: --source DIR")


def _top(start: Path) -> Path | None:
    """The top of the repository that `start` is in."""
    folders = (start.resolve(), *start.resolve().parents)
    return next((folder for folder in folders if (folder / ".git").exists()), None)
