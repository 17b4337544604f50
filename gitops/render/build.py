"""A kustomization and what it is built on -> objects, in kustomize's order of doing things."""

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from gitops.render import order
from gitops.render.fields import SPEC_NAMES, Specs, default_specs, merge_specs, specs_from
from gitops.render.kustomization import FIELD_SPEC, FILE_NAMES, REPLACEMENT, Kustomization, check, read_kustomization
from gitops.render.name_references import fix_references
from gitops.render.objects import checked_objects
from gitops.render.problems import NotModelled, Place, RenderError, closest
from gitops.render.reader import Position, Positions, read_config, read_objects
from gitops.render.resource import ORIGIN, TRANSFORMATIONS, Resource, ResourceList
from gitops.render.scalars import plain, resolve, settled
from gitops.render.sources import Sources, is_remote

if TYPE_CHECKING:
    from gitops.render.patches import Patch
    from gitops.render.vars import Var

MAX_NESTED = 50
"""Kustomizations on one path, from the overlay to a base."""
_LOCAL = "config.kubernetes.io/local-config"
_INTERNAL = "internal.config.kubernetes.io/"
_BUILD_ANNOTATIONS = frozenset(
    [
        _INTERNAL + name
        for name in (
            "previousKinds",
            "previousNames",
            "previousNamespaces",
            "prefixes",
            "suffixes",
            "refBy",
            "generatorBehavior",
            "needsHashSuffix",
            "allowNameChange",
            "allowKindChange",
            "path",
            "index",
            "seqindent",
            "id",
            "annotations-migration-resource-id",
            "helm-generated",
        )
    ]
    + [
        "config.kubernetes.io/path",
        "config.kubernetes.io/index",
        "config.k8s.io/id",
    ]
)
_NOTES = {"originAnnotations": ORIGIN, "transformerAnnotations": TRANSFORMATIONS}
"""What `buildMetadata` can ask for -> the annotation that says it."""
_MANAGED_BY = {"app.kubernetes.io/managed-by": "kustomize-v5.8.1"}
_ORIGIN = r"[A-Za-z_.][A-Za-z0-9_./-]*"
_NAME_REFERENCE = {
    "group": FIELD_SPEC["group"],
    "version": FIELD_SPEC["version"],
    "kind": FIELD_SPEC["kind"],
    "fieldSpecs": [FIELD_SPEC],
}
_CONFIGURATION: dict[str, Any] = {name: [FIELD_SPEC] for name in SPEC_NAMES} | {"nameReference": [_NAME_REFERENCE]}


class Built:
    """The objects of a rendering, and what it found that is probably a mistake."""

    def __init__(self) -> None:
        self.resources: list[Resource] = []
        self.warnings: list[str] = []
        self.vars: dict[str, Var] = {}


def build(sources: Sources, folder: str) -> Built:
    """Render the kustomization in `folder`, an absolute path.

    Raises `RenderError` for a mistake, `NotModelled` for what only the real kustomize renders.
    """
    built = Built()
    top = _Target(sources, folder, (), (), built)
    metadata = _build_metadata(top)
    resources, specs = top.accumulated(ResourceList(), default_specs())
    if any(each.hashed for each in resources):
        from gitops.render.generators import add_hashes

        add_hashes(resources)
    fix_references(resources, specs)
    if built.vars:
        from gitops.render.vars import resolve_vars

        resolve_vars(resources, built.vars, specs.fields["varReference"])
    resources.drop([each for each in resources if each.texts("annotations").get(_LOCAL, "false") != "false"])
    order.sort(resources, top.kustomization.get("sortOptions"), top.place("sortOptions"))
    resources.changed()
    resources.check_unique("all transformations")
    if "managedByLabel" in metadata:
        from gitops.render.labels import OWN, write_pairs

        write_pairs(resources, _MANAGED_BY, (OWN,))
    for each in resources:
        _finish(each, {_NOTES[asked] for asked in metadata if asked in _NOTES})
    built.resources = resources.items
    return built


def _build_metadata(top: "_Target") -> list[str]:
    """What the overlay asks to be told about its objects; that of its bases does not count."""
    asked = top.kustomization.list("buildMetadata")
    for index, each in enumerate(asked):
        if each not in ("managedByLabel", *_NOTES):
            raise NotModelled(f"buildMetadata {each}", "take it away", top.place("buildMetadata", index))
    top.origin = "" if asked else None
    return asked


def _finish(resource: Resource, kept_notes: set[str]) -> None:
    """Annotations become texts, as kustomize leaves them; odd scalars become their values."""
    # A kind that ends in List needs no name, and so no metadata; kustomize gives it some.
    metadata = resource.body.setdefault("metadata", {})
    if "annotations" in metadata:
        kept = {
            plain(key): text
            for key, text in resource.texts("annotations").items()
            if key in kept_notes or (key not in _BUILD_ANNOTATIONS and key not in _NOTES.values())
        }
        del metadata["annotations"]
        if kept:
            metadata["annotations"] = kept
    resource.body = settled(resource.body)


class _Target:
    """One kustomization in its folder, with the chain of those that led to it."""

    def __init__(
        self, sources: Sources, folder: str, chain: tuple[str, ...], visited: tuple[str, ...], built: Built
    ) -> None:
        self._sources = sources
        self._folder = folder
        self._visited = (*visited, folder)
        self._built = built
        self.kustomization = self._load(chain)
        self._chain = (*chain, self.kustomization.file)
        self.origin: str | None = None
        """Where this folder is from the overlay, as resources spell it; None where nobody asks."""

    def _load(self, chain: tuple[str, ...]) -> Kustomization:
        present = [name for name in FILE_NAMES if os.path.isfile(os.path.join(self._folder, name))]
        where = self._sources.relative(self._folder)
        for name in FILE_NAMES:
            if name not in present:
                self._sources.missing(self._folder, name)
        if len(present) != 1:
            problem = f"has {' and '.join(present)}" if present else "has no kustomization.yaml"
            raise RenderError(where, problem, "keep one file" if present else "add one, or name its files", chain)
        file = f"{where}/{present[0]}".removeprefix("./")
        data = self._sources.read(self._folder, present[0], file)
        return _chained(chain, lambda: read_kustomization(data, file))

    def place(self, *path: str | int) -> Position:
        return self.kustomization.place(*path)

    def _read(self, path: str, *at: str | int) -> tuple[bytes, str]:
        """Content and name of a file of this kustomization."""
        file = self._sources.relative(os.path.join(self._folder, path))
        try:
            return self._sources.read(self._folder, path, file), file
        except RenderError as error:
            raise RenderError(self.place(*at), error.problem, error.hint) from error
        except NotModelled as error:
            raise NotModelled(error.what, error.hint, self.place(*at)) from error

    def accumulated(self, resources: ResourceList, specs: Specs) -> tuple[ResourceList, Specs]:
        """What this kustomization makes, added to `resources` (those of the parent, for a component)."""
        return _chained(self._chain[:-1], lambda: self._accumulated(resources, specs))

    def _accumulated(self, resources: ResourceList, specs: Specs) -> tuple[ResourceList, Specs]:
        for index, path in enumerate(self.kustomization.list("resources")):
            specs = self._add_resource(resources, specs, path, index)
        specs = self._with_configurations(specs)
        self._generate(resources)
        for index, path in enumerate(self.kustomization.list("components")):
            resources, specs = self._below(path, "components", index).accumulated(resources, specs)
        self._transform(resources, specs)
        self._find_vars(resources)
        return resources, specs

    def _find_vars(self, resources: ResourceList) -> None:
        for index, entry in self._each("vars"):
            from gitops.render.vars import Var

            var = Var(entry, resources, self.place("vars", index))
            if var.name in self._built.vars:
                raise RenderError(var.place, f"var {var.name} is there already", "rename one of them")
            self._built.vars[var.name] = var

    def _add_resource(self, resources: ResourceList, specs: Specs, path: str, index: int) -> Specs:
        if not is_remote(path) and self._sources.folder(self._folder, path, self.place("resources", index)) is None:
            data, file = self._read(path, "resources", index)
            for value, line in checked_objects(read_objects(data, file), file):
                resource = Resource(value, file, line)
                if self.origin is not None:
                    resource.annotate(ORIGIN, f"path: {self._from_overlay(path)}\n")
                resources.append(resource)
            return specs
        below, their_specs = self._below(path, "resources", index).accumulated(ResourceList(), default_specs())
        resources.extend(below)
        return merge_specs(specs, their_specs, self.place("resources", index))

    def _from_overlay(self, path: str) -> str:
        found = os.path.normpath(os.path.join(self.origin or "", path))
        if is_remote(path) or not re.fullmatch(_ORIGIN, found) or not isinstance(resolve(found), str):
            raise NotModelled(f"the origin {found}", "take buildMetadata away", self.kustomization.file)
        return found

    def _below(self, path: str, field: str, index: int) -> "_Target":
        place = self.place(field, index)
        folder = self._sources.folder(self._folder, path, place)
        if folder is None and is_remote(path):
            folder = self._sources.remote_folder(path, place)
        if folder is None:
            raise RenderError(place, f"there is no folder '{path}'", self._folders_near(path))
        if any(os.path.commonpath((each, folder)) == folder for each in self._visited):
            raise RenderError(place, f"'{path}' leads back to where it came from", "break the circle")
        if len(self._visited) > MAX_NESTED:
            raise RenderError(place, f"nests over {MAX_NESTED} kustomizations", "make the tree flatter")
        target = _Target(self._sources, folder, self._chain, self._visited, self._built)
        if target.kustomization.is_component != (field == "components"):
            wanted = "a Component" if field == "components" else "no Component"
            raise RenderError(place, f"'{path}' must be {wanted}", "list components under components:")
        if self.origin is not None:
            target.origin = self._from_overlay(path)
        return target

    def _folders_near(self, path: str) -> str:
        parent = os.path.dirname(os.path.normpath(os.path.join(self._folder, path)))
        names = sorted(os.listdir(parent)) if os.path.isdir(parent) else []
        return closest(os.path.basename(path.rstrip("/")), names)

    def _with_configurations(self, specs: Specs) -> Specs:
        merged = merge_specs(specs, default_specs(), self.kustomization.file)
        for index, path in enumerate(self.kustomization.list("configurations")):
            data, file = self._read(path, "configurations", index)
            fields = check(read_config(data, file) or {}, _CONFIGURATION, Positions(data, file))
            if any(each.get("create") for each in fields.get("varReference") or ()):
                raise NotModelled("varReference with create", "use replacements", file)
            found = specs_from(fields, fields.get("nameReference") or [])
            merged = merge_specs(merged, found, file)
        for index, path in self._each("crds"):
            from gitops.render.crds import crd_specs

            data, file = self._read(path, "crds", index)
            merged = merge_specs(merged, crd_specs(data, file), file)
        return merged

    def _generate(self, resources: ResourceList) -> None:
        if not (self.kustomization.get("configMapGenerator") or self.kustomization.get("secretGenerator")):
            return
        from gitops.render.generators import absorb, generated

        options = self.kustomization.get("generatorOptions") or {}
        for field, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
            for index, entry in enumerate(self.kustomization.list(field)):
                place = self.place(field, index)

                def read(path: str, at: tuple[str | int, ...] = (field, index)) -> bytes:
                    return self._read(path, *at)[0]

                new = generated(kind, entry, options, read, place)
                if self.origin is not None:
                    new.annotate(ORIGIN, self._configured_by(f"{kind}Generator"))
                absorb(resources, new)

    def _transform(self, resources: ResourceList, specs: Specs) -> None:
        """Every transformation of this kustomization, in kustomize's order. Each is imported where it is asked for."""
        merged = [self._strategic_merge(path, index) for index, path in self._each("patchesStrategicMerge")]
        patched = [self._patch(entry, "patches", index) for index, entry in self._each("patches")]
        older = [self._patch(entry, "patchesJson6902", index) for index, entry in self._each("patchesJson6902")]
        replaced = self._replacements()
        if merged or patched:
            from gitops.render.patches import apply_documents, apply_patch

            for patch in merged:
                apply_documents(resources, patch.documents, patch, copied=True)
            self._note(resources, "PatchStrategicMergeTransformer", 1 if merged else 0)
            for patch in patched:
                apply_patch(resources, patch)
                self._note(resources, "PatchTransformer")
        self._rename(resources, specs)
        self._label(resources, specs)
        if older:
            from gitops.render.patches import apply_operations

            for patch in older:
                apply_operations(resources, patch)
                self._note(resources, "PatchJson6902Transformer")
        self._set_replicas_and_images(resources, specs)
        if replaced:
            from gitops.render.replacements import replace

            for entry, place in replaced:
                replace(resources, entry, place)
            self._note(resources, "ReplacementTransformer")
        self._warn_of_patches([*patched, *older])

    def _note(self, resources: ResourceList, kind: str, times: int = 1) -> None:
        """Say at each object, where `buildMetadata` asks anything, which transformation it went through.

        An object whose origin the transformation took away is from that transformation.
        """
        if self.origin is None:
            return
        by = self._configured_by(kind)
        for each in resources.items if times else ():
            if ORIGIN in each.texts("annotations"):
                self._add_transformation(each, by, times)
            else:
                each.annotate(ORIGIN, by)
                self._add_transformation(each, by, times - 1)

    def _add_transformation(self, resource: Resource, by: str, times: int) -> None:
        before = resource.texts("annotations").get(TRANSFORMATIONS, "")
        if before and not before.startswith("- configuredIn: "):
            what = f"the annotation {TRANSFORMATIONS} with a text of its own"
            raise NotModelled(what, "take it away", resource.place)
        if times:
            item = "- " + by.rstrip().replace("\n", "\n  ") + "\n"
            resource.annotate(TRANSFORMATIONS, before + item * times)

    def _configured_by(self, kind: str) -> str:
        file = self._from_overlay(os.path.basename(self.kustomization.file))
        return f"configuredIn: {file}\nconfiguredBy:\n  apiVersion: builtin\n  kind: {kind}\n"

    def _each(self, field: str) -> "enumerate[Any]":
        return enumerate(self.kustomization.list(field))

    def _rename(self, resources: ResourceList, specs: Specs) -> None:
        its = self.kustomization
        if not any(its.text(field) for field in ("namespace", "namePrefix", "nameSuffix")):
            return
        from gitops.render import names

        if namespace := its.text("namespace"):
            names.set_namespace(resources, namespace, specs)
            self._note(resources, "NamespaceTransformer")
        if prefix := its.text("namePrefix"):
            names.add_prefix(resources, prefix, specs)
            self._note(resources, "PrefixTransformer")
        if suffix := its.text("nameSuffix"):
            names.add_suffix(resources, suffix, specs)
            self._note(resources, "SuffixTransformer")

    def _label(self, resources: ResourceList, specs: Specs) -> None:
        its = self.kustomization
        if not any(its.get(field) for field in ("labels", "commonLabels", "commonAnnotations")):
            return
        from gitops.render import labels

        for index, entry in enumerate(its.list("labels")):
            labels.add_labels(resources, entry, specs, self.place("labels", index))
        if common := its.get("commonLabels"):
            labels.add_common_labels(resources, common, specs)
        if its.get("labels") or its.get("commonLabels"):
            # One transformer for each entry of labels, and one more for commonLabels, be they given or not.
            self._note(resources, "LabelTransformer", len(its.list("labels")) + 1)
        if annotations := its.get("commonAnnotations"):
            labels.add_annotations(resources, annotations, specs)
            self._note(resources, "AnnotationsTransformer")

    def _set_replicas_and_images(self, resources: ResourceList, specs: Specs) -> None:
        if not (self.kustomization.list("replicas") or self.kustomization.list("images")):
            return
        from gitops.render.images import ImageRule, set_images, set_replicas

        for index, entry in self._each("replicas"):
            set_replicas(resources, entry, specs, self.place("replicas", index))
            self._note(resources, "ReplicaCountTransformer")
        rules = [ImageRule(entry, index) for index, entry in self._each("images")]
        set_images(resources, rules, specs)
        self._note(resources, "ImageTagTransformer", len(rules))
        for rule in rules:
            if not rule.used:
                self._built.warnings.append(f"{self.place('images', rule.index)}: no object has image '{rule.name}'")

    def _warn_of_patches(self, every: "list[Patch]") -> None:
        self._built.warnings += [
            f"{patch.place}: the patch has a target, and no object is it" for patch in every if patch.idle
        ]

    def _strategic_merge(self, text: str, index: int) -> "Patch":
        from gitops.render.patches import Patch, merge_documents

        place = self.place("patchesStrategicMerge", index)
        if "\n" in text or ":" in text:
            documents = merge_documents(text.encode(), str(place))
        else:
            data, file = self._read(text, "patchesStrategicMerge", index)
            documents = merge_documents(data, file)
        patch = Patch(place)
        patch.documents = documents
        return patch

    def _patch(self, entry: dict[str, Any], field: str, index: int) -> "Patch":
        from gitops.render.patches import read_patch

        place = self.place(field, index)
        inline, path = (entry.get("patch") or "").strip(), entry.get("path") or ""
        if bool(inline) == bool(path):
            raise RenderError(
                place, "must have a patch or a path" if not inline else "has a patch and a path", "give one"
            )
        data, file = (inline.encode(), "") if inline else self._read(path, field, index)
        patch = read_patch(data, file, entry, place)
        if field == "patchesJson6902" and not (patch.operations and (entry.get("target") or {}).get("name")):
            raise RenderError(place, "must be operations, with a target that has a name", "use patches: for others")
        return patch

    def _replacements(self) -> list[tuple[dict[str, Any], Place]]:
        found: list[tuple[dict[str, Any], Place]] = []
        for index, entry in enumerate(self.kustomization.list("replacements")):
            place = self.place("replacements", index)
            if not entry.get("path"):
                found.append((entry, place))
                continue
            if entry.get("source") is not None or entry.get("targets"):
                raise RenderError(place, "has a path, and a replacement", "give one of them")
            from gitops.render.replacements import read_entries

            data, file = self._read(entry["path"], "replacements", index)
            positions = Positions(data, file)
            shape = {name: each for name, each in REPLACEMENT.items() if name != "path"}
            found += [(each, file) for each in read_entries(read_config(data, file), shape, positions)]
        return found


T = TypeVar("T")


def _chained(chain: tuple[str, ...], action: Callable[[], T]) -> T:
    """Do `action`; a mistake that it finds gets the chain of kustomizations, where it has none yet."""
    try:
        return action()
    except RenderError as error:
        if error.chain or not chain:
            raise
        raise RenderError(error.subject, error.problem, error.hint, chain) from error
