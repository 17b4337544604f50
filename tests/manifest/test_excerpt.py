"""An `images:` block that is edited by itself gives what editing the whole file gives, refusals included."""

import random
from collections.abc import Callable

import pytest

from gitops.errors import GitopsError
from gitops.manifest.excerpt import images_block
from gitops.manifest.images import ImageEdit, set_image, set_image_of_whole
from tests.manifest.awkward import CASES, D2, NAME, REFUSED, REPOSITORY
from tests.manifest.generated import kustomization

ENTRY = "- name: app\n  newTag: 1.4.1\n"

PIECES = [
    "images:\n" + ENTRY,
    "images:\n  - name: app\n    newTag: '1'\n",
    "images: [{name: app, newTag: v1}]\n",
    "images:\n- name: other\n  newTag: &t v1\n- name: app\n  newTag: *t\n",
    "images: []\n",
    "images:\n",
    ENTRY,
    "- name: app\n",
    "resources: [d.yaml]\n",
    "resources:\n- d.yaml\n",
    "namespace: images\n",
    '"im\\u0061ges": []\n',
    '"images":\n' + ENTRY,
    "? images\n: []\n",
    "?\n images\n:\n",
    "!!str\nimages: []\n",
    "&a\nimages:\n" + ENTRY,
    "&t x: y\n",
    "a: *t\n",
    "# images: none\n",
    "#\n",
    "\n",
    "   \n",
    "\t\n",
    "---\n",
    "--- # again\n",
    "--- {a: b}\n",
    "...\n",
    "%YAML 1.1\n",
    "%TAG !e! tag:example.invalid,2026:\n",
    "a: !e!x y\n",
    'a: "open\n',
    'b: shut"\n',
    "a: 'open\n",
    "shut'\n",
    "a: {open: 1,\n",
    "shut: 2}\n",
    "a: [\n",
    "]\n",
    "a: |\n  text\n",
    "b: |+\n\n",
    "  images:\n  - name: app\n",
    "c: >-\n",
    "plain\n",
    "a: plain\n  goes on\n",
    "- item\n",
    "-\n",
    "- - - x\n",
    "<<: *t\n",
    "a:\n",
    "a: &x\n",
    "a: !!map\n",
    "key: value: value\n",
    "ä: ö # größe\n",
    "a: b # \u2028images: []\n",
    "a: \x85images: []\n",
    "{{ template }}\n",
    " indented: 1\n",
    "  b: 2\n",
    "a: \x07\n",
]


def outcome(edit: Callable[..., ImageEdit], *arguments: str | bytes, **named: str | bool) -> ImageEdit | str:
    """What was edited, or why it was refused."""
    try:
        return edit(*arguments, **named)
    except GitopsError as error:
        return str(error)


def assert_alike(data: bytes, add: bool) -> None:
    image = (NAME, REPOSITORY, "1.4.2", D2)
    expected = outcome(set_image_of_whole, data, *image, file="k.yaml", add=add)
    assert outcome(set_image, data, *image, file="k.yaml", add=add) == expected, data


@pytest.mark.parametrize("add", [False, True])
def test_awkward_files(add: bool) -> None:
    for data in (*(case.before for case in CASES), *(text.encode() for _, text, _ in REFUSED)):
        assert_alike(data, add)


def test_generated_files() -> None:
    blocks = 0
    for seed in range(2000):
        data = kustomization(seed).data
        assert_alike(data, add=bool(seed % 2))
        blocks += images_block(data) is not None
    assert blocks > 80


def pieced(seed: int) -> bytes:
    """Pieces in the order of `seed`: quotes and brackets opened here and shut there, second documents."""
    pick = random.Random(seed)
    before = [pick.choice(PIECES) for _ in range(pick.randrange(4))]
    behind = [pick.choice(PIECES) for _ in range(pick.randrange(4))]
    text = pick.choice(["", "a: b\n", "---\na: b\n"]) + "".join([*before, pick.choice(PIECES[:5]), *behind])
    data = (text.rstrip("\n") if pick.random() < 0.1 else text).encode()
    return data.replace(b"\n", b"\r\n", pick.choice([-1, -1, 2])) if pick.random() < 0.1 else data


def test_pieces_in_any_order() -> None:
    blocks = edited = 0
    for seed in range(10_000):
        data = pieced(seed)
        assert_alike(data, add=seed % 3 == 0)
        if images_block(data):
            blocks += 1
            edited += isinstance(outcome(set_image, data, NAME, "", "2", D2, file="k"), ImageEdit)
    assert blocks > 500
    assert edited > 300


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\nimages:\n- name: app\n  newTag: &y v1\nb: *y\n",
        "images:\n- name: app\n  newTag: v1\n" + "a: " + "[" * 150 + "]" * 150 + "\n",
        "".join(f"{' ' * place}k:\n" for place in range(190)) + "images:\n- name: app\n",
    ],
)
def test_what_must_be_read_as_a_whole(text: str) -> None:
    assert images_block(text.encode()) is None


def test_a_hundred_overlays_that_differ_elsewhere_share_one_edit() -> None:
    from gitops.manifest import images

    images._edit_block.cache_clear()
    for number in range(100):
        data = (
            f"# overlay {number}\nnamespace: n{number}\nimages:\n{ENTRY}labels:\n- pairs: {{n: '{number}'}}\n".encode()
        )
        assert set_image(data, NAME, "", "2", D2, file="k").data == data.replace(
            b"newTag: 1.4.1\n", b'newTag: "2"\n  digest: ' + D2.encode() + b"\n"
        )
    assert images._edit_block.cache_info().misses == 1
