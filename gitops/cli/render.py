"""`gitops render`: the objects of an environment, as YAML or JSON."""

import sys
from typing import TYPE_CHECKING

import click

from gitops.cli.cache_option import no_cache_option
from gitops.cli.output_option import output_option
from gitops.errors import count_of

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.render import Rendered

_CHANGED = "Name the overlays whose files changed since REV, among all or those named; print no objects."


@click.command()
@click.argument("names", metavar="ENV...", nargs=-1)
@output_option("yaml", "json")
@click.option(
    "--verify", is_flag=True, help="Render with kustomize too, and show any difference; exit 1 if there is one."
)
@click.option("--changed-since", metavar="REV", default="", help=_CHANGED)
@click.option("--inputs", is_flag=True, help="Print the files that were read, with their SHA-256; print no objects.")
@click.option("--show-secrets", is_flag=True, help="Print values of Secrets as they are.")
@no_cache_option
@click.pass_obj
def command(
    context: "Context",
    names: tuple[str, ...],
    form: str,
    verify: bool,
    changed_since: str,
    inputs: bool,
    show_secrets: bool,
) -> None:
    """Print the objects of ENV: an environment, an overlay of the platform, `platform` for all of these, or `all`.

    Values of Secrets, and the same values elsewhere, are printed as ***, unless --show-secrets is given.

    Reads files only, and bases of other repositories that gitops.yaml allows; no cluster is asked. --changed-since and
    --verify are about everything that gitops.yaml names where no ENV is given.
    """
    from gitops.cli.output import echo
    from gitops.config.overlays import folders_named
    from gitops.errors import UsageError

    if not names and not (changed_since or verify):
        raise UsageError("gitops render", "needs an environment", "gitops render prod, or gitops render all")
    overlays = folders_named(context.config, names)
    as_text = form == "yaml" and not (changed_since or inputs or verify or show_secrets)
    if as_text and _show_text(context, overlays):
        return
    rendered = _rendered(context, overlays)
    if changed_since:
        _show_changed(context, rendered, changed_since)
    elif inputs:
        every = {name: digest for each in rendered.values() for name, digest in each.inputs.items()}
        echo("\n".join(f"{every[name]}  {name}" for name in sorted(every)))
    elif verify:
        _verify(context, rendered)
    else:
        _show_objects(rendered, form, show_secrets)


def _show_text(context: "Context", overlays: list[str]) -> bool:
    """Print the objects as YAML; False where kustomize must be asked, or there is something to hide."""
    from gitops.cli.output import echo_error
    from gitops.render.shown import text_of

    shown = text_of(context.render_cache, str(context.root), overlays, context.remotes)
    if shown is None:
        return False
    for warning in shown.warnings:
        echo_error(f"warning: {warning}")
    sys.stdout.write(shown.text)
    return True


def _rendered(context: "Context", overlays: list[str]) -> "dict[str, Rendered]":
    """Each overlay, by its folder; warnings go to stderr."""
    from gitops.cli.output import echo_error
    from gitops.render import rendered
    from gitops.render.many import render_all

    bodies = render_all(str(context.root), overlays, context.render_cache, context.remotes)
    found = {path: rendered(each) for path, each in zip(overlays, bodies, strict=True)}
    for warning in dict.fromkeys(warning for each in found.values() for warning in each.warnings):
        echo_error(f"warning: {warning}")
    return found


def _show_objects(rendered: "dict[str, Rendered]", form: str, show_secrets: bool) -> None:
    from gitops import hidden
    from gitops.cli.output import echo, echo_json
    from gitops.plan.mask import shown
    from gitops.render.text import to_yaml

    objects = [each.body for overlay in rendered.values() for each in overlay.objects]
    bodies = objects if show_secrets else [shown(body) for body in objects]
    # They are hidden by now, or asked for.
    hidden.forget()
    if form == "json":
        echo_json({"apiVersion": "v1", "kind": "List", "items": bodies})
    else:
        echo("---\n".join(to_yaml(body).decode() for body in bodies).removesuffix("\n"))


def _show_changed(context: "Context", rendered: "dict[str, Rendered]", revision: str) -> None:
    from gitops.cli.output import echo
    from gitops.clients.changes import changed_since

    changed = changed_since(context.root, revision)
    for path, each in rendered.items():
        if each.depends_on(changed):
            echo(path)


def _verify(context: "Context", rendered: "dict[str, Rendered]") -> None:
    from gitops.cli import leave
    from gitops.cli.output import echo, style
    from gitops.errors import FAILED
    from gitops.render.verify import difference

    differ = 0
    for path, each in rendered.items():
        lines = difference(context.root, path, each.objects)
        differ += bool(lines)
        how = style("differs from kustomize", "red") if lines else "as kustomize renders it"
        echo("\n".join([f"{path}: {count_of(len(each.objects), 'object')}, {how}", *lines]))
    if differ:
        leave(FAILED)
