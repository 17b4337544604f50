"""The files of a rendering: read within their kustomization's folder, each remembered with the hash of its content."""

import os
import re
from hashlib import sha256

from gitops.render.problems import Place, RenderError, closest
from gitops.render.remotes import Remotes

MAX_TOTAL = 512 * 1024 * 1024
"""Bytes that one rendering may read."""


_REMOTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:{1,2}//|git::|git@|(?:www\.)?github\.com[:/]|[^\s]*\?(?:ref|version)=")


def is_remote(path: str) -> bool:
    """Whether kustomize would fetch `path` from elsewhere."""
    return bool(_REMOTE.match(path))


def remote(path: str, place: Place) -> RenderError:
    """The refusal of a remote file: what another host serves may be another thing tomorrow."""
    return RenderError(place, f"'{path}' is remote", "commit a copy of it")


def _is_within(path: str, folder: str) -> bool:
    return os.path.commonpath((path, folder)) == folder


class Sources:
    """Reads files below `root` only, following no symbolic link out of it; and below the trees of `remotes`."""

    def __init__(self, root: str | os.PathLike[str], remotes: Remotes | None = None) -> None:
        self.root = os.path.realpath(root)
        self._remotes = remotes or Remotes()
        self._trees: dict[str, str] = {}
        self.inputs: dict[str, str] = {}
        self.sought: set[str] = set()
        self._data: dict[str, bytes] = {}
        self._total = 0

    def relative(self, path: str) -> str:
        """`path`, as messages and `inputs` name it: from the root, with slashes."""
        tree = self._tree_of(path)
        name = os.path.relpath(path, tree).replace(os.sep, "/")
        return name if tree == self.root else f"{self._trees[tree]}/{name}"

    def _tree_of(self, path: str) -> str:
        """The root, or the tree of another repository, that `path` is in."""
        return next((tree for tree in self._trees if _is_within(path, tree)), self.root)

    def remote_folder(self, path: str, place: Place) -> str:
        """The folder of another repository that `path` names. Raises `GitopsError` where it is not to be had."""
        tree, within, name = self._remotes.tree(path, place)
        tree = os.path.realpath(tree)
        self._trees[tree] = name
        found = os.path.realpath(os.path.join(tree, within))
        if not os.path.isdir(found) or not _is_within(found, tree):
            raise RenderError(place, f"'{path}' has no folder '{within}'", "mend the path")
        return found

    def folder(self, holder: str, path: str, place: Place) -> str | None:
        """The real folder that `path` of a kustomization in `holder` is; None where it is none."""
        found = os.path.realpath(os.path.join(holder, path))
        if not os.path.isdir(found):
            return None
        if not _is_within(found, self._tree_of(holder)):
            raise RenderError(place, f"'{path}' is outside of the repository", "keep bases within it")
        return found

    def read(self, holder: str, path: str, place: Place) -> bytes:
        """The content of file `path`, which must lie in or below folder `holder`, as kustomize wants it."""
        if is_remote(path):
            raise remote(path, place)
        found = os.path.realpath(os.path.join(holder, path))
        if os.path.commonpath((found, holder)) != holder and os.path.exists(found):
            where = "its folder" if _is_within(found, self._tree_of(holder)) else "the repository"
            raise RenderError(place, f"'{path}' is outside of {where}", "move it there, or make its folder a base")
        return self._read(found, path, holder, place)

    def _read(self, found: str, path: str, holder: str, place: Place) -> bytes:
        known = self._data.get(found)
        if known is not None:
            return known
        try:
            with open(found, "rb") as file:
                data = file.read(MAX_TOTAL - self._total + 1)
        except OSError as error:
            self.missing(holder, path)
            beside = os.path.dirname(found)
            is_ours = os.path.isdir(beside) and _is_within(beside, self._tree_of(holder))
            names = sorted(os.listdir(beside)) if is_ours else []
            said = "there is no file" if isinstance(error, FileNotFoundError) else f"cannot read ({error.strerror})"
            raise RenderError(place, f"{said} '{path}'", closest(os.path.basename(path), names)) from error
        self._total += len(data)
        if self._total > MAX_TOTAL:
            raise RenderError(place, f"reads over {MAX_TOTAL // 1024 // 1024} MB", "split the overlay")
        self._data[found] = data
        self.inputs[self.relative(found)] = sha256(data).hexdigest()
        return data

    def missing(self, holder: str, name: str) -> None:
        """Remember that a file was looked for and was not there: were it there, the result would be another."""
        if not self._trees or self._tree_of(holder) == self.root:
            self.sought.add(self.relative(os.path.join(holder, name)))

    def hash(self, path: str) -> None:
        """Remember the content of a file that another program may read."""
        name = self.relative(path)
        if name not in self.inputs and os.path.isfile(path):
            with open(path, "rb") as file:
                self.inputs[name] = sha256(file.read()).hexdigest()
