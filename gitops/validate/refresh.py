"""Writes `kubernetes.json` and `resources.json` anew: python -m gitops.validate.refresh FOLDER [DISCOVERY...].

FOLDER holds the JSON schemas of Kubernetes (v1.36.0-local/_definitions.json and so on), as kubernetes-validate has them
under kubernetes-json-schema. DISCOVERY are saved answers of an API server to /api/v1 and /apis/GROUP/VERSION.
"""

import json
import sys
from pathlib import Path
from typing import Any

VERSIONS = ("1.33", "1.34", "1.35", "1.36", "1.37")
HERE = Path(__file__).parent
_SPECIAL = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int|string",
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "any",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "any",
}


def compact(definitions: dict[str, Any]) -> dict[str, Any]:
    """Each definition as {"fields": {name: type}, "required": [...], "kinds": ["group/version/Kind"]}.

    A type is a word, "#NAME" for another definition, ["TYPE"] for a list, {"*": TYPE} for a map.
    """
    result = {}
    for name, schema in definitions.items():
        if name in _SPECIAL:
            continue
        entry: dict[str, Any] = {}
        if "properties" in schema:
            entry["fields"] = {key: _type(value) for key, value in sorted(schema["properties"].items())}
        if schema.get("required"):
            entry["required"] = schema["required"]
        kinds = schema.get("x-kubernetes-group-version-kind", [])
        if kinds and "metadata" in schema.get("properties", {}):
            entry["kinds"] = [f"{kind['group']}/{kind['version']}/{kind['kind']}" for kind in kinds]
        result[name] = entry
    return result


def _type(schema: dict[str, Any]) -> Any:
    reference = schema.get("$ref") or next((part["$ref"] for part in schema.get("allOf", []) if "$ref" in part), None)
    if reference:
        name = reference.rpartition("/")[2]
        return _SPECIAL.get(name, f"#{name}")
    kind = schema.get("type", "any")
    kind = next((each for each in kind if each != "null"), "any") if isinstance(kind, list) else kind
    if kind == "array":
        return [_type(schema.get("items", {}))]
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return {"*": _type(schema["additionalProperties"])}
    return "any" if kind == "object" else kind


def layered(folder: Path) -> dict[str, Any]:
    """The first version whole; of each later one what differs from the one before (null: gone)."""
    result: dict[str, Any] = {}
    before: dict[str, Any] = {}
    for version in VERSIONS:
        document = json.loads((folder / f"v{version}.0-local" / "_definitions.json").read_bytes())
        now = compact(document["$defs"])
        changed = {name: entry for name, entry in now.items() if before.get(name) != entry}
        result[version] = changed | {name: None for name in before if name not in now}
        before = now
    return result


def discovered(files: list[Path]) -> dict[str, Any]:
    """group -> resource -> {"kind", "namespaced", "verbs"}, of every version served."""
    result: dict[str, Any] = {}
    for file in files:
        answer = json.loads(file.read_bytes())
        group = answer["groupVersion"].rpartition("/")[0]
        for resource in answer["resources"]:
            entry = {key: resource[key] for key in ("kind", "namespaced", "verbs")}
            result.setdefault(group, {}).setdefault(resource["name"], entry)
    return {group: dict(sorted(resources.items())) for group, resources in sorted(result.items())}


def _lines(data: dict[str, Any]) -> str:
    """JSON with one line an entry of the second level, so that a refresh can be read in a diff."""
    blocks = []
    for outer, inner in data.items():
        entries = (f"{json.dumps(key)}:{json.dumps(inner[key], separators=(',', ':'))}" for key in sorted(inner))
        blocks.append(json.dumps(outer) + ":{\n" + ",\n".join(entries) + "\n}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main() -> None:
    """Write both files."""
    folder, *discovery = map(Path, sys.argv[1:])
    (HERE / "kubernetes.json").write_text(_lines(layered(folder)))
    if discovery:
        (HERE / "resources.json").write_text(_lines(discovered(discovery)))


if __name__ == "__main__":
    main()
