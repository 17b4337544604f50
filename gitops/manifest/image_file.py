"""image.json, the result of `gitops build`: read back, with every field checked."""

import json
from typing import Any

from gitops.errors import GitopsError
from gitops.manifest.bump import WantedImage
from gitops.manifest.images import DIGEST, REPOSITORY, TAG

_RULES = {"repository": REPOSITORY, "tag": TAG, "digest": DIGEST}


def read_image_file(data: bytes, file: str, image: str, build_url: str = "") -> WantedImage:
    """The image that the image.json `data`, called `file` in errors, speaks of. It must be `image`."""
    fields = _fields(data, file)
    if fields.get("name") != image:
        raise GitopsError(file, f"is of the image '{fields.get('name')}', not '{image}'", "give the file of its build")
    for key, rule in _RULES.items():
        if not rule.fullmatch(fields.get(key, "")):
            raise GitopsError(file, f"has no usable {key} ({fields.get(key)!r})", "build again: gitops build")
    return WantedImage(
        image,
        fields["repository"],
        fields["tag"],
        fields["digest"],
        fields.get("revision", ""),
        fields.get("created", ""),
        build_url,
    )


def _fields(data: bytes, file: str) -> dict[str, str]:
    try:
        document: Any = json.loads(data)
    except ValueError as error:
        raise GitopsError(file, f"is not JSON: {error}", "give the image.json of gitops build") from error
    if not isinstance(document, dict):
        raise GitopsError(file, "is not an image.json", "give the image.json of gitops build")
    return {key: value for key, value in document.items() if isinstance(value, str)}
