"""Config -> the stacks: which template goes where, in the order in which they are made."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.config import Config
from gitops.errors import GitopsError
from gitops.template import names
from gitops.template.access import access
from gitops.template.observability import observability
from gitops.template.pipeline import pipeline
from gitops.template.yaml_text import Block, as_json, write_yaml

FOLDER = "cfn"
ROLE_NAME_LIMIT, BUCKET_NAME_LIMIT = 64, 63


@dataclass(frozen=True)
class Stack:
    """A CloudFormation stack: its name, where it is made, and its template's path and text."""

    name: str
    account: str
    region: str
    path: str
    template: str
    document: Mapping[str, Any]
    """The template as data, in CloudFormation's JSON form."""


def stacks(config: Config) -> Sequence[Stack]:
    """All stacks, each after those that it needs. Raises `GitopsError` for what AWS would refuse."""
    made = []
    for place in names.places(config):
        suffix = "" if place.home else f"-{place.account}-{place.region}"
        made.append(_stack(config, "access", suffix, place, access(config, place)))
        if place.home or place.clusters:
            made.append(_stack(config, "observability", suffix, place, observability(config, place)))
    home = names.places(config)[0]
    made.append(_stack(config, "pipeline", "", home, pipeline(config)))
    for stack in made:
        _check_names(config, stack)
    return made


def templates(config: Config) -> dict[str, bytes]:
    """Path -> content of each template."""
    return {stack.path: stack.template.encode() for stack in stacks(config)}


def _stack(config: Config, kind: str, suffix: str, place: names.Place, data: Block) -> Stack:
    where = "" if place.home else f" Account {place.account}, {place.region}."
    text = write_yaml(data, f"Generated from {config.file_name} by: gitops template.{where}")
    path = f"{FOLDER}/{kind}{suffix}.yaml"
    return Stack(f"{config.name}-{kind}", place.account, place.region, path, text, as_json(data))


def _check_names(config: Config, stack: Stack) -> None:
    limits: Sequence[tuple[str, int, Callable[[str], list[str]]]] = (
        ("role", ROLE_NAME_LIMIT, lambda text: re.findall(r"^ +RoleName: (\S+)$", text, re.MULTILINE)),
        ("bucket", BUCKET_NAME_LIMIT, lambda text: re.findall(r"^ +BucketName: (\S+)$", text, re.MULTILINE)),
    )
    for kind, limit, find in limits:
        for name in find(stack.template):
            if len(name) > limit:
                raise GitopsError(
                    config.file,
                    f"the {kind} {name} would have {len(name)} characters, and AWS allows {limit}",
                    "shorten name, or the environment's or cluster's",
                )
