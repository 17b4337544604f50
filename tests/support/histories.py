"""Builds of an image, one after the other, as a bump takes them."""

from gitops.manifest.bump import WantedImage

REPOSITORY = "r.example/team/backend-app"


def digest(number: int) -> str:
    """The digest of build `number`."""
    return f"sha256:{number:064x}"


def build(number: int, name: str = "backend-app-image") -> WantedImage:
    """Build `number`: a minute newer than the one before."""
    created = f"2026-11-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00Z"
    return WantedImage(name, REPOSITORY, f"2.{number}", digest(number), f"{number:040x}", created)
