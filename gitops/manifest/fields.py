"""An image outside of `images:`: marked scalars, a path in Helm values, `image:` of plain manifests. Pure.

A marker is a comment behind a scalar: `tag: 1.4.1 # {"$gitops": "backend-app-image:tag"}`. Its part is `tag`, `digest`,
`name` (the repository), or nothing for the whole reference.
"""

import json
import re
from collections.abc import Iterator, Mapping, MutableMapping

from gitops.errors import GitopsError
from gitops.manifest.document import Document, Draft, Node
from gitops.manifest.images import ImageEntry

PARTS = ("name", "tag", "digest", "")
"""What a field may say of an image; the last is the whole reference."""

MARKER = re.compile(r'#\s*(\{\s*"\$gitops"\s*:.*\})\s*$')


def parts_of(repository: str, tag: str, digest: str) -> dict[str, str]:
    """Each part of an image, as fields say it. An empty one cannot be written."""
    reference = repository + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    return {"name": repository, "tag": tag, "digest": digest, "": reference}


Seen = MutableMapping[str, str]
"""Part of an image -> what a field said of it before it was set. Filled where a caller wants to know."""


def entry_of(image: str, said: Mapping[str, str]) -> ImageEntry:
    """What the parts that fields said of `image` make together."""
    repository, tag, digest = split_reference(said.get("", ""))
    return ImageEntry(image, said.get("name", repository), said.get("tag", tag), said.get("digest", digest))


def set_marked(data: bytes, image: str, parts: Mapping[str, str], *, file: str, seen: Seen | None = None) -> bytes:
    """`data` with every scalar that a marker gives to `image` saying its part. Raises `GitopsError`."""
    document = Document(data, file)
    draft = Draft(document)
    for node, part in _marked(document, image):
        _set(draft, node, part, parts, seen)
    return draft.result()


def marked(data: bytes, image: str, *, file: str) -> dict[str, str]:
    """Part -> what the scalars that a marker gives to `image` say of it. Raises `GitopsError`."""
    return {part: node.value for node, part in _marked(Document(data, file), image)}


def _marked(document: Document, image: str) -> Iterator[tuple[Node, str]]:
    """The scalars with a marker for `image`, and the part that it asks for."""
    leaves = [leaf for root in document.roots for leaf in _values_below(root)]
    for line in document.comments_with("$gitops"):
        match = MARKER.search(line.text)
        if not match:
            raise GitopsError(f"{document.file}:{line.number}", "has a broken marker", '# {"$gitops": "IMAGE:tag"}')
        name, _, part = _setting(document, line.number, match[1]).partition(":")
        if name != image:
            continue
        before = [
            leaf for leaf in leaves if line.start <= leaf.end <= line.start + match.start() and leaf.end > leaf.start
        ]
        if not before or part not in PARTS:
            problem = f"marks no scalar with '{part}'" if before else "marks no scalar"
            raise GitopsError(f"{document.file}:{line.number}", problem, "write the value before it on that line")
        yield max(before, key=lambda leaf: leaf.end), part


def _values_below(root: Node) -> Iterator[Node]:
    """Every scalar or alias that is a value or an item; no key."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        waiting += [value for _, value in node.pairs] if node.kind == "mapping" else node.children
        if node.kind in ("scalar", "alias"):
            yield node


def _setting(document: Document, line: int, text: str) -> str:
    try:
        setting = json.loads(text)["$gitops"]
    except ValueError as error:
        raise GitopsError(f"{document.file}:{line}", "has a broken marker", '# {"$gitops": "IMAGE:tag"}') from error
    return str(setting)


def _set(draft: Draft, node: Node, part: str, parts: Mapping[str, str], seen: Seen | None) -> None:
    if not parts[part]:
        problem = f"wants the image's {part}, which is not known"
        raise draft.document.refusal(node, problem, f"give it: --{part}")
    draft.set_scalar(node, parts[part])
    if seen is not None:
        seen.setdefault(part, node.value)


def set_path(
    data: bytes, path: str, part: str, parts: Mapping[str, str], *, file: str, seen: Seen | None = None
) -> bytes:
    """`data` with the scalar at `path` (`backend.image.tag`, `list[0].image`) saying a part. Raises `GitopsError`."""
    document = Document(data, file)
    draft = Draft(document)
    _set(draft, _node_at(document, path), part, parts, seen)
    return draft.result()


def text_at(data: bytes, path: str, *, file: str) -> str:
    """The scalar at `path`. Raises `GitopsError`."""
    return _node_at(Document(data, file), path).value


def _node_at(document: Document, path: str) -> Node:
    node = document.roots[0] if document.roots else None
    for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        node = _step(document, node, key, index)
    if node is None:
        raise GitopsError(document.file, f"has nothing at {path}", "check the path in gitops.yaml")
    return node


def _step(document: Document, node: Node | None, key: str, index: str) -> Node | None:
    if node is None or (node.kind != "sequence" if index else node.kind != "mapping"):
        return None
    if index:
        return node.children[int(index)] if int(index) < len(node.children) else None
    found = [value for name, value in node.pairs if name.kind == "scalar" and name.value == key]
    if len(found) > 1:
        raise document.refusal(found[1], f"{key} is given twice", "keep one of them")
    return found[0] if found else None


def set_references(data: bytes, name: str, parts: Mapping[str, str], *, file: str, seen: Seen | None = None) -> bytes:
    """`data`, plain manifests, with every `image:` of the repository (or placeholder) `name` saying the reference."""
    document = Document(data, file)
    draft = Draft(document)
    for root in document.roots:
        for node in _image_values(root):
            if node.kind == "scalar" and repository_of(node.value) in (name, parts["name"]):
                _set(draft, node, "", parts, seen)
    return draft.result()


def references(data: bytes, repository: str, *, file: str) -> list[str]:
    """What every `image:` of `repository` says in `data`, plain manifests. Raises `GitopsError`."""
    found = (node.value for root in Document(data, file).roots for node in _image_values(root))
    return [reference for reference in found if repository_of(reference) == repository]


def _image_values(root: Node) -> Iterator[Node]:
    """What `image:` says in every container below `root`."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.kind == "sequence":
            waiting += node.children
        elif node.kind == "mapping":
            for key, value in node.pairs:
                if key.value in ("containers", "initContainers", "ephemeralContainers") and value.kind == "sequence":
                    yield from (found for item in value.children if (found := _image_of(item)) is not None)
                waiting.append(value)


def _image_of(container: Node) -> Node | None:
    return container.get("image") if container.kind == "mapping" else None


def repository_of(reference: str) -> str:
    """ "r.example:5000/team/app:1.4.1@sha256:…" -> "r.example:5000/team/app"."""
    return split_reference(reference)[0]


def split_reference(reference: str) -> tuple[str, str, str]:
    """Repository, tag and digest of a reference; what it does not say is empty."""
    named, _, digest = reference.partition("@")
    head, slash, last = named.rpartition("/")
    name, _, tag = last.partition(":")
    return head + slash + name, tag, digest
