"""A folder, or a branch of the manifest repository, as a target: a release is rendered objects, one file each."""

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import yaml

from gitops.apply.events import Event
from gitops.clients.git import GitFailed, GitRepository
from gitops.errors import GitopsError
from gitops.inventory import HISTORY, Entry, Inventory
from gitops.objects import OWNER, KubeObject, ObjectRef
from gitops.plan.model import Plan, Release, Snapshot
from gitops.plan.planner import owned_after, sized
from gitops.plan.summary import images_of
from gitops.render.text import to_yaml

RELEASE_FILE = ".gitops-release"
"""Says what was released, and which files are ours. It has no ending: no controller takes it for a manifest."""
PUSHES = 5
"""How often a release is committed anew on a branch that moved meanwhile."""

Files = Mapping[str, bytes]


class Store(Protocol):
    """Files that a release is kept in."""

    @property
    def name(self) -> str:
        """As a person calls it."""

    def read(self) -> Files:
        """Every file there, by path."""

    def released(self) -> list[tuple[str, str, str]]:
        """Revision, subject and time (UTC, ISO 8601) of each release that is remembered, newest first."""

    def write(self, changes: Mapping[str, bytes | None], message: str) -> str:
        """Write files and remove those that are None, all or none; say what came of it."""


class RenderedTarget:
    """`Target` of a folder or branch. There is nothing to wait for: what applies the files does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written = ""

    @property
    def name(self) -> str:
        return self._store.name

    def lock(self, release: Release) -> AbstractContextManager[object]:
        """Not needed: a release is one commit, made anew on a branch that moved."""
        return nullcontext()

    def complete(self, release: Release, desired: Sequence[KubeObject]) -> tuple[KubeObject, ...]:
        return tuple(desired)

    def inventory(self, release: Release) -> Inventory:
        """What the release file lists; when and what before, as the store remembers."""
        files = self._store.read()
        inventory = _inventory(files, release.owner, self.name)
        if not inventory.history:
            return inventory
        deployed = inventory.history[0]
        found = self._store.released() or [(deployed.revision, deployed.title, "")]
        history = [Entry(revision, title, when, "", "deployed", ended=when) for revision, title, when in found]
        history[0] = replace(history[0], images=images_of(_live(files, inventory).values()))
        return replace(inventory, history=tuple(history))

    def read(self, release: Release, desired: Sequence[KubeObject], compare: bool = False) -> Snapshot:
        files = self._store.read()
        inventory = _inventory(files, release.owner, self.name)
        live = _live(files, inventory)
        merged = {each.ref: sized(each, frozenset()) for each in desired}
        return Snapshot(
            live={ref: _owned_by(each, release.owner) for ref, each in live.items()}, merged=merged, inventory=inventory
        )

    def apply(self, plan: Plan) -> Iterator[Event]:
        if plan.pending:
            self._written = self._store.write(_changes(plan), _message(plan))
        for change in plan.pending:
            word = {"create": "created", "update": "configured", "replace": "replaced", "delete": "deleted"}[
                change.action
            ]
            yield Event(change.ref, word, change.note, change.level)  # type: ignore[arg-type]

    def wait(self, plan: Plan, interrupt: Callable[[], None] = lambda: None) -> Iterator[Event]:
        yield from ()

    def prune(self, plan: Plan) -> Iterator[Event]:
        """The files are gone with the same commit."""
        yield from ()

    def record(self, plan: Plan, result: str = "deployed") -> Iterator[Event]:
        """The record is in the same commit as the files."""
        if self._written and result == "deployed":
            yield Event(None, "recorded", self._written)


def path_of(ref: ObjectRef) -> str:
    """Where an object is kept: NAMESPACE/kind[.group]-name.yaml, or cluster/… for one without a namespace."""
    kind = f"{ref.kind}.{ref.group}".rstrip(".").lower()
    return f"{_safe(ref.namespace) or 'cluster'}/{_safe(kind)}-{_safe(ref.name)}.yaml"


def _safe(name: str) -> str:
    """`name` without what means something in a path; a first dot too."""
    spelled = re.sub(r"[^A-Za-z0-9._-]", lambda match: f"%{ord(match[0]):02x}", name)
    return re.sub(r"^\.+", lambda match: "%2e" * len(match[0]), spelled)


def _inventory(files: Files, owner: str, name: str) -> Inventory:
    if RELEASE_FILE not in files:
        return Inventory(owner)
    try:
        document = json.loads(files[RELEASE_FILE])
        owned = frozenset(ObjectRef(*ref) for ref in document["objects"])
        entry = Entry(document["revision"], document["title"], "", "", "deployed")
        there = document["owner"]
    except (ValueError, KeyError, TypeError) as error:
        raise GitopsError(
            f"{name}: {RELEASE_FILE}", "cannot be read", "restore it from git; nothing was changed"
        ) from error
    if there != owner:
        raise GitopsError(name, f"holds the release of {there}, not of {owner}", "give each its own folder or branch")
    return Inventory(owner, owned, (entry,))


def _live(files: Files, inventory: Inventory) -> dict[ObjectRef, KubeObject]:
    live = {}
    for ref in inventory.owned:
        if path_of(ref) in files:
            body = yaml.load(files[path_of(ref)], Loader=yaml.CSafeLoader)
            live[ref] = KubeObject(body, path_of(ref))
    return live


def _owned_by(each: KubeObject, owner: str) -> KubeObject:
    """What the release file lists is the environment's; the files themselves do not say so."""
    return each if OWNER in each.annotations else _Owned(each.body, each.origin, owner)


@dataclass(frozen=True)
class _Owned(KubeObject):
    owner: str = ""

    @property
    def annotations(self) -> Mapping[str, str]:
        return {**(self.metadata.get("annotations") or {}), OWNER: self.owner}


def _changes(plan: Plan) -> dict[str, bytes | None]:
    changes: dict[str, bytes | None] = {
        path_of(change.ref): to_yaml(change.desired.body) if change.desired else None for change in plan.pending
    }
    document = {
        "owner": plan.release.owner,
        "revision": plan.release.revision,
        "title": plan.release.title,
        "objects": [list(ref) for ref in sorted(owned_after(plan))],
    }
    changes[RELEASE_FILE] = (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
    return changes


def _message(plan: Plan) -> str:
    release = plan.release
    title = f"Release {release.environment} {release.revision[:7]}".rstrip()
    subject = f"{title}: {release.title}" if release.title else title
    return f"{subject}\n\nManifest-revision: {release.revision}\n"


class Folder:
    """`Store` of a plain folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def name(self) -> str:
        return f"folder {self._directory}"

    def read(self) -> Files:
        return read_tree(self._directory) if self._directory.is_dir() else {}

    def released(self) -> list[tuple[str, str, str]]:
        try:
            file = self._directory / RELEASE_FILE
            document = json.loads(file.read_bytes())
            when = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        except (OSError, ValueError):
            return []
        return [(document["revision"], document["title"], when.isoformat(timespec="seconds"))]

    def write(self, changes: Mapping[str, bytes | None], message: str) -> str:
        try:
            write_tree(self._directory, changes)
        except OSError as error:
            raise GitopsError(
                str(error.filename or self._directory), f"cannot be written ({error.strerror})"
            ) from error
        return str(self._directory)


class Branch:
    """`Store` of a branch: each release is one commit on it, pushed where the repository has an `origin`."""

    def __init__(self, repository: GitRepository, branch: str) -> None:
        self._git = repository
        self._branch = branch

    @property
    def name(self) -> str:
        return f"branch {self._branch}"

    def read(self) -> Files:
        tip = self._tip()
        if not tip:
            return {}
        with tempfile.TemporaryDirectory(prefix="gitops-") as scratch:
            self._check_out(tip, Path(scratch))
            return read_tree(Path(scratch) / "tree")

    def released(self) -> list[tuple[str, str, str]]:
        tip = self._tip()
        form = "%(trailers:key=Manifest-revision,valueonly,separator=%x2C)%x09%cI%x09%s"
        lines = self._git.text("log", f"-{HISTORY}", f"--format={form}", tip, "--").splitlines() if tip else []
        found = [line.split("\t", 2) for line in lines if not line.startswith("\t")]
        return [(revision, title, _utc(when)) for revision, when, title in found]

    def write(self, changes: Mapping[str, bytes | None], message: str) -> str:
        if self._git.branch() == self._branch:
            raise GitopsError(self.name, "is checked out here", "release to a branch of its own")
        for attempt in range(1, PUSHES + 1):
            tip = self._tip()
            commit = self._commit(tip, changes, message)
            try:
                return self._publish(commit, tip)
            except GitFailed as error:
                if attempt == PUSHES or not re.search(
                    r"non-fast-forward|fetch first|stale info|cannot lock", error.stderr
                ):
                    raise
        raise AssertionError

    def _tip(self) -> str:
        """The newest commit of the branch, at the origin where there is one; empty where there is none yet."""
        if not self._has_origin():
            return self._resolve(f"refs/heads/{self._branch}")
        if not self._git.text("ls-remote", "--heads", "origin", f"refs/heads/{self._branch}"):
            return ""
        self._git.run("fetch", "--quiet", "origin", f"+refs/heads/{self._branch}:refs/remotes/origin/{self._branch}")
        return self._resolve(f"refs/remotes/origin/{self._branch}")

    def _has_origin(self) -> bool:
        return "origin" in self._git.text("remote").split()

    def _resolve(self, name: str) -> str:
        try:
            return self._git.text("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        except GitFailed:
            return ""

    def _check_out(self, tip: str, scratch: Path) -> dict[str, str]:
        """Put the tree of `tip` under `scratch`, with an index of its own; gives git's environment for it."""
        tree = scratch / "tree"
        tree.mkdir()
        env = {
            "GIT_INDEX_FILE": str(scratch / "index"),
            "GIT_WORK_TREE": str(tree),
            "GIT_DIR": self._git.text("rev-parse", "--absolute-git-dir"),
        }
        if tip:
            self._git.run("read-tree", tip, env=env)
            self._git.run("-c", "core.autocrlf=false", "checkout-index", "--all", env=env)
        return env

    def _commit(self, tip: str, changes: Mapping[str, bytes | None], message: str) -> str:
        with tempfile.TemporaryDirectory(prefix="gitops-") as name:
            env = self._check_out(tip, Path(name)) | self._identity()
            write_tree(Path(name) / "tree", changes)
            self._git.run("-C", f"{name}/tree", "-c", "core.autocrlf=false", "add", "--all", "--force", ".", env=env)
            tree = self._git.text("write-tree", env=env)
            parents = ("-p", tip) if tip else ()
            return self._git.text("commit-tree", tree, *parents, "-m", message, env=env)

    def _identity(self) -> dict[str, str]:
        """git's own, or ours where a build machine has none."""
        try:
            self._git.text("var", "GIT_COMMITTER_IDENT")
        except GitFailed:
            names = {f"GIT_{who}_NAME": "gitops" for who in ("AUTHOR", "COMMITTER")}
            return names | {f"GIT_{who}_EMAIL": "gitops@localhost" for who in ("AUTHOR", "COMMITTER")}
        return {}

    def _publish(self, commit: str, tip: str) -> str:
        ref = f"refs/heads/{self._branch}"
        if self._has_origin():
            self._git.run("push", "--quiet", "origin", f"{commit}:{ref}")
            return f"pushed {commit[:7]} to {self._branch}"
        self._git.run("update-ref", "-m", "gitops deploy", ref, commit, tip or "0" * len(commit))
        return f"committed {commit[:7]} to {self._branch}"


def _utc(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_tree(directory: Path) -> dict[str, bytes]:
    """Every file under `directory`, by its path in it; what git keeps for itself left out."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(directory).parts
    }


def write_tree(directory: Path, changes: Mapping[str, bytes | None]) -> None:
    """Write files under `directory`, each whole or not at all, and remove those that are None. The record of the
    release comes last, so that a run that is cut off is done again."""
    for name, data in sorted(changes.items(), key=lambda item: item[0] == RELEASE_FILE):
        path = directory / name
        if data is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_bytes(data)
        os.replace(partial, path)
