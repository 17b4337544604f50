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

    They come in the order that kustomize applies them in: those of a component before itself. Only what is in the
    repository; what is at a URL is another repository's matter.
    """
    entries: dict[str, TreeEntry] = {}
    uses: dict[str, list[str]] = {}
    waiting = dict(files)
    for _ in range(DEEPEST):
        wanted = {
            path: [f"{folder}/{name}" for folder in _listed(data, path) for name in names]
            for path, data in waiting.items()
        }
        asked = list(dict.fromkeys(each for paths in wanted.values() for each in paths))
        entries |= tree.find(asked) if asked else {}
        uses |= {path: [each for each in paths if each in entries] for path, paths in wanted.items()}
        waiting = tree.read([entries[path] for path in asked if path in entries and path not in uses])
        if not waiting:
            break
    return {path: [entries[each] for each in _applied(path, uses)[:-1]] for path in files}


def _applied(path: str, uses: Mapping[str, Sequence[str]]) -> list[str]:
    """`path` behind all that it uses, each once."""
    order: dict[str, None] = {}
    begun: set[str] = set()

    def visit(each: str) -> None:
        if each not in begun:
            begun.add(each)
            for used in uses.get(each, ()):
                visit(used)
            order[each] = None

    visit(path)
    return list(order)


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
