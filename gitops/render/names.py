"""namespace, namePrefix and nameSuffix."""

from typing import Any

from gitops.render.fields import SCALAR, Selected, Specs, split_path, visit
from gitops.render.problems import RenderError
from gitops.render.resource import Resource, ResourceList, group_version, is_cluster_scoped
from gitops.render.scalars import is_null, plain, text_of

_NAMESPACE_PATH = ("metadata", "namespace")
_NAME_PATH = ("metadata", "name")
_HELM = "internal.config.kubernetes.io/helm-generated"


def set_namespace(resources: ResourceList, namespace: str, specs: Specs) -> None:
    """Put everything that has a namespace into `namespace`, and what refers to it."""
    selected = Selected(specs.fields["namespace"])

    def write(holder: Any, key: Any) -> None:
        if isinstance(holder[key], dict | list):
            raise RenderError(f"field {key}", "is no scalar, so it takes no namespace", "mend the configuration")
        holder[key] = namespace

    for each in resources:
        each.remember()
        _set_metadata(each, namespace)
        if each.kind in ("RoleBinding", "ClusterRoleBinding"):
            _set_default_subjects(each, namespace)
        for steps, create in selected.of(each):
            if _is_for(each, steps):
                visit(each, steps, write, SCALAR if create else "")
    resources.changed()
    resources.check_unique("namespace")


def _set_metadata(resource: Resource, namespace: str) -> None:
    if not is_cluster_scoped(resource.api_version, resource.kind):
        resource.body["metadata"]["namespace"] = namespace


def _is_for(resource: Resource, steps: tuple[str, ...]) -> bool:
    if steps == _NAMESPACE_PATH or (steps == _NAME_PATH and resource.api_version != "v1"):
        return False
    return steps != ("subjects", "namespace") or resource.kind not in ("RoleBinding", "ClusterRoleBinding")


def _set_default_subjects(binding: Resource, namespace: str) -> None:
    subjects = binding.body.get("subjects")
    if is_null(subjects):
        return
    if not isinstance(subjects, list):
        raise RenderError(binding.place, f"subjects of {binding} is no list", "start each subject with -")
    for subject in subjects:
        if isinstance(subject, dict) and text_of(subject.get("name", "")) == "default":
            subject["namespace"] = namespace


def add_prefix(resources: ResourceList, prefix: str, specs: Specs) -> None:
    """Begin every name with `prefix`."""
    _rename(resources, "namePrefix", specs, prefix, "")


def add_suffix(resources: ResourceList, suffix: str, specs: Specs) -> None:
    """End every name with `suffix`."""
    _rename(resources, "nameSuffix", specs, "", suffix)


def _rename(resources: ResourceList, which: str, specs: Specs, prefix: str, suffix: str) -> None:
    def write(holder: Any, key: Any) -> None:
        if isinstance(holder[key], dict | list):
            raise RenderError(f"field {key}", "is no scalar, so it takes no prefix or suffix", "mend the configuration")
        before = "" if is_null(holder[key]) else text_of(holder[key])
        holder[key] = plain(prefix + before + suffix)

    for each in resources:
        original = each.original
        group, version = group_version(each.api_version)
        if _keeps_name(group, original.kind):
            continue
        for spec in specs.fields[which]:
            if not spec.selects(group, version, original.kind):
                continue
            if spec.path == "metadata/name":
                (each.prefixes if prefix else each.suffixes).append(prefix or suffix)
                each.remember()
            if spec.selects(group, version, each.kind):
                visit(each, split_path(spec.path), write, SCALAR if spec.create else "")
    resources.changed()


def _keeps_name(group: str, kind: str) -> bool:
    if kind == "APIService":
        return group == "apiregistration.k8s.io"
    return kind in ("CustomResourceDefinition", "Namespace")
