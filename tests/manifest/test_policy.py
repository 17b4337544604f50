"""Which tag an environment's policy wants."""

import re
from datetime import UTC, datetime

import pytest

from gitops.errors import GitopsError
from gitops.manifest.policy import bounds, choose

TAGS = ["1.3.9", "1.4.0", "1.4.10", "1.4.9", "v1.5.2", "2.0.0", "2.1.0-rc.1", "0.3.7", "0.4.0", "latest", "3f9c2ab"]
BUILT = {"3f9c2ab": datetime(2026, 11, 24, tzinfo=UTC), "1.4.0": datetime(2026, 11, 1, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("policy", "tag"),
    [
        ("semver:^1.4", "v1.5.2"),
        ("semver:~1.4", "1.4.10"),
        ("semver:1.4", "1.4.10"),
        ("semver:1.4.9", "1.4.9"),
        ("semver:~1.4.9", "1.4.10"),
        ("semver:^2", "2.0.0"),
        ("semver:1", "v1.5.2"),
        ("semver:^0.3", "0.3.7"),
        ("newest-build", "3f9c2ab"),
        ("alphabetical", "v1.5.2"),
    ],
)
def test_each_policy_chooses(policy: str, tag: str) -> None:
    assert choose(policy, TAGS, BUILT.get, "app") == tag
    assert choose(policy, reversed(TAGS), BUILT.get, "app") == tag


@pytest.mark.parametrize("policy", ["semver:^3", "newest-build", "alphabetical"])
def test_none_that_fits_is_an_error(policy: str) -> None:
    with pytest.raises(GitopsError, match=f"app: has no tag that '{re.escape(policy)}' wants"):
        choose(policy, [], BUILT.get, "app")


@pytest.mark.parametrize(
    ("wanted", "low", "high"),
    [
        ("^1.4", (1, 4, 0), (2, 0, 0)),
        ("^0.3", (0, 3, 0), (0, 4, 0)),
        ("^0.0.3", (0, 0, 3), (0, 0, 4)),
        ("^0", (0, 0, 0), (1, 0, 0)),
        ("~1.4.2", (1, 4, 2), (1, 5, 0)),
        ("~1", (1, 0, 0), (2, 0, 0)),
        ("1.4.2", (1, 4, 2), (1, 4, 3)),
    ],
)
def test_ranges(wanted: str, low: tuple[int, int, int], high: tuple[int, int, int]) -> None:
    assert bounds(wanted) == (low, high)
