"""Which revision is older, as far as a clone can tell: whole, shallow, merged, and after a forced push."""

import subprocess
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.revisions import Revisions, Superseded


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, subject: str) -> str:
    git(folder, "commit", "--quiet", "--allow-empty", "-m", subject)
    return git(folder, "rev-parse", "HEAD")


class Story:
    """An origin of three commits."""

    def __init__(self, folder: Path) -> None:
        self.origin = folder / "origin"
        self.origin.mkdir()
        git(self.origin, "init", "--quiet", "--initial-branch=main")
        git(self.origin, "config", "uploadpack.allowAnySHA1InWant", "true")
        self.first, self.second, self.third = (commit(self.origin, name) for name in ("first", "second", "third"))
        self.clone = folder / "clone"

    def cloned(self, *options: str) -> Revisions:
        git(self.origin.parent, "clone", "--quiet", *options, self.origin.as_uri(), str(self.clone))
        return Revisions(self.clone)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def test_what_others_are_made_on_is_older(story: Story) -> None:
    revisions = story.cloned()
    assert revisions.is_older(story.first, story.third)
    assert not revisions.is_older(story.third, story.first)
    assert not revisions.is_older(story.third, story.third)


def test_both_sides_of_a_merge_are_older_than_it_and_not_than_each_other(story: Story) -> None:
    git(story.origin, "checkout", "--quiet", "-b", "side", story.second)
    side = commit(story.origin, "side")
    git(story.origin, "checkout", "--quiet", "main")
    git(story.origin, "merge", "--quiet", "--no-ff", "-m", "merge", "side")
    merge = git(story.origin, "rev-parse", "HEAD")
    revisions = story.cloned()
    assert [revisions.is_older(each, merge) for each in (side, story.third, story.first)] == [True] * 3
    assert not revisions.is_older(side, story.third)
    assert not revisions.is_older(story.third, side)


@pytest.mark.parametrize("depth", ["1", "2"])
def test_a_shallow_clone_gets_what_it_lacks(story: Story, depth: str) -> None:
    revisions = story.cloned(f"--depth={depth}")
    assert not revisions.is_older(story.third, story.first)
    assert revisions.resolve(story.first) == story.first


def test_a_shallow_clone_of_an_old_commit_is_not_taken_for_another_line(story: Story) -> None:
    """Both commits are there, and nothing that tells how they hang together."""
    story.cloned("--depth=1")
    git(story.clone, "fetch", "--quiet", "--depth=1", "origin", story.first)
    assert Revisions(story.clone).is_older(story.first, story.third)


@pytest.mark.parametrize("known", [True, False])
def test_a_shallow_clone_that_gets_no_answer_says_that_it_cannot_tell(story: Story, known: bool) -> None:
    story.cloned("--depth=1")
    if known:
        git(story.clone, "fetch", "--quiet", "--depth=1", "origin", story.first)
    git(story.clone, "remote", "set-url", "origin", str(story.origin / "nowhere"))
    with pytest.raises(Superseded, match=r"lacks .*, which is deployed: .*\n.*--unshallow"):
        Revisions(story.clone).is_older(story.third, story.first)


def test_a_shallow_clone_is_enough_where_it_shows_what_was_made_on_what(story: Story) -> None:
    story.cloned("--depth=2")
    git(story.clone, "remote", "remove", "origin")
    assert not Revisions(story.clone).is_older(story.third, story.second)


def test_what_a_forced_push_took_away_cannot_be_compared(story: Story) -> None:
    git(story.origin, "reset", "--quiet", "--hard", story.first)
    again = commit(story.origin, "again")
    revisions = story.cloned()
    with pytest.raises(Superseded, match="--allow-older deploys all the same"):
        revisions.is_older(again, story.third)
    with pytest.raises(GitopsError, match="is no commit of this clone"):
        revisions.resolve(story.third)


def test_of_two_lines_neither_is_older(story: Story) -> None:
    revisions = story.cloned()
    git(story.clone, "checkout", "--quiet", "-b", "other", story.first)
    other = commit(story.clone, "other")
    assert not revisions.is_older(other, story.third)
