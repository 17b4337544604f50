"""The command line: a module a command, imported when it is called; one boundary that turns errors into exit codes."""

import importlib
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from gitops import __version__
from gitops.cli.output import TERMINAL, echo_error, silence
from gitops.errors import DONE, INTERRUPTED, TERMINATED, UNEXPECTED, USAGE, GitopsError, Terminated
from gitops.hidden import SECRET_VARIABLES, remember, without

COMMANDS = {
    "init": "Write a source and a manifest repository to start from.",
    "generate": "Bring kustomize/ and buildspec/ up to gitops.yaml, keeping edits by hand.",
    "validate": "Check every overlay offline: schemas, references, security, pins.",
    "pins": "Say which pinned images moved, and renew them.",
    "build": "Build an image from a commit of the source repository, and push it.",
    "bump": "Write an image's tag and digest into an overlay, and push the commit.",
    "promote": "Write the images that one environment has proved into the next one's overlay.",
    "images": "Which image is where, how old, how far behind.",
    "hold": "Keep an environment as it is.",
    "unhold": "Let bumps and promotions change an environment again.",
    "verify": "Record that an environment's images have passed a check.",
    "render": "Print the objects of an environment.",
    "plan": "Show what a deploy would change.",
    "deploy": "Plan, apply, wait, and record a release.",
    "rollback": "Go back to the last good release, and hold it there.",
    "drift": "What differs from the released revision, and who changed it.",
    "status": "What is where, and how it is.",
    "history": "What was released to an environment.",
    "template": "Write the CloudFormation of the AWS side from gitops.yaml.",
    "pipeline": "The AWS side: plan, up, status, logs, down.",
    "cluster": "Check an EKS cluster before a deployment, and harden it.",
    "teardown": "Delete what deploys made, in reverse order.",
    "catalogues": "What is known of AWS: how old it is, and how to make it new.",
    "config": "Check gitops.yaml, or print its JSON Schema.",
    "demo": "From a commit to a release, here and now, on embedded defaults.",
}
"""Command -> its short help, so that `gitops --help` imports none. Each is `command` in the module gitops.cli.NAME."""


class Group(click.Group):
    """A group that says which of its commands may have been meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            from gitops.errors import UsageError, nearest

            raise UsageError(ctx.command_path, f"no command '{args[0]}'", nearest(args[0], known))
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """A group whose commands are imported when they are called: `command` in the module PACKAGE.NAME."""

    def __init__(self, *args: Any, lazy: Mapping[str, str], package: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy
        self._package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self._lazy:
            return None
        command: click.Command = importlib.import_module(f"{self._package}.{name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._lazy.items()))


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    package="gitops.cli",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="gitops %(version)s")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    envvar="GITOPS_CONFIG",
    help="gitops.yaml to use, also by GITOPS_CONFIG; else the nearest one above.",
)
@click.option(
    "-C", "directory", type=click.Path(file_okay=False, path_type=Path), help="Run as if started in this folder."
)
@click.option("--color/--no-color", default=None, help="Colour; by default on a terminal without NO_COLOR.")
@click.pass_context
def cli(ctx: click.Context, config_file: Path | None, directory: Path | None, color: bool | None) -> None:
    """From git push to a healthy release on EKS.

    Build an image from a commit, write its tag and digest into the manifest repository, plan, deploy, roll back.
    """
    from gitops.cli.context import Context

    if directory is not None:
        try:
            os.chdir(directory)
        except OSError as error:
            raise GitopsError(
                str(directory), f"cannot be entered ({error.strerror})", "check the folder after -C"
            ) from error
    TERMINAL.use_color(color)
    ctx.obj = Context(config_file)


def run(args: Sequence[str]) -> int:
    """Run the command line `args` and return the exit code. The one place that catches."""
    remember(os.environ.get(name, "") for name in SECRET_VARIABLES)
    # Who writes insecure-skip-tls-verify knows. Before any thread: what one sets, another's import may take back.
    warnings.filterwarnings("ignore", "Unverified HTTPS request")
    try:
        result = cli.main(list(args), prog_name="gitops", standalone_mode=False)
        return result if isinstance(result, int) else DONE
    except GitopsError as error:
        echo_error(str(error))
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stdout.write(error.format_message() + "\n")
        return DONE
    except click.ClickException as error:
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "gitops"
        problem = " ".join(error.format_message().split()).rstrip(".")
        echo_error(f"{path}: {problem}\n  try: {path} --help")
        return USAGE
    except (KeyboardInterrupt, click.Abort) as error:
        # click makes an Abort of every interrupt.
        terminated = isinstance(error.__cause__ or error, Terminated)
        echo_error(f"gitops: {'stopped by SIGTERM' if terminated else 'interrupted'}")
        return TERMINATED if terminated else INTERRUPTED
    except BrokenPipeError:
        silence(sys.stdout)
        return DONE
    except Exception as error:  # noqa: BLE001 - a defect of ours: the trace goes to a file, not to the person
        problem = f"unexpected {type(error).__name__}; its trace is in {_keep_trace()}"
        echo_error(f"gitops: {problem}\n  try: report it with that file")
        return UNEXPECTED


def _keep_trace() -> str:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="gitops-", suffix=".trace", delete=False) as file:
        file.write(without(f"gitops {__version__}, Python {sys.version}\n{traceback.format_exc()}"))
    return file.name


def leave(code: int) -> NoReturn:
    """End the command with an exit code that is not an error, such as 3 for changes pending."""
    raise click.exceptions.Exit(code)
