"""A repository as CodeBuild gets it: a full clone, its HEAD detached at one commit, `origin` where the real one is."""

from pathlib import Path

from gitops.clients.git import GitRepository
from gitops.errors import GitopsError


def check_out(repository: Path, into: Path, origin: str) -> str:
    """Clone the repository that `repository` is in, at its HEAD, into the new folder `into`; returns the commit.

    What is not committed stays behind. `origin` of the clone is `origin`, or the same as the repository's own. Raises
    `GitopsError` for a repository without commits.
    """
    git = GitRepository.discover(repository)
    commit = git.head()
    into.parent.mkdir(parents=True, exist_ok=True)
    GitRepository(into.parent).run("clone", "--quiet", "--no-checkout", str(git.directory), into.name)
    clone = GitRepository(into)
    clone.run("checkout", "--quiet", "--detach", commit)
    for key in ("user.name", "user.email"):
        _copy_setting(git, clone, key)
    if not (origin or git.address("origin")):
        raise GitopsError(str(repository), "has no origin to push to", "git remote add origin URL")
    clone.run("remote", "set-url", "origin", origin or git.text("remote", "get-url", "origin"))
    return commit


def _copy_setting(git: GitRepository, clone: GitRepository, key: str) -> None:
    value = git.text("config", "--default", "", "--get", key)
    if value:
        clone.run("config", key, value)
