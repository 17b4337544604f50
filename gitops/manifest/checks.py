"""Checks that an environment's images have passed, recorded in the manifest repository for exactly their digests."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from gitops import yaml_bounds
from gitops.config.model import DNS_LABEL, UNRELEASED, Field
from gitops.errors import GitopsError
from gitops.manifest.bump import find_kustomizations
from gitops.manifest.current import current_images
from gitops.manifest.repository import FileEdit, Intent, Message, Proposal, Tree, new_file

FOLDER = ".gitops/checks"
"""Where they are, beside gitops.yaml: a file an environment, check -> when it passed, and the image digests it saw."""


def read_checks(tree: Tree, environment: str, prefix: str = "") -> dict[str, dict[str, str]]:
    """Each check that was recorded for `environment`, and the digests by image that it passed with."""
    path = _path(environment, prefix)
    entries = tree.find([path])
    if not entries:
        return {}
    document = _load(tree.read(list(entries.values()))[path], path)
    return {name: dict(check.get("images") or {}) for name, check in document.items() if isinstance(check, Mapping)}


def check_name(name: str) -> str:
    """`name`, if gitops.yaml could ask for it. Raises `GitopsError`."""
    if not re.fullmatch(DNS_LABEL, name):
        raise GitopsError(
            f"check {name!r}", "is no name of a check", "small letters, digits and dashes, as in smoke-test"
        )
    return name


def missing_checks(
    passed: Mapping[str, Mapping[str, str]], required: Sequence[str], digests: Mapping[str, str]
) -> list[str]:
    """Those of `required` that did not pass with exactly `digests` (image -> digest)."""
    return [name for name in required if {k: passed.get(name, {}).get(k) for k in digests} != dict(digests)]


def record_check(
    check: str,
    environment: str,
    folder: str,
    when: str,
    repositories: Mapping[str, str],
    *,
    fields: Sequence[Field] = (),
    config_file: str,
    prefix: str = "",
    author: str = "",
) -> Intent:
    """The intent that `check` is recorded as passed, at `when`, for what the overlay in `folder` says now.

    `repositories` are those of the config's images, by name; `fields` what says images besides the overlay.
    """

    def propose(tree: Tree) -> Proposal:
        path = _path(environment, prefix)
        overlays = find_kustomizations(tree, {environment: folder}, config_file, plain=True)
        images = current_images(tree, overlays, repositories, {environment: fields}, prefix)[environment].images
        digests = {image.name: image.digest for image in images if image.digest not in ("", UNRELEASED)}
        if not digests:
            raise GitopsError(
                overlays[environment].path, "has no released image to check", "bump it first: gitops bump"
            )
        message = Message(f"{environment} passed {check}", author=author)
        entries = tree.find([path])
        before = tree.read(list(entries.values())).get(path)
        document = _load(before, path) if before else {}
        if (document.get(check) or {}).get("images") == digests:
            return Proposal((), message)
        document[check] = {"passed": when, "images": digests}
        data = yaml.safe_dump(document, sort_keys=True, allow_unicode=True).encode()
        edit = FileEdit(entries[path], before, data) if before else new_file(path, data)
        return Proposal((edit,), message)

    return propose


def _path(environment: str, prefix: str) -> str:
    return f"{prefix}/{FOLDER}/{environment}.yaml" if prefix else f"{FOLDER}/{environment}.yaml"


def _load(data: bytes, path: str) -> dict[str, Any]:
    try:
        document = yaml_bounds.load(data)
    except yaml.YAMLError as error:
        raise GitopsError(path, "is not YAML", "take the file away, and run the checks again") from error
    if not isinstance(document, dict):
        raise GitopsError(path, "is not a list of checks", "take the file away, and run the checks again")
    return document
