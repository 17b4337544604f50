"""What the commits of earlier bumps say, in their trailers: which build went where, and when it was made."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gitops.errors import GitopsError
from gitops.manifest.repository import Tree

_FIELD, _ITEM = "\x1e", "\x1f"
_FORMAT = "%x1e".join(
    ["%cI", *(f"%(trailers:key={key},valueonly,separator=%x1f)" for key in ("Image", "Image-Created", "Environment"))]
)


@dataclass(frozen=True)
class PastBump:
    """One commit of a bump or promotion, as its trailers tell."""

    committed: datetime
    images: tuple[tuple[str, str, datetime | None], ...]
    """Repository, digest, and when it was built."""
    environments: tuple[str, ...]


def past_bumps(tree: Tree) -> list[PastBump]:
    """The bumps before `tree`, newest first, as far as the commits are at hand."""
    return [_past_bump(line) for line in tree.objects.log(tree.commit, _FORMAT, "Image: ")]


def _past_bump(line: str) -> PastBump:
    committed, images, times, environments = (line.split(_FIELD) + [""] * 3)[:4]
    built = [*times.split(_ITEM), *[""] * images.count(_ITEM)]
    return PastBump(
        moment(committed, "commit"),
        tuple((*_repository_and_digest(image), _moment(time)) for image, time in zip(images.split(_ITEM), built)),  # noqa: B905 - an image may have no time
        tuple(name.strip() for name in environments.split(",") if name.strip()),
    )


def _repository_and_digest(image: str) -> tuple[str, str]:
    """ "r.example/team/app:1.4.2@sha256:…" -> the repository, without the tag, and the digest."""
    name, _, digest = image.strip().partition("@")
    head, _, last = name.rpartition("/")
    return f"{head}/{last.partition(':')[0]}".lstrip("/"), digest


def build_times(tree: Tree, digests: Collection[str]) -> dict[str, datetime]:
    """When the images of `digests` were built, for those that a bump has told of.

    Where only the newest commits are at hand, some older ones are fetched; what no commit tells is left out.
    """
    found = _times(past_bumps(tree), digests)
    if set(digests) - set(found) and tree.objects.deepen():
        found = _times(past_bumps(tree), digests)
    return found


def _times(bumps: Iterable[PastBump], digests: Collection[str]) -> dict[str, datetime]:
    told = ((digest, time) for bump in bumps for _, digest, time in bump.images)
    return {digest: time for digest, time in told if time and digest in digests}


def changed_at(tree: Tree, environment: str, paths: Sequence[str]) -> datetime | None:
    """When the overlay of `environment`, that is one of `paths`, changed last; None where the commits at hand do not
    tell."""
    if not tree.objects.partial:
        return moment(tree.objects.last_change(tree.commit, paths), paths[-1])
    tree.objects.deepen()
    return next((bump.committed for bump in past_bumps(tree) if environment in bump.environments), None)


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
