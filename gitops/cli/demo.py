"""`gitops demo`: from a commit to a release on embedded defaults, then a second one, by the very commands to type."""

import shlex
import shutil
import sys
from contextlib import chdir, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops.cli.output import Progress, echo, style
from gitops.errors import GitopsError

if TYPE_CHECKING:
    from gitops.demo.world import World

NAME, APPLICATION, REPOSITORY = "demo", "web", "demo/web"
ENVIRONMENT = "staging"


@click.command()
@click.argument("directory", default="gitops-demo", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--context", "kube_context", default="", help="Release to this context of the kubeconfig, not to a branch."
)
@click.option("--network", default="", help="Network of the image build's steps, as in docker build --network.")
def command(directory: Path, kube_context: str, network: str) -> None:
    """From a commit to a release, here and now, in DIRECTORY (default: gitops-demo).

    AWS, the registry and the git server run on this machine as long as the demo does. Nothing outside of DIRECTORY is
    touched.
    """
    from gitops.demo.world import demo_world

    with demo_world(directory.resolve(), why_no_image) as world:
        demo = Demo(world, directory, kube_context, network)
        try:
            demo.tell()
        finally:
            demo.clear_daemon()
    demo.end()


def why_no_image() -> str:
    """Why no image can be built here; empty where one can."""
    from gitops.clients.docker import Docker
    from gitops.generate.scaffold import base_image

    with closing(Docker()) as docker, Progress() as progress:
        try:
            docker.check()
        except GitopsError as error:
            return f"{error.subject}: {error.problem}"
        progress.step(f"looking for the base image {base_image()}, which Docker may have to pull")
        return "" if docker.has_image(base_image()) else f"Docker has no {base_image()}, and cannot pull it"


@dataclass
class Demo:
    """The story, told by running what a person would type."""

    world: "World"
    shown: Path
    kube_context: str
    network: str

    @property
    def source(self) -> Path:
        return self.world.folder / f"{NAME}-app"

    @property
    def manifests(self) -> Path:
        return self.world.folder / f"{NAME}-manifests"

    def tell(self) -> None:
        """Two repositories, a release, a second commit, a second release."""
        self.say("A source and a manifest repository, pushed to a git server that asks for a password")
        self.make_repositories()
        if self.world.missing:
            echo(f"done without an image build: {self.world.missing}")
            echo("  instead, a public image is released: it is pinned by digest, and nothing is pulled")
        else:
            from gitops.demo.world import create_ecr_repository

            create_ecr_repository(REPOSITORY)
        if not self.kube_context:
            echo("done without a cluster: releases are commits of rendered objects, on the branch release/staging")
        self.say("The first release: a commit becomes an image, a bump, a plan, and what runs")
        self.release(0)
        self.say("A second commit, a second release: the plan shows the image that changes")
        self.edit_application()
        self.release(1)

    def make_repositories(self) -> None:
        git = self.world.git
        for name in (self.source.name, self.manifests.name):
            git.create(f"{name}.git")
        self.gitops(self.world.folder.parent, "init", str(self.world.folder), *self.init_options(), quiet=True)
        for repository in (self.source, self.manifests):
            self.git(repository, "push", "--quiet", "--set-upstream", "origin", "main")

    def init_options(self) -> list[str]:
        from gitops.demo.aws import ACCOUNT
        from gitops.demo.world import PUBLIC_HEALTH, PUBLIC_PORT, PUBLIC_REGISTRY, PUBLIC_REPOSITORY, REGION

        git = self.world.git
        options = ["--yes", "--name", NAME, "--application", APPLICATION, "--account", ACCOUNT, "--region", REGION]
        options += ["--source-url", git.url(f"{self.source.name}.git")]
        options += ["--manifest-url", git.url(f"{self.manifests.name}.git")]
        options += [] if self.kube_context else ["--rendered"]
        if self.world.missing:
            options += [
                "--registry",
                PUBLIC_REGISTRY,
                "--registry-auth",
                "none",
                "--image-repository",
                PUBLIC_REPOSITORY,
            ]
            return [*options, "--port", str(PUBLIC_PORT), "--health", PUBLIC_HEALTH]
        return [*options, "--registry", self.world.registry, "--registry-auth", "ecr", "--image-repository", REPOSITORY]

    def clear_daemon(self) -> None:
        """Leave no image in the daemon: they are in the registry, whose data is in the folder."""
        from gitops.clients.docker import Docker

        if self.world.registry:
            with closing(Docker()) as docker:
                docker.remove_images(self.world.registry)

    def release(self, number: int) -> None:
        where = self.manifests
        if self.world.missing:
            from gitops.demo.world import PUBLIC_IMAGES

            image = PUBLIC_IMAGES[number]
            # Nothing outside of this machine is asked.
            wanted = ["--tag", image.tag, "--digest", image.digest, "--unchecked"]
            self.gitops(where, "bump", APPLICATION, "--env", ENVIRONMENT, *wanted)
        else:
            network = ["--network", self.network] if self.network else []
            self.gitops(
                where, "build", APPLICATION, "--source", "../demo-app", "--image-file", "../image.json", *network
            )
            self.gitops(where, "bump", APPLICATION, "--env", ENVIRONMENT, "--from", "../image.json")
        cluster = ["--context", self.kube_context] if self.kube_context else []
        self.gitops(where, "deploy", ENVIRONMENT, "--yes", *cluster)

    def edit_application(self) -> None:
        """What a developer does: an edit, a commit, a push."""
        file = self.source / APPLICATION / "app.py"
        text = file.read_text()
        edited = text.replace('{"application":', '{"greeting": "hello", "application":')
        if edited == text:
            raise GitopsError(str(file), "is not the sample application", "report this")
        file.write_text(edited)
        self.git(self.source, "commit", "--quiet", "--all", "--message", "Greet")
        self.git(self.source, "push", "--quiet")

    def say(self, text: str) -> None:
        echo(f"\n{style(text, 'bold')}")

    def gitops(self, where: Path, *arguments: str, quiet: bool = False) -> None:
        """Run a command of ours there, shown as it would be typed. Raises `GitopsError` where it fails."""
        from gitops.cli import run

        echo(style(f"{self.prompt(where)} gitops {shown(arguments[:2] if quiet else arguments)}", "cyan"))
        with chdir(where):
            code = run(arguments)
        if code:
            raise GitopsError(
                "gitops demo", f"gitops {arguments[0]} ended with exit code {code}", "see its error above"
            )

    def git(self, where: Path, *arguments: str) -> None:
        from gitops.clients.git import GitRepository

        echo(style(f"{self.prompt(where)} git {shown(arguments)}", "cyan"))
        GitRepository(where).run(*arguments)

    def prompt(self, where: Path) -> str:
        inside = where.relative_to(self.world.folder) if where.is_relative_to(self.world.folder) else ""
        return f"{inside} $".strip()

    def end(self) -> None:
        """Say where everything is. The servers are gone: the clones' origin is the folder that they served."""
        from gitops.clients.git import GitRepository

        for clone in (self.source, self.manifests):
            bare = self.world.folder / "server" / f"{clone.name}.git"
            GitRepository(clone).run("remote", "set-url", "origin", str(bare))
        program = shlex.quote(typed())
        folder = shlex.quote(str(self.shown))
        self.say("Where everything is")
        echo(f"  {folder}/demo-app        the source repository")
        echo(f"  {folder}/demo-manifests  the manifest repository: gitops.yaml, kustomize/, buildspec/")
        echo(f"  {folder}/server          what the clones push to, now that the server is gone")
        self.say("What to try next")
        if not self.kube_context:
            echo(f"  git -C {folder}/demo-manifests show origin/release/staging    # the release, as a diff")
        echo(f"  {program} -C {folder}/demo-manifests render staging")
        echo(f"  {program} -C {folder}/demo-manifests plan staging")
        echo(f"  {program} init my-system    # your own, to start from")


def typed() -> str:
    """How this program is called from here: by its name where that finds one, else by its path."""
    program = Path(sys.argv[0]).absolute()
    if shutil.which("gitops"):
        return "gitops"
    return str(program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program)


def shown(arguments: tuple[str, ...]) -> str:
    """Arguments as they would be typed."""
    return " ".join(shlex.quote(argument) for argument in arguments)
