"""Checks of the kustomization files themselves."""

import posixpath
import re
from collections.abc import Iterator
from typing import Any

import yaml

from gitops.config.model import UNRELEASED
from gitops.validate.finding import Finding
from gitops.validate.scope import Overlay
from gitops.validate.sources import Document

DEPRECATED = {
    "bases": "resources",
    "imageTags": "images",
    "patchesStrategicMerge": "patches",
    "patchesJson6902": "patches",
    "commonLabels": "labels",
    "vars": "replacements",
    "helmChartInflationGenerator": "helmCharts",
}
"""https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/"""

_REMOTE = re.compile(r"^[a-z+]+://|^git@|^git::|^[\w.-]+\.(com|org|io)/|//|\?ref=")


def check_kustomizations(overlay: Overlay) -> Iterator[Finding]:
    """Findings in the kustomizations that `overlay` takes in."""
    for folder, document in overlay.sources.kustomizations(overlay.folder):
        yield from _fields(document)
        yield from _entries(overlay, folder, document)
        yield from _images(overlay, document)
        yield from _generators(overlay, folder, document)
        yield from _twice(document)
    for manifest in overlay.sources.manifests(overlay.folder):
        yield from _twice(manifest)
    for file, (line, what) in overlay.sources.broken.items():
        yield Finding(file, line, "K015", what)


def _fields(document: Document) -> Iterator[Finding]:
    for old, new in DEPRECATED.items():
        if old in document.body:
            yield Finding(document.file, document.line((old,)), "K002", f"{old} is deprecated; use {new}")
    for position, patch in enumerate(_list(document.body.get("patches"))):
        if isinstance(patch, str):
            line = document.line(("patches", position))
            yield Finding(document.file, line, "K010", f"patches takes mappings: - path: {patch}")
    for position, label in enumerate(_list(document.body.get("labels"))):
        if isinstance(label, dict) and label.get("includeSelectors"):
            line = document.line(("labels", position, "includeSelectors"))
            yield Finding(document.file, line, "K011", "includeSelectors adds these labels to selectors")


def _entries(overlay: Overlay, folder: str, document: Document) -> Iterator[Finding]:
    for field in ("resources", "bases", "components"):
        for position, entry in enumerate(_list(document.body.get(field))):
            line = document.line((field, position))
            if _REMOTE.search(str(entry)):
                yield Finding(document.file, line, "K003", f"{entry} is fetched at each build")
            elif not _is_there(overlay, posixpath.normpath(posixpath.join(folder, str(entry)))):
                yield Finding(document.file, line, "K013", f"{entry} is not there")
    for position, patch in enumerate(_list(document.body.get("patches"))):
        path = patch.get("path") if isinstance(patch, dict) else patch
        if path and posixpath.normpath(posixpath.join(folder, str(path))) not in overlay.sources.files:
            yield Finding(document.file, document.line(("patches", position)), "K013", f"{path} is not there")


def _is_there(overlay: Overlay, path: str) -> bool:
    return path in overlay.sources.files or overlay.sources.kustomization(path) is not None


def _images(overlay: Overlay, document: Document) -> Iterator[Finding]:
    used = _images_before(overlay)
    for position, entry in enumerate(_list(document.body.get("images"))):
        if not isinstance(entry, dict):
            continue
        name = str(entry.get("name", ""))

        def found(code: str, what: str, key: str = "name", position: int = position) -> Finding:
            return Finding(document.file, document.line(("images", position, key)), code, what)

        if re.search(r"[*+?\[\](){}|^$\\]|\.\*", name):
            yield found("K009", f"{name} matches more than one image")
        elif name not in used:
            yield found("K004", f"no manifest has the image {name}")
        tag = entry.get("newTag")
        if tag is not None and not isinstance(tag, str):
            yield found("K007", f"newTag: {_written(document, position)} is not a string", "newTag")
        elif not entry.get("digest") and (tag is None or tag in ("latest", "")) and (tag or entry.get("newName")):
            yield found("K008", f"{name} gets {'the tag latest' if tag else 'no tag and no digest'}", "newTag")
        if str(entry.get("digest", "")) == UNRELEASED:
            yield found("K006", f"{name} has no release yet", "digest")


def _written(document: Document, position: int) -> str:
    """The tag as it stands in the file."""
    node: Any = document.node
    for step in ("images", position, "newTag"):
        pairs = {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else None
        node = pairs[step] if pairs is not None else node.value[step]
    return str(node.value)


def _images_before(overlay: Overlay) -> set[str]:
    """The names of the images in the manifests as they are written, without tag and digest."""
    names = set()
    for document in overlay.sources.manifests(overlay.folder):
        for image in _image_values(document.body):
            names.add(image)
            names.add(re.sub(r"(:[\w][\w.-]*)?(@sha256:[0-9a-f]+)?$", "", image))
    return names


def _image_values(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "image" and isinstance(item, str):
                yield item
            else:
                yield from _image_values(item)
    elif isinstance(value, list):
        for item in value:
            yield from _image_values(item)


def _generators(overlay: Overlay, folder: str, document: Document) -> Iterator[Finding]:
    options = document.body.get("generatorOptions") or {}
    if isinstance(options, dict) and options.get("disableNameSuffixHash"):
        line = document.line(("generatorOptions", "disableNameSuffixHash"))
        yield Finding(document.file, line, "K012", "generated names have no hash")
    for field in ("configMapGenerator", "secretGenerator"):
        for position, entry in enumerate(_list(document.body.get(field))):
            if not isinstance(entry, dict):
                continue
            if (entry.get("options") or {}).get("disableNameSuffixHash"):
                line = document.line((field, position, "options"))
                yield Finding(document.file, line, "K012", f"{entry.get('name')} has no hash in its name")
            if field == "secretGenerator" and entry.get("literals"):
                line = document.line((field, position, "literals"))
                yield Finding(document.file, line, "K016", f"{entry.get('name')} has its values here")
            for number, file in enumerate(_list(entry.get("files"))):
                path = posixpath.normpath(posixpath.join(folder, str(file).rpartition("=")[2]))
                if path not in overlay.sources.files:
                    yield Finding(
                        document.file, document.line((field, position, "files", number)), "K013", f"{file} is not there"
                    )


def _twice(document: Document) -> Iterator[Finding]:
    nodes = [document.node]
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.SequenceNode):
            nodes.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                if key.value in seen:
                    yield Finding(document.file, key.start_mark.line + 1, "K014", f"{key.value} is given twice")
                seen.add(key.value)
                nodes.append(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
