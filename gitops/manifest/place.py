"""Where a bump is made: in the clone that one stands in, or at a URL without a clone; and what is done there after."""

import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gitops.clients.git import GitRepository
from gitops.config import CONFIG_FILE, Config, parse_config
from gitops.config.model import Field
from gitops.errors import GitopsError, UsageError, count_of
from gitops.manifest.bump import KUSTOMIZATIONS, Chooser, all_kustomizations, join, overlays_of
from gitops.manifest.repository import (
    Branch,
    Intent,
    LocalBranch,
    Proposal,
    ProposedBranch,
    RemoteBranch,
    Tree,
    Written,
    branch_of_clone,
    commit,
    fast_forward,
    propose,
    refuse_uncommitted,
    remote_without_clone,
)

OVERLAYS = "kustomize/overlays"
"""Where the overlays of environments are, unless the config says otherwise."""


@dataclass(frozen=True)
class Place:
    """A branch of the manifest repository, with the config that holds there."""

    config: Config
    branch: Branch
    clone: GitRepository | None = None
    """The clone that the user stands in; None where there is none."""
    prefix: str = ""
    """Folder of gitops.yaml in the repository; empty for its root."""
    tip: str = ""
    """The tip that was read already, if one was."""
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def tree(self) -> Tree:
        """The files at the tip of the branch, as it is now."""
        return Tree(self.branch.objects, self.tip or self.branch.tip(), self.branch.name)

    def path(self, name: str) -> str:
        """Where in the repository the file is that gitops.yaml calls `name`."""
        return join(self.prefix, name)

    def folder(self, environment: str) -> str:
        """Where the overlay of `environment` is. Raises `GitopsError` for one that is not in the config."""
        return join(self.prefix, self.config.environment(environment).path)

    def overlays(self, environments: Sequence[str]) -> Chooser:
        """The overlays of `environments`. Raises `GitopsError` for one that is not in the config."""
        folders = {name: self.config.environment(name).path for name in environments}
        return overlays_of(folders, config_file=self.config.file, prefix=self.prefix)

    def fields(self, environments: Sequence[str]) -> dict[str, tuple[Field, ...]]:
        """The fields outside of kustomizations that the config names for each of `environments`."""
        return {name: self.config.environment(name).fields for name in environments}

    def folders(self) -> dict[str, str]:
        """Where the overlay of each environment of the config is."""
        return {each.name: join(self.prefix, each.path) for each in self.config.environments}

    def everywhere(self) -> Chooser:
        """Every kustomization; the overlays of environments are called by their names."""
        return all_kustomizations({join(self.prefix, e.path): e.name for e in self.config.environments})

    def proposing(self, topic: str) -> "Place":
        """This place, but writing to the branch `topic`. Raises `GitopsError` where none can review that."""
        if not isinstance(self.branch, RemoteBranch):
            raise GitopsError(self.branch.name, "has no remote to propose to", "git remote add origin URL")
        git = self.branch.objects.git
        proposed = ProposedBranch(git, self.branch.branch, topic, scratch=self.clone is None)
        return replace(self, branch=proposed)

    def write(self, intent: Intent, *, dry_run: bool = False) -> Written:
        """Make `intent` true with one commit on the branch, or only work out what it would be."""
        if self.clone:
            refuse_uncommitted(self.clone, [join(self.prefix, CONFIG_FILE)])
        if dry_run:
            return propose(self.branch, intent, self.tip)
        return commit(
            self.branch,
            intent,
            check=self._check,
            tip=self.tip,
            now=self.now,
            sleep=self.sleep,
            random=self.random,
        )

    def _check(self, proposal: Proposal) -> None:
        if self.clone:
            refuse_uncommitted(self.clone, [], proposal.changed)

    def settle(self, written: Written) -> list[str]:
        """Bring the user's clone along after a push, where that touches nothing of theirs; what they should know."""
        if not self.clone or not written.commit or isinstance(self.branch, ProposedBranch):
            return []
        notes = []
        if not isinstance(self.branch, LocalBranch):
            branch = self.config.manifests.branch
            notes.append(fast_forward(self.clone, branch, written.commit, written.proposal.changed))
        if others := self.clone.changed_files():
            notes.append(f"{count_of(len(others), 'uncommitted file')} left untouched")
        return [note for note in notes if note]


def clone_place(config: Config, root: Path) -> Place:
    """The place of the clone that `root`, the folder of gitops.yaml, is in."""
    git = GitRepository.discover(root)
    prefix = root.resolve().relative_to(git.directory.resolve()).as_posix()
    return Place(config, branch_of_clone(git, config.manifests.branch), git, "" if prefix == "." else prefix)


@contextmanager
def remote_place(url: str, branch: str, environments: Sequence[str] = (), *, whole: bool = False) -> Iterator[Place]:
    """The place of `branch` at `url`; its gitops.yaml is the one at the tip.

    The overlays that `environments` have by default come along with it: one request less. With `whole` all files do.
    """
    if not re.fullmatch(r"(?!-)[^\s\x00-\x1f]+", url):
        raise UsageError("--repository", f"cannot be {url!r}", "give the URL of the manifest repository")
    if not re.fullmatch(r"(?![-/.])(?!.*(\.\.|//|@\{))[\w./@+-]+(?<![/.])", branch):
        raise UsageError("--branch", f"cannot be {branch!r}", "give the name of a branch, as in main")
    if Path(url).is_dir():
        # git runs elsewhere, where a relative path would lead to another folder.
        url = str(Path(url).resolve())
    with remote_without_clone(url, branch, whole=whole) as remote:
        tip = remote.tip()
        tree = Tree(remote.objects, tip, remote.name)
        likely = [f"{OVERLAYS}/{name}/{file}" for name in environments for file in KUSTOMIZATIONS]
        tree.prefetch([CONFIG_FILE, *likely])
        config = parse_config(tree.read_file(CONFIG_FILE))
        yield Place(config, remote, tip=tip)
