"""`gitops init`: write a source and a manifest repository to start from."""

import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click

from gitops.cli.files import Folder, decide, read_changes, show, write
from gitops.cli.output import echo
from gitops.config import Config, Repository, parse_config
from gitops.generate import Answers, config_text, manifest_repository, source_repository
from gitops.generate.answers import EXAMPLE_ACCOUNT, flag, wrong_answer

_HELP = {
    "name": "Name of the system; prefixes everything else.",
    "region": "AWS region.",
    "account": "AWS account, 12 digits.",
    "application": "Name of the application.",
    "port": "Port that it listens on, from 1024.",
    "health": "HTTP path of its health check.",
    "image_repository": "Repository in the registry  [NAME/APPLICATION].",
    "registry": "host[:port], where it is not the account's ECR.",
    "registry_auth": "Who gives that registry's credentials: ecr, docker or none.",
    "clusters": "EKS cluster; one for all environments, or one for each  [NAME-cluster].",
    "version": "Kubernetes minor version of the clusters.",
    "environments": "Environment, in order of promotion; the last asks for approval  [staging, prod].",
    "monitoring": "CloudWatch agent: addon (by the stack), or manifests (overlay monitoring)  [addon].",
    "rendered": "Release rendered manifests to branches release/NAME: needs no cluster.",
    "source_repository": "Source repository  [NAME-app].",
    "source_url": "Where git finds it, where it is not CodeCommit.",
    "manifest_repository": "Manifest repository  [NAME-manifests].",
    "manifest_url": "Where git finds it, where it is not CodeCommit.",
    "branch": "Branch of both repositories.",
}
_ASKED = ("name", "region", "account", "application", "port", "clusters", "environments")
"""What a person is asked for on a terminal; the rest follows from it, or from flags."""


def _options(function: Callable[..., None]) -> Callable[..., None]:
    for field in reversed(fields(Answers)):
        shape: dict[str, Any] = {"multiple": isinstance(field.default, tuple), "type": str}
        if not isinstance(field.default, str | tuple):
            shape = {"type": type(field.default), "is_flag": field.default is False}
        function = click.option(flag(field.name), field.name, default=None, help=_HELP[field.name], **shape)(function)
    return function


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@_options
@click.option("--git/--no-git", default=True, help="Make each a git repository with a first commit.  [--git]")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: take the defaults.")
@click.option("--force", is_flag=True, help="Overwrite files that were changed by hand.")
def command(directory: Path, git: bool, yes: bool, force: bool, **given: Any) -> None:
    """Write a source and a manifest repository into DIRECTORY.

    The source repository has a small web service that builds as it stands; the manifest repository has gitops.yaml and
    the kustomize tree. Run again, it changes nothing; files that were edited by hand stay as they are.
    """
    answers = Answers(**{name: value for name, value in given.items() if value not in (None, ())})
    if not yes and not force and sys.stdin.isatty():
        answers = _ask(answers, {name for name, value in given.items() if value not in (None, ())})
    text = config_text(answers)
    config = parse_config(text.encode())
    generated = {config.source: source_repository(config), config.manifests: manifest_repository(config, text)}
    found = [read_changes(directory / _folder(repository), files, ("",)) for repository, files in generated.items()]
    for repository, folder in zip(generated, decide(found, force, ask=not yes), strict=True):
        write(folder)
        show(folder)
        if git:
            _commit(config, repository, folder)
    _show_next(config, directory)


def _ask(answers: Answers, given: set[str]) -> Answers:
    """`answers` with those that were not given on the command line asked for, each until it can be."""
    for name in _ASKED:
        if name not in given:
            answers = replace(answers, **{name: _ask_one(name, getattr(answers.complete(), name))})
    return answers


def _ask_one(name: str, default: Any) -> Any:
    many = isinstance(default, tuple)
    question = _HELP[name].split("  [")[0].rstrip(".")
    while True:
        shown = " ".join(default) if many else default
        answer: Any = click.prompt(question, default=shown, type=int if isinstance(default, int) else str)
        value = tuple(answer.split()) if many else answer
        wrong = wrong_answer(name, value)
        if wrong is None:
            return value
        echo(f"  {wrong.problem}: {wrong.hint}")


def _folder(repository: Repository) -> str:
    return repository.repository.rpartition("/")[2]


def _commit(config: Config, repository: Repository, folder: Folder) -> None:
    """Make `folder` a repository with one commit. One that is there already is left to its owner."""
    from gitops.clients.git import start_repository

    if (folder.root / ".git").exists():
        if any(change.writes for change in folder.changes):
            echo("  not committed: it is a repository already; look at git diff, then commit")
        return
    url = None if repository.connection and not repository.url else config.clone_url(repository)
    commit = start_repository(folder.root, repository.branch, f"Start {repository.repository}", url)
    echo(f"  git: branch {repository.branch}, commit {commit[:7]}" if commit else "  git: not committed, no identity")
    if commit is None:
        echo("  try: git config --global user.name and user.email, then git commit")


def _show_next(config: Config, directory: Path) -> None:
    manifests = directory / _folder(config.manifests)
    if config.account == EXAMPLE_ACCOUNT:
        echo(f"account {EXAMPLE_ACCOUNT} is an example: give yours with --account, or in {manifests / 'gitops.yaml'}")
    echo(f"next: cd {manifests} && gitops render {config.environments[0].name}")
