"""Our rendering held against the real kustomize: the same objects in the same order, or a clean refusal."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from gitops.clients.kubectl import find_kubectl
from gitops.errors import GitopsError
from gitops.render.build import build
from gitops.render.problems import NotModelled
from gitops.render.sources import Sources


class _Loader(yaml.CSafeLoader):
    """PyYAML's loader, for which a bare `=` is a text as well."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)

Outcome = list[str] | str
"""Each object as JSON, or why there are none: `refused: …` or `fallback: …`."""


def ours(root: Path, overlay: str) -> Outcome:
    """What our renderer makes, without falling back."""
    try:
        built = build(Sources(root), os.path.realpath(root / overlay))
    except NotModelled as unmodelled:
        return f"fallback: {unmodelled.what} {unmodelled.place}"
    except GitopsError as error:
        return f"refused: {error}"
    return [as_json(each.body) for each in built.resources]


def theirs(root: Path, overlay: str) -> Outcome:
    """What kustomize makes."""
    kubectl = find_kubectl()
    assert kubectl is not None
    done = subprocess.run(
        [kubectl, "kustomize", str(root / overlay)], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        return f"refused: {done.stderr}"
    return [as_json(each) for each in yaml.load_all(done.stdout, Loader=_Loader) if each is not None]


def as_json(value: Any) -> str:
    """JSON that tells 1 from 1.0 and true."""
    return json.dumps(value, sort_keys=True, default=str)


def difference(mine: Outcome, other: Outcome) -> str:
    """Empty where both agree; `fallback` agrees with anything."""
    if isinstance(mine, str) and mine.startswith("fallback"):
        return ""
    if isinstance(mine, str) or isinstance(other, str):
        both = isinstance(mine, str) and isinstance(other, str)
        return "" if both else f"ours: {_brief(mine)}\nkustomize: {_brief(other)}"
    if mine == other:
        return ""
    pairs = [f"- {b}\n+ {a}" for a, b in zip(mine, other, strict=False) if a != b]
    return f"{len(mine)} objects, kustomize has {len(other)}\n" + "\n".join(pairs[:3])


def _brief(outcome: Outcome) -> str:
    return outcome[:600] if isinstance(outcome, str) else f"{len(outcome)} objects: {outcome[:3]}"
