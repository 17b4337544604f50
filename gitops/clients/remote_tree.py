"""The files of another repository at one commit, kept between runs."""

import os
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

from gitops.clients.git import GitRepository
from gitops.clients.git_objects import scratch_repository
from gitops.errors import GitopsError

_PLAIN = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_LFS_SKIP_SMUDGE": "1"}
"""No filter and no hook that this machine's git is told of touches the files."""


def fetched(repository: str, commit: str, trees: str) -> str:
    """The folder with the files of `commit` of `repository`, a URL; fetched into the folder `trees` where it is not
    there. Submodules and files of LFS are left as git has them. Raises `GitopsError` where it cannot be fetched.
    """
    kept = Path(trees) / sha256(repository.encode()).hexdigest()[:32] / commit
    if kept.is_dir():
        return str(kept)
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=kept.parent) as scratch:
        tree = Path(scratch) / "tree"
        tree.mkdir()
        _check_out(repository, commit, Path(scratch), tree)
        try:
            os.rename(tree, kept)
        except OSError:
            if not kept.is_dir():  # another process was quicker
                raise
    return str(kept)


def _check_out(repository: str, commit: str, scratch: Path, tree: Path) -> None:
    (scratch / "git").mkdir()
    git = scratch_repository(scratch / "git", repository)
    if len(commit) > len("0" * 40):
        shutil.rmtree(scratch / "git")
        (scratch / "git").mkdir()
        git.run("init", "--quiet", "--bare", "--object-format=sha256")
    git.run("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--depth=1", "origin", commit)
    found = git.text("rev-parse", "--verify", "FETCH_HEAD^{commit}")
    if found != commit:
        raise GitopsError(repository, f"gave {found} for {commit}", "name a commit, and not a tag's own id")
    env = {**_PLAIN, "GIT_DIR": str(scratch / "git"), "GIT_WORK_TREE": str(tree)}
    local = GitRepository(tree, env)
    local.run("read-tree", commit)
    local.run("-c", "core.autocrlf=false", "-c", "core.symlinks=true", "checkout-index", "--all")
