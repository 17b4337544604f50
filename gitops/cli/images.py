"""`gitops images`: which image is where, how old, how far behind."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from gitops.cli.manifest_options import where
from gitops.cli.output import echo, echo_json, table
from gitops.cli.output_option import output_option

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.manifest.overview import Placed


@click.command()
@output_option("text", "json")
@where
@click.pass_obj
def command(context: "Context", form: str, url: str | None, branch: str) -> None:
    """Show which image is in which environment, from the manifest repository alone.

    SINCE is the age of the overlay's last change, BUILT that of the build; BEHIND counts newer builds that were bumped.
    """
    from gitops.manifest.overview import overview

    with context.manifests(url, branch) as place:
        rows = overview(place.tree(), place.config, place.prefix)
    if form == "json":
        echo_json([_document(row) for row in rows])
        return
    now = datetime.now(UTC)
    head = ("ENV", "IMAGE", "TAG", "DIGEST", "SINCE", "BUILT", "BEHIND", "HOLD")
    echo(table([head, *(_row(row, now) for row in rows)]))


def _row(row: "Placed", now: datetime) -> tuple[str, ...]:
    from gitops.config.model import UNRELEASED

    behind = "?" if row.behind is None else f"{row.behind} newer" if row.behind else "newest"
    digest = f"{row.digest[:15]}…" if row.digest not in ("", UNRELEASED) else "-"
    hold = f"since {row.hold.since[:16]}: {row.hold.reason}" if row.hold else "-"
    return row.environment, row.image, row.tag or "-", digest, _age(row.since, now), _age(row.built, now), behind, hold


def _age(moment: datetime | None, now: datetime) -> str:
    """ "12 m", "6 h", "3 d"; a question mark where it is not known."""
    if moment is None:
        return "?"
    seconds = max(0, int((now - moment) / timedelta(seconds=1)))
    size, unit = next(
        (size, unit) for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")) if seconds >= size or size == 1
    )
    return f"{seconds // size} {unit}"


def _document(row: "Placed") -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in asdict(row).items()}
