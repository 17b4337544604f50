"""The catalogues made new from what AWS answers: text in, text out. Comments, and what is kept by hand, stay."""

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import yaml

from gitops.errors import GitopsError
from gitops.template.catalogues import IMAGES, catalogue

POLICIES_SOURCE = "iam:ListPolicies (scope AWS)"
VERSIONS_SOURCE = "eks:DescribeClusterVersions"


@dataclass(frozen=True)
class Renewal:
    """A catalogue's new text, and what is new and gone in it."""

    text: str
    new: tuple[str, ...]
    gone: tuple[str, ...]


def renew_policies(text: str, exists: Mapping[str, str], today: datetime.date) -> Renewal:
    """`text` of managed_policies.yaml with the policies that `exist` now (path and name -> version).

    What is gone stands in `retired` from now on, without a successor until somebody writes one down.
    """
    before = yaml.load(text, Loader=yaml.CSafeLoader)
    gone = tuple(name for name in before["exists"] if name not in exists)
    new = tuple(name for name in exists if name not in before["exists"])
    head = text.partition("\nexists:\n")[0]
    head += "".join(f"\n  {name}: ~" for name in gone if name not in before["retired"])
    ordered = sorted(exists, key=lambda name: (name.rpartition("/")[2].lower(), name))
    listed = "".join(f"  {name}: {exists[name]}\n" for name in ordered)
    return Renewal(_dated(f"{head}\nexists:\n{listed}", POLICIES_SOURCE, today), new, gone)


def renew_versions(
    text: str, versions: Mapping[str, tuple[datetime.date, datetime.date]], today: datetime.date
) -> Renewal:
    """`text` of eks_versions.yaml with `versions`: minor -> last day of standard, and of extended support."""
    before = yaml.load(text, Loader=yaml.CSafeLoader)["versions"]
    head = text.partition("\nversions:\n")[0]
    newest_first = sorted(versions, key=lambda minor: [int(part) for part in minor.split(".")], reverse=True)
    listed = "".join(
        f'  "{minor}": {{standard: {standard}, extended: {extended}}}\n'
        for minor, (standard, extended) in ((minor, versions[minor]) for minor in newest_first)
    )
    new = tuple(minor for minor in newest_first if minor not in before)
    gone = tuple(minor for minor in before if minor not in versions)
    return Renewal(_dated(f"{head}\nversions:\n{listed}", VERSIONS_SOURCE, today), new, gone)


def _dated(text: str, source: str, today: datetime.date) -> str:
    text, sources = re.subn(r"(?m)^source: .*$", f"source: {source}", text)
    text, dates = re.subn(r"(?m)^date: .*$", f"date: {today}", text)
    if (sources, dates) != (1, 1):
        raise GitopsError("catalogue", "has not one source and one date", "restore the file, then again")
    return text


def unlisted_images(listed: Iterable[str]) -> tuple[str, ...]:
    """Standard Linux images that CodeBuild lists and the catalogue has not: look up their runtimes by hand."""
    known = catalogue(IMAGES)
    pattern = re.compile(r"aws/codebuild/(standard|amazonlinux-(x86_64|aarch64)-standard):[\d.]+")
    names = {name for name in listed if pattern.fullmatch(name)}
    return tuple(sorted(names - set(known["images"]) - set(known["retired"])))
