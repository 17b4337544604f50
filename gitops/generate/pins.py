"""The catalogue of images that are run and not built here: read, looked up, and rewritten byte for byte. Pure."""

import re
from dataclasses import dataclass
from importlib.resources import files

import yaml

from gitops import yaml_bounds
from gitops.config import Config
from gitops.errors import GitopsError, nearest

PINS = "kustomize/pins.yaml"
"""The catalogue's place in a manifest repository. It is generated once and then belongs to the repository."""

EXACT = {"cluster-autoscaler"}
"""Images whose minor version has to be the cluster's; others are for a version and every later one."""


@dataclass(frozen=True)
class Pin:
    """One image. `kubernetes` is the cluster's minor version that it is for, empty for any."""

    name: str
    repository: str
    tag: str
    digest: str | None
    source: str
    kubernetes: str = ""
    marks: tuple[tuple[str, int, int], ...] = ()
    """Where the values of `tag` and `digest` stand: key, first and last offset in the text."""

    @property
    def image(self) -> str:
        """What a manifest says: with the digest where it is known."""
        return f"{self.repository}:{self.tag}" + (f"@{self.digest}" if self.digest else "")

    @property
    def line(self) -> str:
        """What follows `image:` in a manifest. Where the digest is not known, the line says so to who reads it and to
        `gitops validate`, until `gitops pins update` has found it."""
        return self.image if self.digest else f"{self.image}  # gitops: ignore I002, no digest could be read yet"

    @property
    def label(self) -> str:
        """As a person calls it."""
        return f"{self.name} ({self.kubernetes})" if self.kubernetes else self.name


UNREAD = "  # none could be read"
"""Stands after a digest of null in the catalogue, until one is written there."""


def shipped_pins() -> bytes:
    """The catalogue of this version of gitops."""
    return files("gitops.generate").joinpath("pins.yaml").read_bytes()


def read_pins(data: bytes, file: str = PINS) -> tuple[Pin, ...]:
    """The catalogue in `data`. Raises `GitopsError` with the line of what is wrong."""
    try:
        root = yaml_bounds.compose(data.decode("utf-8"), yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise GitopsError(file, f"is not YAML: {' '.join(str(error).split())}", "restore it with git") from error
    images = _value(root, "images")
    if not isinstance(images, yaml.SequenceNode):
        raise GitopsError(file, "has no list of images", "write it anew: gitops generate --force")
    return tuple(_pin(node, file) for node in images.value)


def _pin(node: yaml.Node, file: str) -> Pin:
    values = {key: _value(node, key) for key in ("name", "repository", "tag", "digest", "source", "kubernetes")}
    texts: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, yaml.ScalarNode) and value.tag != "tag:yaml.org,2002:null":
            texts[key] = value.value
    for key in ("name", "repository", "tag", "source"):
        if key not in texts:
            raise GitopsError(f"{file}:{node.start_mark.line + 1}", f"an image has no {key}", "add it")
    marks = tuple((k, v.start_mark.index, v.end_mark.index) for k, v in values.items() if v and k in ("tag", "digest"))
    return Pin(
        texts["name"],
        texts["repository"],
        texts["tag"],
        texts.get("digest"),
        texts["source"],
        texts.get("kubernetes", ""),
        marks,
    )


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for known, value in node.value if known.value == key), None)


def pinned(pins: tuple[Pin, ...], name: str, config: Config, version: str | None) -> str:
    """What follows `image:` for the image called `name` in a cluster of `version`.

    Raises `GitopsError` where the catalogue has none for it.
    """
    fitting = [pin for pin in pins if pin.name == name and _fits(pin, version)]
    if fitting:
        return max(fitting, key=lambda pin: _number(pin.kubernetes)).line
    known = [pin.kubernetes for pin in pins if pin.name == name]
    if not known:
        raise GitopsError(PINS, f"has no image '{name}'", nearest(name, {pin.name for pin in pins}))
    raise GitopsError(
        config.file,
        f"no {name} is known for Kubernetes {version or '(no version given)'}: the catalogue has {', '.join(known)}",
        f"give the cluster's version, or add that one to {PINS}",
    )


def _fits(pin: Pin, version: str | None) -> bool:
    if not pin.kubernetes:
        return True
    if version is None:
        return False
    if pin.name in EXACT:
        return pin.kubernetes == version
    return _number(pin.kubernetes) <= _number(version)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")) if version else (0,)


def set_pin(data: bytes, pin: Pin, tag: str, digest: str | None) -> bytes:
    """`data` with the tag and digest of `pin`, which was read from it, replaced; no other byte changes."""
    text = data.decode("utf-8")
    wanted = {"tag": _quoted(tag), "digest": digest or "null"}
    for key, start, end in sorted(pin.marks, key=lambda mark: -mark[1]):
        said = key == "digest" and text.startswith(UNREAD, end)
        says = key == "digest" and digest is None and (said or text[end : end + 1] in ("", "\r", "\n"))
        text = text[:start] + wanted[key] + (UNREAD if says else "") + text[end + (len(UNREAD) if said else 0) :]
    return text.encode()


def _quoted(tag: str) -> str:
    return f'"{tag}"' if tag[0].isdigit() else tag


@dataclass(frozen=True)
class PinState:
    """What became of a pin: the newest tag that may take its place, and the digest of that tag."""

    pin: Pin
    tag: str
    digest: str | None

    @property
    def finding(self) -> str:
        """newer, moved (the same tag has another digest), unpinned (a digest is to be had), unknown, or current."""
        if self.tag != self.pin.tag:
            return "newer"
        if self.digest is None:
            return "unknown"
        if self.pin.digest is None:
            return "unpinned"
        return "current" if self.digest == self.pin.digest else "moved"


def newest_tag(pin: Pin, tags: list[str]) -> str:
    """The newest of `tags` that may take the place of the pin's: of the same form, never older.

    A pin for a Kubernetes version stays on its minor version: only its patches are newer.
    """
    shape = re.compile(re.sub(r"\d+", r"\\d+", re.escape(pin.tag)))
    kept = 2 if pin.kubernetes else 0
    now = _parts(pin.tag)
    fitting = [tag for tag in tags if shape.fullmatch(tag) and _parts(tag)[:kept] == now[:kept] and _parts(tag) > now]
    return max(fitting, key=_parts, default=pin.tag)


def _parts(tag: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", tag))
