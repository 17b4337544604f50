"""The toolkit's wheel that builds install: found here, uploaded once, known to the stack by its hash."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitops import __version__
from gitops.clients.artifacts import ArtifactBucket
from gitops.clients.cloudformation import StackState
from gitops.config import Config
from gitops.errors import GitopsError

PARAMETERS = ("ToolkitWheel", "ToolkitSha256")


@dataclass(frozen=True)
class Wheel:
    """A wheel on this machine."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def key(self) -> str:
        """Where it is in the artifact bucket; another content is another place, so that none is overwritten."""
        return f"toolkit/{self.sha256[:16]}/{self.name}"


def find_wheel(given: Path | None, folder: Path) -> Wheel | None:
    """The wheel at `given`, or this version's in `folder`/dist. Raises `GitopsError` where `given` is none."""
    path = given or folder / "dist" / f"gitops-{__version__}-py3-none-any.whl"
    if given is None and not path.is_file():
        return None
    if not (path.name.startswith("gitops-") and path.suffix == ".whl"):
        raise GitopsError(str(path), "is not a wheel of gitops", "give gitops-VERSION-py3-none-any.whl")
    try:
        return Wheel(path.name, path.read_bytes())
    except OSError as error:
        raise GitopsError(str(path), f"cannot be read ({error.strerror})", "check the path after --wheel") from error


def parameters(
    config: Config, wheel: Wheel | None, bucket: ArtifactBucket, state: StackState | None
) -> Mapping[str, str]:
    """The pipeline stack's parameters: the wheel's address and hash, or those that the stack has already."""
    if wheel:
        address = "index" if config.pipeline.toolkit == "index" else f"s3://{bucket.name}/{wheel.key}"
        return dict(zip(PARAMETERS, (address, wheel.sha256), strict=True))
    if state and all(name in state.parameters for name in PARAMETERS):
        return {name: state.parameters[name] for name in PARAMETERS}
    raise GitopsError(
        f"gitops-{__version__}-py3-none-any.whl",
        "builds need the toolkit's wheel, and there is none here",
        f"pip download --no-deps gitops=={__version__}, or uv build --wheel in a checkout; then --wheel FILE",
    )


def upload(wheel: Wheel, bucket: ArtifactBucket) -> str:
    """Put the wheel where the stack says it is; return its address."""
    return bucket.upload(wheel.key, wheel.content)
