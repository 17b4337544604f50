"""The inventory as it is kept: written and read back, large, broken, of a later format, of another."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gitops.errors import GitopsError
from gitops.inventory import FORMAT, Entry, Inventory, from_object, inventory_ref, to_object
from gitops.objects import KubeObject, ObjectRef

REF = inventory_ref("shop", "prod")
ENTRY = Entry("a" * 40, "a title", "2026-11-24T00:00:00Z", "run", "deployed", "2026-11-24T00:01:00Z", "1 update")
LARGEST = 1 << 20
"""Bytes of a ConfigMap, keys included."""


def stored(**changed: Any) -> KubeObject:
    written = to_object(Inventory("shop/prod", frozenset({REF}), (ENTRY,)), REF)
    document = {**json.loads(written.body["data"]["inventory.json"]), **changed}
    return KubeObject({**written.body, "data": {"inventory.json": json.dumps(document)}})


def test_what_is_written_is_read_back() -> None:
    inventory = Inventory("shop/prod", frozenset({REF}), (replace(ENTRY, images=("a:1", "b:2")),), 7)
    written = to_object(inventory, REF)
    assert "inventory.json" in written.body["data"]
    assert from_object(written, "shop/prod") == inventory


def test_thousands_of_objects_and_images_fit_and_are_read_back() -> None:
    owned = {ObjectRef("apps", "Deployment", "shop", f"service-number-{n}-of-the-shop") for n in range(5000)}
    images = tuple(f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/s{n}@sha256:{n:064x}" for n in range(2000))
    inventory = Inventory("shop/prod", frozenset(owned), (replace(ENTRY, images=images),) * 20)
    written = to_object(inventory, REF)
    assert len(json.dumps(written.body)) < LARGEST
    assert from_object(written, "shop/prod") == inventory


@pytest.mark.parametrize(
    "broken",
    [
        {"owner": None, "history": 3},
        {"objects": [["", "ConfigMap"]]},
        {"objects": [["", "ConfigMap", "shop", 7]]},
        {"history": [{"revision": "x", "images": []}]},
        {"history": ["x"]},
        {"fence": "many"},
    ],
)
def test_one_that_was_edited_by_hand_says_what_to_do(broken: dict[str, Any]) -> None:
    with pytest.raises(GitopsError, match=r"^ConfigMap/shop/gitops-prod: is not an inventory .*\n.*or delete it"):
        from_object(stored(**broken), "shop/prod")


def test_one_that_is_cut_off_says_what_to_do() -> None:
    for kept in ({"data": {"inventory.json": "{"}}, {"binaryData": {"inventory.json.gz": "H4sI"}}, {}):
        with pytest.raises(GitopsError, match="is not an inventory"):
            from_object(KubeObject({**stored().body, "data": None, **kept}), "shop/prod")


def test_one_of_a_later_gitops_is_not_guessed_at() -> None:
    with pytest.raises(GitopsError, match="was written by a later gitops"):
        from_object(stored(format=FORMAT + 1), "shop/prod")


def test_anothers_is_not_ours() -> None:
    with pytest.raises(GitopsError, match="belongs to shop/prod, not to other/prod"):
        from_object(stored(), "other/prod")
