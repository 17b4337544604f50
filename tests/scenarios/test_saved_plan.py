"""A plan that was saved and approved is done exactly, or refused."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gitops.errors import GitopsError
from gitops.pipeline import Intent, prepare
from gitops.plan.model import Plan
from gitops.plan.planner import Policy
from gitops.plan.saved import FORMAT, check, digest, from_text, to_text
from tests.scenarios.conftest import World
from tests.support.kube_objects import config_map, deployment, secret

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CANARY = "canary-7f2e91-secret"


def plan_of(world: World, value: str, revision: str = "a" * 40) -> Plan:
    objects = [config_map(namespace=world.space, v=value), secret(namespace=world.space, password=CANARY + value)]
    return prepare(world.release(revision), objects, world.target())


def test_the_same_plan_is_accepted(world: World) -> None:
    saved = from_text(to_text(plan_of(world, "1"), NOW), "plan.json")
    check(saved, plan_of(world, "1"), "plan.json", NOW + timedelta(minutes=59))


def test_a_plan_file_has_no_secret_in_it(world: World) -> None:
    world.deploy([secret(namespace=world.space, password=CANARY)])
    assert CANARY not in to_text(plan_of(world, "2"), NOW)


def test_a_plan_is_stale_when_the_live_state_has_moved(world: World) -> None:
    world.deploy([config_map(namespace=world.space, v="0"), secret(namespace=world.space, password="x" * 9)])
    saved = from_text(to_text(plan_of(world, "1"), NOW), "plan.json")
    world.edit(config_map(namespace=world.space).ref, {"data": {"other": "2"}})
    intent = Intent(approved=lambda plan: check(saved, plan, "plan.json", NOW))
    objects = [config_map(namespace=world.space, v="1"), secret(namespace=world.space, password=CANARY + "1")]
    with pytest.raises(GitopsError, match=r"plan.json: is stale: the live state has moved"):
        world.deploy(objects, "a" * 40, intent)
    found = world.get(objects[0])
    assert found is not None
    assert found.body["data"]["v"] == "0"


def test_a_label_that_somebody_moves_makes_it_stale_too(world: World) -> None:
    given = [deployment(namespace=world.space).with_metadata(labels={"tier": "one"})]
    world.deploy(given)
    wanted = [given[0].with_metadata(labels={"tier": "three"})]
    plan = prepare(world.release("a" * 40), wanted, world.target())
    saved = from_text(to_text(plan, NOW), "plan.json")
    check(saved, prepare(world.release("a" * 40), wanted, world.target()), "plan.json", NOW)
    world.edit(given[0].ref, {"metadata": {"labels": {"tier": "two"}}})
    with pytest.raises(GitopsError, match="is stale"):
        check(saved, prepare(world.release("a" * 40), wanted, world.target()), "plan.json", NOW)


@pytest.mark.parametrize(
    ("change", "problem"),
    [({"revision": "b" * 40}, "is for revision"), ({"environment": "staging"}, "is for environment")],
)
def test_a_plan_is_for_one_revision_and_environment(world: World, change: dict[str, str], problem: str) -> None:
    plan = plan_of(world, "1")
    saved = from_text(to_text(plan, NOW), "plan.json")
    with pytest.raises(GitopsError, match=problem):
        check(saved, replace(plan, release=replace(plan.release, **change)), "plan.json", NOW)


def test_a_plan_expires(world: World) -> None:
    plan = plan_of(world, "1")
    with pytest.raises(GitopsError, match="more than 60 min ago"):
        check(from_text(to_text(plan, NOW), "plan.json"), plan, "plan.json", NOW + timedelta(minutes=61))


def test_the_digest_does_not_depend_on_when_it_is_made(world: World) -> None:
    assert digest(plan_of(world, "1")) == digest(plan_of(world, "1"))


def test_a_plan_keeps_what_was_allowed_and_its_hash_is_of_that_too(world: World) -> None:
    plan = plan_of(world, "1")
    policy = Policy(frozenset({"PersistentVolumeClaim/app/data"}), frozenset({"ConfigMap/app/x"}), allow_prune=True)
    text = to_text(plan, NOW, policy)
    saved = from_text(text, "plan.json")
    assert saved.policy == policy
    check(saved, plan, "plan.json", NOW)
    assert saved.digest != digest(plan)
    more = from_text(text.replace("PersistentVolumeClaim/app/data", "Namespace/app"), "plan.json")
    with pytest.raises(GitopsError, match="is stale"):
        check(more, plan, "plan.json", NOW)


def test_a_plan_is_of_the_objects_as_they_were_approved(world: World) -> None:
    """Also where the revision is the same: it was not all committed, or a base of it came from elsewhere."""
    world.deploy([config_map(namespace=world.space, v="0"), secret(namespace=world.space, password="x" * 9)])
    saved = from_text(to_text(plan_of(world, "1"), NOW), "plan.json")
    with pytest.raises(GitopsError, match="is stale"):
        check(saved, plan_of(world, "2"), "plan.json", NOW)


def test_what_a_plan_file_says_that_it_does_is_what_it_does(world: World) -> None:
    plan = plan_of(world, "1")
    altered = to_text(plan, NOW).replace("create ConfigMap", "create Nothing")
    with pytest.raises(GitopsError, match="or the file was altered"):
        check(from_text(altered, "plan.json"), plan, "plan.json", NOW)


def test_a_plan_of_tomorrow_is_refused(world: World) -> None:
    plan = plan_of(world, "1")
    check(from_text(to_text(plan, NOW + timedelta(minutes=4)), "plan.json"), plan, "plan.json", NOW)
    with pytest.raises(GitopsError, match="yet to come"):
        check(from_text(to_text(plan, NOW + timedelta(days=1)), "plan.json"), plan, "plan.json", NOW)


def _with(**other: object) -> str:
    plan: dict[str, object] = {"format": FORMAT, "environment": "prod", "target": "test", "revision": "a"}
    plan |= {"digest": "b", "made": "2026-11-24T12:00:00+00:00", "changes": []}
    plan["allowed"] = {"confirm": [], "takeOwnership": [], "allowPrune": False, "prune": True}
    return json.dumps(plan | other)


def test_it_is_a_plan() -> None:
    assert from_text(_with(), "plan.json").environment == "prod"


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "null", '{"format": "other"}', _with(format="gitops-plan/v2"), _with()[:-9]),
        *(_with(made="2026-11-24T12:00:00"), _with(made=5), _with(changes=5), _with(allowed=[])),
    ],
)
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(GitopsError, match=r"plan.json: is not a plan that can be read"):
        from_text(text, "plan.json")
