"""The help of every command, as a person reads it."""

from collections.abc import Iterator

import click
import pytest

from gitops.cli import cli


def commands(command: click.Command, path: str, parent: click.Context | None) -> Iterator[tuple[str, click.Context]]:
    here = click.Context(command, info_name=path, parent=parent, terminal_width=78)  # click leaves two columns free
    yield here.command_path, here
    if isinstance(command, click.Group):
        for name in command.list_commands(here):
            below = command.get_command(here, name)
            assert below is not None
            yield from commands(below, name, here)


ALL = dict(commands(cli, "gitops", None))


@pytest.mark.parametrize("path", ALL)
def test_it_fits_a_terminal_and_nothing_of_it_is_cut(path: str) -> None:
    text = ALL[path].get_help()
    examples = [line for line in text.splitlines() if line.startswith("  gitops ")]
    assert [line for line in text.splitlines() if len(line) > 80 and line not in examples] == []
    assert "..." not in text.replace("ARGS]...", "").replace("ENV...", "").replace("NAMES]...", "")


@pytest.mark.parametrize("path", ALL)
def test_every_option_says_what_it_is_for(path: str) -> None:
    command = ALL[path].command
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("path", ALL)
def test_an_environment_is_called_env_in_every_command(path: str) -> None:
    command = ALL[path].command
    arguments = {
        argument.make_metavar(ALL[path]) for argument in command.params if isinstance(argument, click.Argument)
    }
    assert not arguments & {"ENVIRONMENT", "NAME"}
