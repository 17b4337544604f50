"""What the commits of earlier bumps say: when the build of a digest was made. Read from their trailers."""

from collections.abc import Collection
from datetime import UTC, datetime

from gitops.errors import GitopsError
from gitops.manifest.repository import Tree

_FORMAT = "%(trailers:key=Image,valueonly,separator=%x1f)%x1e%(trailers:key=Image-Created,valueonly,separator=%x1f)"


def build_times(tree: Tree, digests: Collection[str]) -> dict[str, datetime]:
    """When the images of `digests` were built, for those that a bump has told of.

    Where only the newest commits are at hand, some older ones are fetched; what no commit tells is left out.
    """
    found = _search(tree, digests)
    if set(digests) - set(found) and tree.objects.deepen():
        found = _search(tree, digests)
    return found


def _search(tree: Tree, digests: Collection[str]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for line in tree.objects.log(tree.commit, _FORMAT, "Image-Created: "):
        images, _, times = line.partition("\x1e")
        for image, time in zip(images.split("\x1f"), times.split("\x1f"), strict=False):
            digest = image.rpartition("@")[2].strip()
            if digest in digests and digest not in found and (moment := _moment(time)):
                found[digest] = moment
    return found


def _moment(text: str) -> datetime | None:
    """A trailer's time; None where someone wrote anything else there."""
    try:
        return moment(text, "Image-Created")
    except GitopsError:
        return None


def moment(text: str, subject: str) -> datetime:
    """RFC 3339 as a time with a zone. Raises `GitopsError` that begins with `subject`."""
    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise GitopsError(subject, f"is no time: {text!r}", "write it as in 2026-11-24T03:00:00Z") from error
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
