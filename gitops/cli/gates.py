"""The gates of an image, its scan and its signature, as `bump` and `promote` ask them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.manifest.place import Place
    from gitops.manifest.promote import Gate


def gate_of(context: "Context", place: "Place") -> "Gate":
    """The gates of the images in gitops.yaml at `place`."""
    from gitops.manifest.wanted import refuse_findings

    images = {image.name: image for image in place.config.images}

    def gate(read: "Callable[[str], bytes]", name: str, digest: str) -> None:
        image = images[name]
        refuse_findings(image, digest, context.findings)
        if image.signature:
            from gitops.manifest.signature import refuse_unsigned

            key = read(place.path(image.signature.key))
            refuse_unsigned(image, digest, key, image.signature.key, context.registry)

    return gate
