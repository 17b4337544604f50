"""An inventory that was lost: told apart from a first deploy, and put together again."""

import pytest

from gitops.errors import GitopsError
from gitops.inventory import inventory_ref
from gitops.objects import OWNER, ObjectRef
from gitops.pipeline import Intent
from gitops.revisions import Superseded
from gitops.teardown import tear_down
from tests.scenarios.conftest import World
from tests.support.kube_objects import config_map, service


def lose(world: World, lease: bool = False) -> None:
    world.cluster.delete(inventory_ref(world.space, world.name))
    if lease:
        world.cluster.delete(ObjectRef("coordination.k8s.io", "Lease", world.space, "gitops-prod"))


@pytest.mark.parametrize("lease", [False, True])
def test_what_the_next_revision_lacks_is_deleted_once_somebody_has_looked(world: World, lease: bool) -> None:
    one, two = config_map("a", world.space), config_map("b", world.space)
    world.deploy([one, two])
    lose(world, lease)
    with pytest.raises(GitopsError, match=r"the inventory was lost: 1 deletion is due"):
        world.deploy([one])
    assert world.get(two)
    assert world.deploy([one], allow_prune=True).inventory.recovered
    assert world.get(two) is None
    assert [entry.result for entry in world.inventory().history] == ["deployed", "recovered"]


def test_what_is_still_wanted_is_adopted_without_a_question(world: World) -> None:
    objects = [config_map(namespace=world.space), service(namespace=world.space)]
    world.deploy(objects)
    owned = world.inventory().owned
    lose(world)
    assert world.deploy(objects).pending == ()
    assert world.inventory().owned == owned


def test_an_older_revision_is_superseded_all_the_same(world: World) -> None:
    world.deploy([config_map(namespace=world.space, a="1")], "1" * 40)
    world.deploy([config_map(namespace=world.space, a="2")], "2" * 40)
    lose(world)
    found = world.target().inventory(world.release())
    assert (found.deployed and found.deployed.revision, found.good) == ("2" * 40, ())
    with pytest.raises(Superseded):
        world.deploy([config_map(namespace=world.space, a="1")], "1" * 40, Intent(is_older=lambda a, b: a < b))


def test_a_first_deploy_and_one_that_was_cut_off_have_lost_nothing(world: World) -> None:
    release = world.release()
    assert not world.target().inventory(release).history
    with world.target().lock(release):
        pass
    assert not world.target().inventory(release).history
    assert not world.deploy([config_map(namespace=world.space)]).inventory.recovered


def test_what_only_has_our_annotation_and_what_another_owns_is_not_taken(world: World) -> None:
    ours, copied = config_map("ours", world.space), config_map("copied", world.space)
    world.deploy([ours])
    world.cluster.apply(copied.with_annotations({OWNER: "shop/prod"}), manager="a-controller")
    World(world.cluster, world.space, world.server, "other").deploy([config_map("others", world.space)])
    lose(world)
    names = {ref.name for ref in world.target().inventory(world.release()).owned if ref.kind == "ConfigMap"}
    assert names == {"ours"}


def test_a_teardown_finds_what_was_owned(world: World) -> None:
    one = config_map("a", world.space)
    world.deploy([one])
    lose(world)
    release, target = world.release(), world.target()
    list(tear_down(release, target, delete_data=True))
    assert world.get(one) is None
