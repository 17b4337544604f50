"""The components that kustomizations use: where an image's entry may be besides the overlay itself."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from gitops.clients.git_objects import TreeEntry
from gitops.manifest.document import Document
from gitops.manifest.repository import Tree

DEEPEST = 20
"""Levels of components within components that are followed."""


def components_of(tree: Tree, files: Mapping[str, bytes], names: Sequence[str]) -> dict[str, list[TreeEntry]]:
    """The kustomizations (called one of `names`) of the components of each of `files` (path -> content), and of theirs.

    Only what is in the repository; what is at a URL is another repository's matter.
    """
    found: dict[str, dict[str, TreeEntry]] = {path: {} for path in files}
    waiting = {path: [(path, data)] for path, data in files.items()}
    for _ in range(DEEPEST):
        wanted = {
            path: [f"{folder}/{name}" for each, data in level for folder in _listed(data, each) for name in names]
            for path, level in waiting.items()
        }
        asked = dict.fromkeys(each for paths in wanted.values() for each in paths)
        there = tree.find(list(asked)) if asked else {}
        contents = tree.read(list(there.values()))
        waiting = {}
        for path, paths in wanted.items():
            new = [each for each in paths if each in there and each not in found[path]]
            found[path] |= {each: there[each] for each in new}
            waiting[path] = [(each, contents[each]) for each in new]
        if not any(waiting.values()):
            break
    return {path: list(entries.values()) for path, entries in found.items()}


def _listed(data: bytes, path: str) -> Iterator[str]:
    """The folders of the components that the kustomization at `path` names."""
    if b"components" not in data:
        return
    document = Document(data, path)
    root = document.roots[0] if document.roots else None
    listed = root.get("components") if root is not None and root.kind == "mapping" else None
    for node in listed.children if listed is not None and listed.kind == "sequence" else []:
        if node.kind == "scalar" and "://" not in node.value and "?ref=" not in node.value:
            folder = posixpath.normpath(posixpath.join(posixpath.dirname(path), node.value))
            if folder.startswith(("/", "..")):
                raise document.refusal(node, "is a component outside of the repository", "move it into the repository")
            yield folder
