"""`gitops pins`: say which pinned images moved, and renew them."""

from pathlib import Path

import click

from gitops.cli import Group, leave
from gitops.cli.context import Context
from gitops.cli.output import echo, echo_json, table
from gitops.cli.output_option import output_option
from gitops.clients.folder import read_files, write_files
from gitops.clients.image_index import FileIndex, ImageIndex, RegistryIndex
from gitops.errors import PENDING, GitopsError, UsageError, nearest
from gitops.generate.pins import PINS, PinState, newest_tag, read_pins, set_pin

_index = click.option("--index", type=click.Path(path_type=Path), help="Ask this file instead of the registries.")
_names = click.argument("names", nargs=-1)


@click.group(cls=Group)
def command() -> None:
    """Say which images of kustomize/pins.yaml moved, and renew them."""


@command.command(short_help="Which images moved, or have a newer version.")
@_names
@_index
@output_option("text", "json")
@click.pass_obj
def check(context: Context, names: tuple[str, ...], index: Path | None, form: str) -> None:
    """Say which of NAMES (all by default) have a newer version, or moved; exit 3 if any has."""
    states = _states(_catalogue(context), names, _source(index))
    if form == "json":
        echo_json([_document(state) for state in states])
    else:
        echo(table([(s.pin.label, s.pin.tag, s.finding, _detail(s)) for s in states]))
    if any(state.finding not in ("current", "unknown") for state in states):
        leave(PENDING)


@command.command(short_help="Write the newest versions and digests.")
@_names
@_index
@click.pass_obj
def update(context: Context, names: tuple[str, ...], index: Path | None) -> None:
    """Write the newest version and digest of NAMES (all by default) into kustomize/pins.yaml."""
    data = _catalogue(context)
    changed = [state for state in _states(data, names, _source(index)) if state.finding not in ("current", "unknown")]
    for state in changed:
        # Offsets move with each edit: each pin is found again in what the last edit left.
        pin = next(pin for pin in read_pins(data) if pin.label == state.pin.label)
        data = set_pin(data, pin, state.tag, state.digest)
        echo(f"{state.pin.label}  {state.pin.tag} -> {state.tag}  {state.digest or 'no digest'}")
    if not changed:
        echo(f"{PINS}: unchanged")
        return
    write_files(context.root, {PINS: data})
    echo("next: gitops generate")


def _catalogue(context: Context) -> bytes:
    found = read_files(context.root, [PINS])
    if PINS not in found:
        raise GitopsError(str(context.root / PINS), "is not there", "write it: gitops generate")
    return found[PINS]


def _source(file: Path | None) -> ImageIndex:
    return FileIndex(file) if file else RegistryIndex()


def _states(data: bytes, names: tuple[str, ...], index: ImageIndex) -> list[PinState]:
    pins = read_pins(data)
    known = {pin.name for pin in pins}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(PINS, f"no image '{unknown[0]}'", nearest(unknown[0], sorted(known)))
    wanted = [pin for pin in pins if not names or pin.name in names]
    newest = [(pin, newest_tag(pin, index.tags(pin.repository))) for pin in wanted]
    return [PinState(pin, tag, index.digest(pin.repository, tag)) for pin, tag in newest]


def _document(state: PinState) -> dict[str, str | None]:
    pin, newest = state.pin, {"newestTag": state.tag, "newestDigest": state.digest}
    return {"image": pin.label, "repository": pin.repository, "tag": pin.tag, "finding": state.finding, **newest}


def _detail(state: PinState) -> str:
    if state.finding == "newer":
        return f"{state.tag} is there"
    if state.finding in ("current", "unknown"):
        return "" if state.finding == "current" else "nothing says what it is now"
    return f"now {state.digest}" if state.finding == "moved" else f"is {state.digest}"
