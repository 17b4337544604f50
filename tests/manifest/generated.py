"""Kustomizations made from a seed: random styles, comments, line ends and neighbours; one entry for `app` in each."""

import random
from dataclasses import dataclass

from tests.manifest.awkward import D1, NAME

_OLD_TAGS = ["1.4.1", "v2", "3f9c2ab", "latest", "2026.11.24-1", "x" * 100]
_COMMENTS = ["", "", "", " # c", "  #", "\t# tab", " # name: app", " # größe 🎉", " # {newTag: 1}"]
_NEIGHBOURS = [
    "resources: [d.yaml]",
    "resources:\n- d.yaml",
    "resources:\n    - d.yaml  # base",
    'namespace: "n"',
    "namePrefix: 'p-'",
    "labels:\n- pairs: {a: b}\n  includeSelectors: false",
    "replicas:\n  - name: d\n    count: 3",
    "commonAnnotations:\n  text: |\n    newTag: 1.4.1\n    - name: app\n",
    "commonAnnotations:\n  folded: >-\n    images:\n\n    x",
    "commonAnnotations: &a {k: v}",
    "# images:\n# - name: app",
    "#",
    "",
    "buildMetadata: [originAnnotations]",
    'commonAnnotations: {"json": "{\\"newTag\\": \\"1\\"}"}',
]
_OTHERS = ["app-worker", "my-app", "ap", "application", "r.example/app", "app:8080", "other"]


@dataclass(frozen=True)
class Generated:
    """A file, and whether one key a line was written (then it must not be refused)."""

    data: bytes
    plain: bool


def kustomization(seed: int) -> Generated:
    """The file of `seed`."""
    pick = random.Random(seed)
    flow = pick.random() < 0.3
    blocks = _unlike(pick, [pick.choice(_NEIGHBOURS) for _ in range(pick.randrange(5))])
    images = _flow_images(pick) if flow else _block_images(pick)
    place = pick.randrange(len(blocks) + 1)
    text = "\n".join([*blocks[:place], images, *blocks[place:]])
    text = pick.choice(["", "", "---\n", "%YAML 1.1\n---\n", "# head\n\n"]) + text
    text += pick.choice(["\n", "\n", "", "\n\n\n", "\n# end", "\n...\n", "\n   \n"])
    newline = pick.choice(["\n", "\n", "\r\n", "\r"])
    codec, bom = pick.choice([("utf-8", b""), ("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-16-le", b"\xff\xfe")])
    return Generated(bom + text.replace("\n", newline).encode(codec), not flow)


def _unlike(pick: random.Random, blocks: list[str]) -> list[str]:
    """One block a key: a key that is given twice is another test's matter."""
    return list({block.split(":")[0]: block for block in blocks}.values())


def _scalar(pick: random.Random, text: str) -> str:
    return pick.choice(["{0}", "{0}", "'{0}'", '"{0}"', "!!str {0}", "!!str '{0}'", "&x{1} {0}"]).format(
        text, pick.randrange(10**9)
    )


def _fields(pick: random.Random, name: str) -> list[tuple[str, str]]:
    fields = [("name", name)]
    for key, value in (("newName", "old.example/app"), ("newTag", pick.choice(_OLD_TAGS)), ("digest", D1)):
        if pick.random() < 0.75:
            fields.append((key, "" if pick.random() < 0.05 else _scalar(pick, value)))
    if pick.random() < 0.2:
        pick.shuffle(fields)
    return fields


def _key(pick: random.Random, key: str) -> str:
    return pick.choice(["{}", "{}", "{}", '"{}"', "'{}'"]).format(key)


def _block_images(pick: random.Random) -> str:
    indent, gap = " " * pick.choice([0, 0, 2, 2, 3, 4, 8]), " " * pick.choice([1, 1, 1, 2, 3])
    names = [*pick.sample(_OTHERS, pick.randrange(4)), NAME]
    pick.shuffle(names)
    lines = [_key(pick, "images") + ":" + pick.choice(_COMMENTS[:5])]
    for name in names:
        inner = indent + " " + gap
        fields = _fields(pick, _scalar(pick, name) if name == NAME else name)
        start = pick.choice(
            [indent + "-" + gap, indent + "-" + gap, indent + "-" + pick.choice(_COMMENTS[:5]) + "\n" + inner]
        )
        for place, (key, value) in enumerate(fields):
            colon = ":" + " " * pick.choice([1, 1, 1, 4]) if value else ":"
            # libyaml takes no tab where a value could begin.
            comment = pick.choice(_COMMENTS if value else _COMMENTS[:5])
            lines.append((inner if place else start) + _key(pick, key) + colon + value + comment)
            if pick.random() < 0.1:
                lines.append(pick.choice(["", "# between", inner + "# between", "   "]))
    return "\n".join(lines)


def _flow_images(pick: random.Random) -> str:
    names = [*pick.sample(_OTHERS, pick.randrange(3)), NAME]
    pick.shuffle(names)
    break_ = pick.choice(["", "", "\n  ", "\n      "])
    items = []
    for name in names:
        pairs = [f"{_key(pick, key)}: {value}" for key, value in _fields(pick, _scalar(pick, name))]
        if break_ and pick.random() < 0.5:
            items.append("{" + break_ + ("," + break_).join(pairs) + break_ + "}")
        else:
            items.append("{" + pick.choice([", ", ",", " , "]).join(pairs) + "}")
    return _key(pick, "images") + ": [" + break_ + ("," + (break_ or " ")).join(items) + break_ + "]"
