"""`gitops pipeline report`: checks and plans as a comment on a pull request; run by the review build."""

from pathlib import Path

import click

from gitops.cli.context import Context
from gitops.cli.output import echo


@click.command()
@click.option("--plans", type=click.Path(path_type=Path), required=True, help="Folder of the plans, as Markdown.")
@click.option("--passed", required=True, type=click.Choice(["0", "1"]), help="Whether the checks passed: 1 or 0.")
@click.option("--pull-request", envvar="PULL_REQUEST_ID", required=True, help="Its id.")
@click.option("--source", envvar="SOURCE_COMMIT", required=True, help="The commit that is checked.")
@click.option("--destination", envvar="DESTINATION_COMMIT", required=True, help="The commit that it is merged into.")
@click.option("--build-url", envvar="CODEBUILD_BUILD_URL", default="", help="Where the build's log is.")
@click.pass_obj
def command(
    context: Context, plans: Path, passed: str, pull_request: str, source: str, destination: str, build_url: str
) -> None:
    """Post the plans as a comment on a pull request of the manifest repository, and approve it if the checks passed.

    Run again, it changes its own comment on the same commit. A failed check takes an approval back.
    """
    from gitops.clients.codecommit import PullRequest, PullRequests
    from gitops.clients.folder import read_files
    from gitops.stacks.pipelines import MARKER, report

    files = sorted(path.name for path in plans.glob("*.md"))
    texts = [(Path(name).stem, text.decode()) for name, text in read_files(plans, files).items()]
    request = PullRequest(pull_request, context.config.manifests.repository, source, destination)
    requests = PullRequests(context.config.region)
    requests.comment(request, report(texts, passed == "1", build_url), MARKER)
    requests.approve(request, passed == "1")
    echo(f"pull request {pull_request}: commented, {'approved' if passed == '1' else 'not approved'}")
