"""patches, patchesStrategicMerge and patchesJson6902: what a patch is, which objects it is for, and its application."""

import json
from typing import Any

from gitops.render.json_patch import Operation, apply, operations
from gitops.render.objects import checked_objects
from gitops.render.problems import NotModelled, Place, RenderError, Where, closest
from gitops.render.reader import decoded, read_config, read_objects
from gitops.render.resource import Resource, ResourceList
from gitops.render.scalars import is_null
from gitops.render.selectors import Selector, select
from gitops.render.strategic_merge import merge


class Patch:
    """A patch read and checked: documents to merge, or operations. `idle` tells afterwards that it had no target."""

    def __init__(self, place: Place, target: Selector | None = None, options: dict[str, bool] | None = None) -> None:
        self.place = place
        self.target = target
        self.rename = bool((options or {}).get("allowNameChange"))
        self.change_kind = bool((options or {}).get("allowKindChange"))
        self.documents: list[Resource] = []
        self.operations: list[Operation] = []
        self.idle = False

    def targets(self, resources: ResourceList) -> list[Resource]:
        """The objects that `target` means."""
        found = select(resources, self.target) if self.target else []
        self.idle = not found
        return found


def merge_documents(data: bytes, file: str, place: Place = "") -> list[Resource]:
    """The objects of a strategic merge patch. Raises `RenderError` where one lacks kind or name."""
    try:
        return [Resource(value, file, line) for value, line in checked_objects(read_objects(data, file), file)]
    except RenderError as error:
        if file:
            raise
        raise RenderError(place, f"the patch {error.problem}", error.hint) from error
    except NotModelled as error:
        raise error if file else NotModelled(error.what, error.hint, place) from error


def read_patch(data: bytes, file: str, entry: dict[str, Any], place: Place) -> Patch:
    """One entry of `patches`: operations where it is a list, else objects to merge. `file` is empty for inline text."""
    text = decoded(data, file)
    target = Selector(entry["target"], place) if entry.get("target") is not None else None
    found = Patch(place, target, entry.get("options"))
    if is_operation_list(text):
        if target is None:
            raise RenderError(place, "a JSON 6902 patch has no target", "say which objects under target:")
        found.operations = read_operations(text, file or str(place))
        return found
    found.documents = merge_documents(text.encode(), file, place)
    if target is not None and len(found.documents) > 1:
        raise RenderError(place, "has a target, and several patches", "make each a patch of its own")
    return found


def is_operation_list(text: str) -> bool:
    """Whether the text of a patch begins a list."""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#") and stripped != "---":
            return stripped.startswith(("[", "- ")) or stripped == "-"
    return False


def read_operations(text: str, file: str) -> list[Operation]:
    """The operations of a JSON 6902 patch, written in JSON or YAML."""
    if not text.startswith("["):
        return operations(read_config(text.encode(), file), file)
    try:
        return operations(json.loads(text), file)
    except ValueError as error:
        raise RenderError(file, f"begins as JSON and is none: {error}", "begin items with - for YAML") from error


def apply_patch(resources: ResourceList, patch: Patch) -> None:
    """Patch what `patch` is for. Raises `RenderError` where nothing is."""
    if patch.operations:
        _apply_operations(resources, patch.targets(resources), patch)
    elif patch.target is None:
        apply_documents(resources, patch.documents, patch)
    elif patch.documents:
        _apply_to_targets(resources, patch)


def _apply_operations(resources: ResourceList, targets: list[Resource], patch: Patch, *, remember: bool = True) -> None:
    for each in targets:
        if remember:
            each.remember()
        each.body = apply(each.body, patch.operations, Where(patch.place, each))
        each.shared = []
        _check_patched(each, patch)
    resources.changed()


def _check_patched(resource: Resource, patch: Patch) -> None:
    if is_null(resource.body.get("metadata")) or not resource.metadata:
        raise NotModelled("a patch that removes metadata", "keep it", patch.place)


def apply_operations(resources: ResourceList, patch: Patch) -> None:
    """One entry of the older `patchesJson6902`, which leaves previous names alone."""
    _apply_operations(resources, patch.targets(resources), patch, remember=False)


def apply_documents(resources: ResourceList, documents: list[Resource], patch: Patch, *, copied: bool = False) -> None:
    """Merge each document into the one object of its identity; `copied` as `patchesStrategicMerge` does it."""
    gone: list[Resource] = []
    for document in documents:
        found = resources.with_any_id(document.id)
        found = [each for each in found if not any(each is dead for dead in gone)]
        if len(found) != 1:
            raise _no_target(resources, document, found, (document.file and document.place) or patch.place)
        if not _merge(found[0], _for_targets(document) if copied else document.body, patch):
            gone.append(found[0])
        if patch.rename or patch.change_kind:
            resources.changed()
    resources.drop(gone)


def _no_target(resources: ResourceList, document: Resource, found: list[Resource], place: Place) -> RenderError:
    if found:
        return RenderError(place, f"patches {document}, which {len(found)} objects are called", "add a namespace")
    group_kind = (document.id[0], document.kind)
    alike = sorted({str(each) for each in resources if (each.id[0], each.kind) == group_kind})
    return RenderError(place, f"patches {document}, which is not there", closest(str(document), alike))


def _apply_to_targets(resources: ResourceList, patch: Patch) -> None:
    document = patch.documents[0]
    body = _for_targets(document)
    gone = [
        each
        for each in patch.targets(resources)
        if not _merge(each, body | {"apiVersion": each.body.get("apiVersion", "")}, patch)
    ]
    resources.drop(gone)
    resources.changed()
    resources.check_unique("the patch")


def _for_targets(document: Resource) -> dict[str, Any]:
    """The patch as kustomize copies it for each target: labels and annotations become texts, a null among them too."""
    metadata = dict(document.metadata)
    for field in ("labels", "annotations"):
        texts = document.texts(field)
        metadata.pop(field, None)
        if texts:
            metadata[field] = texts
    metadata["name"] = document.name
    if not document.namespace:
        metadata.pop("namespace", None)
    return {**document.body, "metadata": metadata}


def _merge(resource: Resource, body: dict[str, Any], patch: Patch) -> bool:
    """Whether anything is left of `resource`. Name, namespace and kind stay, unless the options let them change."""
    kept = {field: resource.metadata[field] for field in ("name", "namespace") if field in resource.metadata}
    kind = resource.body.get("kind")
    if patch.rename or patch.change_kind:
        resource.remember()
    merged = merge(resource.body, body, Where(patch.place, resource))
    if merged is None:
        return False
    if not patch.change_kind:
        merged["kind"] = kind
    metadata = merged.get("metadata")
    if not isinstance(metadata, dict):
        raise NotModelled("a patch that removes metadata", "keep it", patch.place)
    if not patch.rename:
        metadata["name"] = kept["name"]
    metadata.pop("namespace", None)
    if resource.namespace or not is_null(kept.get("namespace")):
        metadata["namespace"] = kept["namespace"]
    resource.body = merged
    resource.propagate()
    return True
