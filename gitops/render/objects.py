"""Documents -> the objects that kustomize takes them for: lists unfolded, kind and name there."""

from collections import deque
from typing import Any

from gitops.render.problems import RenderError
from gitops.render.reader import Document
from gitops.render.scalars import is_null, settled, text_of


def checked_objects(documents: list[Document], file: str) -> list[tuple[dict[str, Any], int]]:
    """Each object with its line. Raises `RenderError` for a document that is no object."""
    if len(documents) == 1 and _is_plain_list(documents[0].value):
        items = documents[0].value.get("items")
        documents = [Document(item, documents[0].line) for item in items or ()]
    waiting = deque(document for document in documents if not _is_nothing(document.value))
    for document in waiting:
        _check(document, file)
    found = []
    while waiting:
        document = waiting.popleft()
        if _has_items(document.value):
            waiting.extend(_items(document, file))
        else:
            found.append((document.value, document.line))
    return found


def _items(document: Document, file: str) -> list[Document]:
    """The objects within a list of any kind."""
    items = document.value["items"]
    if is_null(items):
        return []
    if not isinstance(items, list):
        raise RenderError(f"{file}:{document.line}", "items is no list", "start each item with -")
    inner = [Document(settled(item), document.line) for item in items if not _is_nothing(item)]
    for each in inner:
        _check(each, file)
    return inner


def _is_plain_list(value: Any) -> bool:
    return isinstance(value, dict) and value.get("kind") in ("List", "ResourceList") and "items" in value


def _has_items(value: dict[str, Any]) -> bool:
    return text_of(value["kind"]).endswith("List") and "items" in value


def _is_nothing(value: Any) -> bool:
    return is_null(value) or value in ({}, [])


def _check(document: Document, file: str) -> None:
    value, place = document.value, f"{file}:{document.line}"
    if not isinstance(value, dict):
        raise RenderError(place, "is no object", "give it apiVersion, kind and metadata.name")
    kind = text_of(value.get("kind", "")) if not is_null(value.get("kind")) else ""
    if not kind:
        raise RenderError(place, "has no kind", "give it apiVersion, kind and metadata.name")
    if kind.endswith("List"):
        return
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if is_null(name) or not text_of(name):
        raise RenderError(place, f"{kind} has no metadata.name", "give it one")
