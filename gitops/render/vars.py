"""vars: `$(NAME)` in the fields that may hold it, replaced by a text of another object."""

import re
from typing import Any

from gitops.render.fields import FieldSpec, Selected, field_spec, merge_fields, visit
from gitops.render.problems import NotModelled, Place, RenderError
from gitops.render.resource import Resource, ResourceList, group_version, is_cluster_scoped, read_data

_REFERENCE = re.compile(r"\$\(([^)]*)\)")
_ESCAPED = re.compile(r"\$(?:\$|[^\x00-\x7f])")
_DEFAULT_PATH = "metadata.name"


class Var:
    """A checked entry of `vars`. The object that it names is found where its kustomization ends, and keeps its name."""

    def __init__(self, entry: dict[str, Any], resources: ResourceList, place: Place) -> None:
        self.name = entry.get("name") or ""
        self.path = (entry.get("fieldref") or {}).get("fieldPath") or _DEFAULT_PATH
        self.place = place
        if "[" in self.path:
            raise NotModelled(f"the fieldPath {self.path} of a var", "use replacements", place)
        found = _named(entry.get("objref") or {}, resources)
        if len(found) != 1:
            problem = f"{len(found)} objects are" if found else "no object is"
            raise RenderError(place, f"{problem} what var {self.name} names", "mend objref:, it wants apiVersion too")
        found[0].vars.append(self.name)

    def text(self, resources: ResourceList) -> str:
        """What takes the place of `$(NAME)`. Raises `NotModelled` for what is no text."""
        resource = next((each for each in resources if self.name in each.vars), None)
        if resource is None:
            raise RenderError(self.place, f"the object that var {self.name} names was taken away", "take the var away")
        value: Any = resource.body
        for step in self.path.split("."):
            if not isinstance(value, dict) or "\\" in step or step != step.strip() or not step:
                raise NotModelled(f"the fieldPath {self.path} of a var", "use replacements", self.place)
            if step not in value:
                raise RenderError(self.place, f"{resource} has no field {self.path}", "mend fieldref:")
            value = value[step]
        if not isinstance(value, str) or "$" in value:
            raise NotModelled(f"var {self.name}, which is no simple text", "use replacements", self.place)
        return value


def _named(reference: dict[str, Any], resources: ResourceList) -> list[Resource]:
    version, kind = reference.get("apiVersion") or "", reference.get("kind") or ""
    group = reference.get("group") or ""
    group, version = group_version(version) if "/" in version else (group, version or reference.get("version") or "")
    wanted, namespace = (group, version, kind, reference.get("name") or ""), reference.get("namespace") or ""
    if is_cluster_scoped(f"{group}/{version}" if group else version, kind):
        namespace = ""
    return [
        each
        for each in resources.named(wanted[3])
        if any(known[:4] == wanted and namespace in ("", known[4]) for known in each.ids)
    ]


def resolve_vars(resources: ResourceList, known: dict[str, Var], configured: tuple[FieldSpec, ...]) -> None:
    """Write each var's text into the fields of the defaults and of `configurations`."""
    texts = {name: each.text(resources) for name, each in known.items()}
    defaults = tuple(field_spec(each) for each in read_data("var_references.json")["varReference"])
    selected = Selected(merge_fields(defaults, configured, "varReference"))
    for each in resources:
        for steps, _ in selected.of(each):
            visit(each, steps, lambda holder, key, each=each: _write(holder, key, texts, each))  # type: ignore[misc]


def _write(holder: Any, key: Any, texts: dict[str, str], resource: Resource) -> None:
    value = holder[key]
    if isinstance(value, str):
        holder[key] = _replaced(value, texts, resource)
    elif isinstance(value, dict):
        for name, each in value.items():
            if isinstance(each, str):
                value[name] = _replaced(each, texts, resource)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            if not isinstance(each, str):
                problem = f"field {key} of {resource} has an item that is no text, so vars cannot be there"
                raise RenderError(resource.place, problem, "put it in quotes")
            value[index] = _replaced(each, texts, resource)


def _replaced(text: str, texts: dict[str, str], resource: Resource) -> str:
    if "$" not in text:
        return text
    if _ESCAPED.search(text):
        raise NotModelled(f"vars, and the text {text}", "use replacements", resource.place)
    return _REFERENCE.sub(lambda match: texts.get(match[1], match[0]), text)
