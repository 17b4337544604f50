"""How a bump or a promotion lands: pushed to the branch, or proposed as a pull request; then shown."""

from typing import TYPE_CHECKING

from gitops.cli.written import show
from gitops.clients.codecommit import PullRequest
from gitops.errors import DONE, PENDING
from gitops.manifest.bump import BumpProposal
from gitops.manifest.repository import ProposedBranch, Written
from gitops.manifest.review import MARKER, markdown

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.clients.codecommit import PullRequests
    from gitops.clients.github import GitHubPullRequests
    from gitops.manifest.place import Place
    from gitops.manifest.repository import Intent


def land(context: "Context", place: "Place", intent: "Intent", *, topic: str, dry_run: bool, form: str) -> int:
    """Write `intent` and show it: on the branch itself, or for review on the branch `topic` where there is one.

    Returns the exit code. Raises `GitopsError`; nothing is pushed then, unless the host refused the request itself.
    """
    requests = None
    if topic:
        place = place.proposing(topic)
        # A host that opens none, or a missing token, is told before anything is pushed.
        requests = None if dry_run else context.pull_requests(place)
    written = place.write(intent, dry_run=dry_run)
    notes = place.settle(written)
    if requests and written.commit:
        notes += _reviewed(requests, context.config.manifests.repository, place, written)
    show(written, place.branch.name, notes, dry_run=dry_run, form=form)
    return PENDING if dry_run and written.proposal.changed else DONE


def _reviewed(requests: "PullRequests | GitHubPullRequests", name: str, place: "Place", written: Written) -> list[str]:
    """Open or update the pull request of what was proposed; what there is to say of it."""
    branch, message = place.branch, written.proposal.message
    assert isinstance(branch, ProposedBranch)
    assert isinstance(written.proposal, BumpProposal)
    number = requests.open_or_update(name, branch.topic, branch.branch, message.subject, str(message))
    request = PullRequest(number, name, written.commit, written.base)
    requests.comment(request, markdown(written.proposal), MARKER)
    return [f"pull request {number} of {name}: {branch.topic} to {branch.branch}"]
