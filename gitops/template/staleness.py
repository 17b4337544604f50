"""What went stale since gitops.yaml and the catalogues were written: sentences, for `gitops template --check`."""

import datetime
from collections.abc import Iterator

from gitops.config import Config
from gitops.template import catalogues

NOTICE = datetime.timedelta(days=60)
"""How long before the end of a version's standard support it is reported: an upgrade takes some weeks."""


def stale(config: Config, today: datetime.date) -> list[str]:
    """A sentence for each thing that is out of date on `today`, with what to do about it.

    Raises `GitopsError` for an EKS version that the catalogue has not.
    """
    return [*_versions(config, today), *catalogues.stale(today)]


def _versions(config: Config, today: datetime.date) -> Iterator[str]:
    for cluster in config.clusters:
        if cluster.version is None:
            continue
        version = catalogues.eks_version(cluster.version)
        what = f"{config.file}: cluster {cluster.name}: EKS {version.version}"
        if today > version.extended:
            yield f"{what} has been out of support since {version.extended}: upgrade"
        elif today > version.standard:
            yield f"{what} is in extended support, which costs more, until {version.extended}: upgrade"
        elif today + NOTICE > version.standard:
            yield f"{what} leaves standard support on {version.standard}: plan the upgrade"
