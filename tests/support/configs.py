"""Configs that the tests of the generators share: the sample, and variations of it."""

from pathlib import Path

from gitops.config import Config, load_config, parse_config

REPOSITORY = Path(__file__).parents[2]


def sample() -> Config:
    """The gitops.yaml at the top of this repository."""
    return load_config(REPOSITORY / "gitops.yaml")


def variation(*replacements: tuple[str, str], extra: str = "") -> Config:
    """The sample with texts replaced in its YAML, each of which must be there, and `extra` lines at its end."""
    text = (REPOSITORY / "gitops.yaml").read_text("utf-8")
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return parse_config((text + extra).encode())
