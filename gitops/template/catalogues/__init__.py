"""What exists in AWS, as data: policies, build images, runtimes, EKS versions, allowed values. All else is refused.

Each file says where it comes from and of which date. `gitops template` can name nothing that is not in them; the errors
name what became of a retired one.
"""

import dataclasses
import datetime
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from gitops.errors import GitopsError, nearest

POLICIES, IMAGES, EKS, ALLOWED = "managed_policies", "build_images", "eks_versions", "allowed_values"
CATALOGUES = (POLICIES, IMAGES, EKS, ALLOWED)
STALE_AFTER = datetime.timedelta(days=270)
"""A catalogue older than this is reported as stale: AWS retires images and policies about once a year."""


@dataclasses.dataclass(frozen=True)
class BuildImage:
    """A CodeBuild image: its name, the environment type that runs it, the Pythons of `runtime-versions`."""

    name: str
    environment: str
    python: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class EksVersion:
    """A Kubernetes minor on EKS, and the last days of its standard and of its extended support."""

    version: str
    standard: datetime.date
    extended: datetime.date


@cache
def catalogue(name: str) -> Mapping[str, Any]:
    """The whole of one catalogue, `source` and `date` included."""
    text = resources.files(__package__).joinpath(f"{name}.yaml").read_text("utf-8")
    data: Mapping[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return data


def managed_policy(name: str) -> str:
    """The ARN of the AWS managed policy `name`, for `Fn::Sub`. Raises `GitopsError` for one that is gone or unknown."""
    data = catalogue(POLICIES)
    plain = name.rpartition("/")[2]
    old = next((known for known in (name, plain) if known in data["retired"]), None)
    if old:
        successor = data["retired"][old]
        hint = f"use {successor}" if successor else _close_policy(plain, data)
        raise GitopsError(f"managed policy {name}", "is retired by AWS", hint)
    if name not in data["exists"]:
        raise GitopsError(
            f"managed policy {name}", f"is not in AWS's list of {data['date']}", _close_policy(plain, data)
        )
    return f"arn:${{AWS::Partition}}:iam::aws:policy/{name}"


def _close_policy(plain: str, data: Mapping[str, Any]) -> str:
    import difflib

    by_name = {path.rpartition("/")[2]: path for path in data["exists"]}
    close = difflib.get_close_matches(plain, by_name, n=3)
    return f"use {' or '.join(by_name[name] for name in close)}" if close else "write an inline policy instead"


def build_image(name: str) -> BuildImage:
    """The CodeBuild image `name`. Raises `GitopsError` for one that is not maintained, or unknown."""
    data = catalogue(IMAGES)
    if name in data["retired"]:
        raise GitopsError(f"build image {name}", "is no longer maintained by AWS", f"use {data['retired'][name]}")
    if name not in data["images"]:
        raise GitopsError(
            f"build image {name}", f"is not in the catalogue of {data['date']}", nearest(name, data["images"])
        )
    entry = data["images"][name]
    return BuildImage(name, entry["environment"], tuple(entry["python"]))


def python_runtime(image: BuildImage, version: str) -> str:
    """`version` where `image` offers that Python and the toolkit runs on it. Raises `GitopsError` otherwise."""
    from gitops.template.bootstrap import NEWEST_PYTHON, OLDEST_PYTHON, supported

    offered = [python for python in image.python if supported(python)]
    if version not in offered:
        raise GitopsError(
            f"Python {version}",
            f"cannot run the toolkit on {image.name} (it needs {OLDEST_PYTHON} to {NEWEST_PYTHON})",
            f"one of {', '.join(offered)}",
        )
    return version


def eks_version(version: str) -> EksVersion:
    """The EKS version `version`. Raises `GitopsError` for one that EKS has not, or has no longer."""
    known = catalogue(EKS)["versions"]
    if version not in known:
        raise GitopsError(
            f"EKS {version}", f"is not in the catalogue of {catalogue(EKS)['date']}", f"one of {', '.join(known)}"
        )
    return EksVersion(version, **known[version])


def allowed(service: str, setting: str, value: Any) -> Any:
    """`value` where `service` accepts it for `setting`. Raises `GitopsError` with what it accepts."""
    values = catalogue(ALLOWED)[service][setting]
    if value not in values:
        raise GitopsError(f"{service} {setting}", f"cannot be {value}", f"one of {', '.join(map(str, values))}")
    return value


def quota(name: str) -> int:
    """CodePipeline's quota `name`."""
    return int(catalogue(ALLOWED)["codepipeline"][name])


def access_policy(name: str) -> str:
    """The ARN of the EKS access policy `name`, for `Fn::Sub`. Raises `GitopsError` for an unknown one."""
    return f"arn:${{AWS::Partition}}:eks::aws:cluster-access-policy/{allowed('eks', 'accessPolicies', name)}"


def stale(today: datetime.date) -> list[str]:
    """A sentence for each catalogue whose date is too long ago on `today`."""
    return [
        f"catalogue {name} is of {catalogue(name)['date']}: refresh it with gitops catalogues refresh"
        for name in CATALOGUES
        if today - catalogue(name)["date"] > STALE_AFTER
    ]
