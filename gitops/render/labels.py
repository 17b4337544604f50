"""labels, commonLabels and commonAnnotations."""

from collections.abc import Iterable
from typing import Any

from gitops.render.fields import MAP, FieldSpec, Selected, Specs, field_spec, merge_fields, visit
from gitops.render.problems import Place, RenderError
from gitops.render.resource import Resource, ResourceList
from gitops.render.scalars import plain

OWN = FieldSpec("", "", "", "metadata/labels", True)


def add_labels(resources: ResourceList, entry: dict[str, Any], specs: Specs, place: Place) -> None:
    """One entry of `labels`: to the objects, and to their templates and selectors where it says so."""
    fields = tuple(field_spec(each) for each in entry.get("fields") or ())
    fields = merge_fields(fields, specs.fields["labels"], place)
    if entry.get("includeSelectors"):
        fields = merge_fields(fields, specs.fields["commonLabels"], place)
    else:
        if entry.get("includeTemplates"):
            fields = merge_fields(fields, specs.fields["templateLabels"], place)
        fields = merge_fields(fields, (OWN,), place)
    write_pairs(resources, entry.get("pairs") or {}, fields)


def add_common_labels(resources: ResourceList, pairs: dict[str, str], specs: Specs) -> None:
    """`commonLabels`: to objects, templates and selectors."""
    write_pairs(resources, pairs, specs.fields["commonLabels"])


def add_annotations(resources: ResourceList, pairs: dict[str, str], specs: Specs) -> None:
    """`commonAnnotations`: to objects and templates."""
    write_pairs(resources, pairs, specs.fields["commonAnnotations"])


def write_pairs(resources: Iterable[Resource], pairs: dict[str, str], fields: Iterable[FieldSpec]) -> None:
    """Write each pair into each map that `fields` lead to."""
    selected = Selected(fields)
    keys = [plain(key) for key in sorted(pairs)]
    for each in resources:
        for key in keys:
            _write(each, key, pairs[key], selected)


def _write(resource: Resource, key: str, value: str, selected: Selected) -> None:
    added: list[dict[str, Any]] = []

    def write(holder: Any, name: Any) -> None:
        pairs = holder[name]
        if not isinstance(pairs, dict):
            raise RenderError(
                resource.place, f"field {name} of {resource} is no map, so it takes no label", "make it one"
            )
        if key not in pairs:
            added.append(pairs)
        elif resource.shared and pairs[key] != value:
            pairs[key] = value
            resource.propagate()
        pairs[key] = value

    for steps, create in selected.of(resource):
        visit(resource, steps, write, MAP if create else "")
    if len(added) > 1:
        resource.shared.append((key, added, value))
