"""Source repositories that tests build from."""

import os
from pathlib import Path

from gitops.clients.git import GitRepository

DATE = "2026-11-20T10:00:00+0900"
"""Of every commit made here; 01:00 in UTC."""

APPLICATION = {"Dockerfile": "FROM scratch\nCOPY app.py /\n", "app.py": "print('one')\n"}


def source_repository(folder: Path, context: str = "backend-app", origin: str = "") -> GitRepository:
    """A repository on `main` with one commit: an application in the folder `context`, and a README beside it."""
    folder.mkdir(parents=True)
    git = GitRepository(folder)
    git.run("init", "--quiet", "--initial-branch=main")
    if origin:
        git.run("remote", "add", "origin", origin)
    commit(git, {f"{context}/{name}": text for name, text in APPLICATION.items()} | {"README.md": "Read me.\n"})
    return git


def commit(git: GitRepository, files: dict[str, str], message: str = "Change") -> str:
    """Write `files` and commit all; returns the commit."""
    for path, text in files.items():
        file = git.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    git.run("add", "--all")
    dates = {"GIT_AUTHOR_DATE": DATE, "GIT_COMMITTER_DATE": DATE}
    git.run("commit", "--quiet", "--allow-empty", "-m", message, env=dates)
    return git.head()


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, git's own too."""
    return {
        str(Path(root, name).relative_to(folder)): Path(root, name).read_bytes()
        for root, _, names in os.walk(folder)
        for name in names
    }
