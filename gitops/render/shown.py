"""What `gitops render NAMES` prints, without what only other commands need: the start is most of a small rendering.

Which overlays NAMES are is known from the last time that gitops.yaml had the content that it has.
"""

import json
import os
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from gitops.errors import GitopsError
from gitops.hidden import holds_secret, without
from gitops.render.cache import Cache, default_folder
from gitops.render.many import render_all
from gitops.render.remotes import Remotes
from gitops.render.text import to_yaml

CONFIG_FILE = "gitops.yaml"
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f]")


class Shown(NamedTuple):
    """The objects as YAML, and the warnings of their rendering."""

    text: str
    warnings: tuple[str, ...]


def known_text(folder: str, names: Sequence[str], *, fresh: bool = False) -> Shown | None:
    """What `names` render to by the gitops.yaml of `folder` or of the nearest above it; `fresh` uses no rendering that
    is kept. None where there is more to do: a mistake to tell, kustomize to ask."""
    root, cache = _root(os.path.realpath(folder)), Cache(default_folder())
    if not root:
        return None
    try:
        overlays, allowed = _overlays(cache, root, names)
        return text_of(None if fresh else cache, root, overlays, Remotes(allowed))
    except (GitopsError, OSError):
        return None


def _overlays(cache: Cache, root: str, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The folders that `names` stand for, and the repositories that are allowed, as gitops.yaml says; or as it said
    when it had this content before."""
    name = f"names {json.dumps(names)}"
    if kept := cache.find(root, name):
        overlays, allowed = json.loads(kept.content)
        return overlays, allowed
    from gitops.config.overlays import folders_named
    from gitops.config.reader import parse_config

    with open(os.path.join(root, CONFIG_FILE), "rb") as file:
        data = file.read()
    config = parse_config(data)
    found = folders_named(config, names), list(config.remotes)
    cache.keep(name, {CONFIG_FILE: sha256(data).hexdigest()}, (), (), json.dumps(found).encode())
    return found


def text_of(cache: Cache | None, root: str, overlays: Sequence[str], remotes: Remotes) -> Shown | None:
    """`overlays` as YAML, from `cache` or anew; None where kustomize renders one, or something must be hidden."""
    name = f"text {json.dumps([*overlays, *remotes.allowed])}"
    if cache and (kept := cache.find(root, name)):
        return _public(Shown(kept.content.decode(), tuple(kept.warnings)))
    found = render_all(root, overlays, cache, remotes)
    bodies = [body for each in found for body, _ in each.objects]
    if any(each.by != "gitops" for each in found) or any(map(holds_secret, bodies)):
        return None
    warnings = tuple(dict.fromkeys(warning for each in found for warning in each.warnings))
    text = "---\n".join(to_yaml(body).decode() for body in bodies)
    shown = _public(Shown(text, warnings))
    if cache and shown:
        inputs = {path: digest for each in found for path, digest in each.inputs.items()}
        cache.keep(name, inputs, {path for each in found for path in each.sought}, warnings, text.encode())
    return shown


def _public(shown: Shown) -> Shown | None:
    """`shown` where it has nothing that is printed otherwise than it is: a password in a URL, a control character."""
    every = shown.text + "\n".join(shown.warnings)
    return None if _CONTROL.search(every) or without(every) != every else shown


def _root(folder: str) -> str:
    """The nearest folder with a gitops.yaml; empty where there is none, or where a link to one leads elsewhere."""
    while not os.path.isfile(os.path.join(folder, CONFIG_FILE)):
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above
    return "" if os.path.islink(os.path.join(folder, CONFIG_FILE)) else folder
