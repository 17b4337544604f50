"""What changed in a repository since a revision, by file."""

import os
from pathlib import Path

from gitops.clients.git import GitRepository


def changed_since(root: Path, revision: str) -> set[str]:
    """Files below `root`, named from it, that differ from `revision`: committed, changed or new in the work tree.

    Raises `GitopsError` where `root` is in no repository, or the revision is unknown.
    """
    repository = GitRepository.discover(root)
    top = Path(os.path.realpath(repository.directory))
    differing = repository.text("diff", "--name-only", "--no-renames", "-z", "--end-of-options", revision, "--")
    new = repository.text("ls-files", "--others", "--exclude-standard", "-z")
    below = os.path.relpath(os.path.realpath(root), top).replace(os.sep, "/")
    names = {name for name in (differing + "\0" + new).split("\0") if name}
    if below == ".":
        return names
    return {name.removeprefix(f"{below}/") for name in names if name.startswith(f"{below}/")}
