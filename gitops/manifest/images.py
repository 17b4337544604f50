"""The `images:` entry of a kustomization: finds it, and changes its name, tag and digest byte for byte. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from gitops.errors import GitopsError, nearest
from gitops.manifest.document import (
    MAPPING,
    MAPPING_END,
    SEQUENCE,
    SEQUENCE_END,
    Document,
    Draft,
    Meaning,
    Node,
    quoted,
    string,
    template_marker,
)
from gitops.manifest.excerpt import images_block

TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
"""What a registry takes as a tag (OCI distribution specification)."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
REPOSITORY = re.compile(
    r"([a-zA-Z0-9][a-zA-Z0-9.-]*(:[0-9]{1,5})?/)?[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
)
"""host[:port]/path of a repository (OCI distribution specification)."""

FIELDS = ("name", "newName", "newTag", "digest")
"""The fields of an entry, in the order that they are written."""


class NoEntry(GitopsError):
    """The kustomization has no entry for the image."""


@dataclass(frozen=True)
class ImageEntry:
    """What an `images:` entry says; fields that it has not are empty."""

    name: str
    new_name: str
    new_tag: str
    digest: str


def combined(name: str, entries: Iterable[ImageEntry]) -> ImageEntry:
    """What `entries`, in the order that kustomize applies them in, make together of an image called `name`.

    Once an entry gave it a new name, only entries for that name reach it. A tag or a digest replaces both.
    """
    now, new_name, tag, digest = name, "", "", ""
    for entry in entries:
        if entry.name == now:
            if entry.new_tag or entry.digest:
                tag, digest = entry.new_tag, entry.digest
            new_name = entry.new_name or new_name
            now = new_name or now
    return ImageEntry(name, new_name, tag, digest)


@dataclass(frozen=True)
class ImageEdit:
    """An edited kustomization, and what its entry said before (None: it had none) and says after."""

    data: bytes
    before: ImageEntry | None
    after: ImageEntry


def read_images(data: bytes, file: str) -> list[ImageEntry]:
    """The `images:` entries of the kustomization `data`, called `file` in errors. Raises `GitopsError`."""
    document = Document(data, file)
    entries = _items(document, _kustomization(document))
    return [_entry(item) for item in entries if item.kind == "mapping"]


def set_image(
    data: bytes, name: str, new_name: str, new_tag: str, digest: str, *, file: str, add: bool = False
) -> ImageEdit:
    """`data` with the `images:` entry of `name` saying `new_name`, `new_tag` and `digest`, and no other byte changed.

    What is empty is left as it is. Without an entry for `name` one is added where `add` says so. Raises `GitopsError`
    with file, line and reason where the edit is not certain: aliases, duplicates, templates.
    """
    check_image(new_name, new_tag, digest)
    if parts := images_block(data):
        edit = _edit_block(parts.block, name, new_name, new_tag, digest, add)
        if edit:
            text = b"".join((parts.head.encode(), edit.data, parts.tail.encode()))
            return ImageEdit(text, edit.before, edit.after)
    return set_image_of_whole(data, name, new_name, new_tag, digest, file=file, add=add)


@lru_cache(maxsize=1024)
def _edit_block(block: str, name: str, new_name: str, new_tag: str, digest: str, add: bool) -> ImageEdit | None:
    """An `images:` block edited as a file of its own; None where that is refused: the whole file tells the line."""
    try:
        return set_image_of_whole(block.encode(), name, new_name, new_tag, digest, file="", add=add)
    except GitopsError:
        return None


def set_image_of_whole(
    data: bytes, name: str, new_name: str, new_tag: str, digest: str, *, file: str, add: bool
) -> ImageEdit:
    """What `set_image` does, with every event of the file read and compared."""
    wanted = {"newName": new_name, "newTag": new_tag, "digest": digest}
    document = Document(data, file)
    root = _kustomization(document)
    items = _items(document, root)
    found = _named(document, items, name)
    draft = Draft(document)
    fields = {key: value for key, value in wanted.items() if value}
    if found is not None:
        _set_fields(draft, found, fields)
    elif add:
        _add_entry(draft, root, {"name": name, **fields})
    else:
        raise _no_entry(document, root, items, name)
    before = _entry(found) if found is not None else None
    after = ImageEntry(
        name,
        new_name or (before.new_name if before else ""),
        new_tag or (before.new_tag if before else ""),
        digest or (before.digest if before else ""),
    )
    return ImageEdit(draft.result(), before, after)


@cache
def check_image(new_name: str, new_tag: str, digest: str) -> None:
    """Raise `GitopsError` for what no registry accepts; once for each image, not for each file."""
    for said, value, rule in (("name", new_name, REPOSITORY), ("tag", new_tag, TAG), ("digest", digest, DIGEST)):
        if value and not rule.fullmatch(value):
            raise GitopsError(f"{said} {value!r}", "is not what a registry accepts", "check it for typing errors")


def _kustomization(document: Document) -> Node:
    """The mapping that kustomize reads: the first document's."""
    if not document.roots or document.roots[0].kind != "mapping":
        raise GitopsError(f"{document.file}:1", "is not a kustomization", "it must be a mapping of keys to values")
    return document.roots[0]


def _items(document: Document, root: Node) -> list[Node]:
    images = [(key, value) for key, value in root.pairs if key.kind == "scalar" and key.value == "images"]
    if len(images) > 1:
        raise document.refusal(images[1][0], "images is given twice", "join the two lists")
    if not images or _is_null(images[0][1]):
        return []
    value = images[0][1]
    if value.kind != "sequence":
        raise document.refusal(value, f"images is {_article(value)} where a list belongs", "write - name: … below it")
    return value.children


def _article(node: Node) -> str:
    return "an alias" if node.kind == "alias" else f"a {node.kind}"


def _is_null(node: Node) -> bool:
    return node.kind == "scalar" and not node.style and not node.tag and node.value in ("", "~", "null", "Null", "NULL")


def _named(document: Document, items: list[Node], name: str) -> Node | None:
    """The one entry called `name`. Refuses two, and lists in which an alias or a merge could be another."""
    found = [item for item in items if item.kind == "mapping" and _value(item, "name") == name]
    if len(found) > 1:
        lines = " and ".join(str(item.line + 1) for item in found)
        raise document.refusal(found[1], f"images has '{name}' twice, on lines {lines}", "keep one of them")
    for item in items:
        if item.kind == "alias":
            raise document.refusal(item, f"the entry is the alias *{item.value}", "write the entry itself there")
        if item.kind == "mapping" and item.get("<<") and not item.get("name"):
            raise document.refusal(item, "the entry takes its name from a merge (<<)", "write its name there")
    return found[0] if found else None


def _value(item: Node, key: str) -> str:
    node = item.get(key)
    return node.value if node is not None and node.kind == "scalar" and not _is_null(node) else ""


def _entry(item: Node) -> ImageEntry:
    return ImageEntry(*(_value(item, key) for key in FIELDS))


def _no_entry(document: Document, root: Node, items: list[Node], name: str) -> NoEntry:
    known = [_value(item, "name") for item in items]
    where = document.refusal(root.get("images") or root, f"images has no entry '{name}'").subject
    return NoEntry(where, f"images has no entry '{name}'", f"{nearest(name, known)}, or add one: --add")


def _set_fields(draft: Draft, item: Node, fields: dict[str, str]) -> None:
    document = draft.document
    keys = [key.value for key, _ in item.pairs if key.kind == "scalar"]
    for key in FIELDS:
        if keys.count(key) > 1:
            raise document.refusal(item, f"the entry has {key} twice", "keep one of them")
    if marker := template_marker(_value(item, "name")):
        raise document.refusal(item, f"is a template ({marker})", "edit what fills it in")
    if "newTag" not in fields and _value(item, "newTag"):
        problem = f"newTag {_value(item, 'newTag')} would stay beside another digest"
        raise document.refusal(item.get("newTag") or item, problem, "give the tag as well: --tag")
    for key, value in fields.items():
        node = item.get(key)
        if node is not None:
            draft.set_scalar(node, value)
    missing = {key: value for key, value in fields.items() if item.get(key) is None}
    if missing:
        _insert_fields(draft, item, missing)


def _insert_fields(draft: Draft, item: Node, missing: dict[str, str]) -> None:
    """Add fields that the entry has not: each behind the last one, in the order of `FIELDS`, that it has."""
    document = draft.document
    if item.get("<<") is not None:
        raise document.refusal(item, "the entry merges another (<<)", f"write its {' and '.join(missing)} there")
    present = [(key, value) for key, value in item.pairs if key.kind == "scalar" and key.value in FIELDS]
    groups: dict[int, list[tuple[str, str]]] = {}
    for name, text in missing.items():
        before = [place for place, (key, _) in enumerate(present) if FIELDS.index(key.value) < FIELDS.index(name)]
        last = max(before, key=lambda place: FIELDS.index(present[place][0].value))
        groups.setdefault(last, []).append((name, text))
    for place, added in groups.items():
        _insert_behind(draft, item, present[place], added)


def _insert_behind(draft: Draft, item: Node, sibling: tuple[Node, Node], added: list[tuple[str, str]]) -> None:
    document, (key, value) = draft.document, sibling
    if value.kind != "scalar" or value.style in ("|", ">"):
        raise document.refusal(value, f"{key.value} is not on one line", "write it on one line")
    key_style, value_style = key.style, _style_of_values(item)
    texts = [f"{quoted(name, key_style)}: {quoted(text, value_style)}" for name, text in added]
    meanings = [string(text) for pair in added for text in pair]
    end = document.line_bounds(value.end)[1]
    key_line = document.line_bounds(key.start)[0]
    indent = re.sub(r"\S", " ", document.text[key_line : key.start])
    if not item.flow:
        lines = "".join(document.newline + indent + text for text in texts)
        draft.insert(end, lines, value.event, meanings)
        return
    own_line = not document.text[key_line : key.start].strip()
    separator = "," + (document.newline + indent if own_line else " ")
    if document.comment_after(value.end):
        # Behind the value the comment would move to another line: write before the key.
        before = "".join(text + separator for text in texts)
        draft.insert(key.start, before, key.event - 1, meanings)
    else:
        draft.insert(value.end, "".join(separator + text for text in texts), value.event, meanings)


def _style_of_values(item: Node) -> str:
    """The quotes that the entry's other values wear."""
    styles = [value.style for key in reversed(FIELDS) if (value := item.get(key)) is not None]
    return next((style for style in styles if style in ("'", '"')), "")


def _add_entry(draft: Draft, root: Node, fields: dict[str, str]) -> None:
    """Add a whole entry, in the style of the entries or lists that are there."""
    images = root.get("images")
    if images is not None and images.children:
        _add_behind_item(draft, images, fields)
    elif images is not None:
        _fill_empty_list(draft, root, images, fields)
    else:
        _add_list(draft, root, fields)


def _meanings(fields: dict[str, str]) -> list[Meaning]:
    return [MAPPING, *(string(text) for pair in fields.items() for text in pair), MAPPING_END]


def _flow_mapping(fields: dict[str, str], key_style: str, value_style: str) -> str:
    pairs = (f"{quoted(key, key_style)}: {quoted(value, value_style)}" for key, value in fields.items())
    return "{" + ", ".join(pairs) + "}"


def _add_behind_item(draft: Draft, images: Node, fields: dict[str, str]) -> None:
    document, last = draft.document, images.children[-1]
    if last.kind != "mapping" or not last.children:
        raise document.refusal(last, "the last entry is not a mapping", "add the new entry by hand")
    first_key, value_style = last.children[0], _style_of_values(last)
    line, _ = document.line_bounds(last.start)
    prefix = document.text[line : last.start]
    if images.flow:
        separator = "," + (document.newline + prefix if not prefix.strip() else " ")
        text = separator + _flow_mapping(fields, first_key.style, value_style)
        draft.insert(last.end, text, last.last_event, _meanings(fields))
        return
    leaf = max(last.leaves(), key=lambda node: node.end)
    if leaf.style in ("|", ">") or not re.fullmatch(r"[ ]*-[ ]+", prefix):
        raise document.refusal(last, "the last entry is not written as '- name: …'", "add the new entry by hand")
    if last.flow:
        place = document.line_bounds(last.end)[1]
        lines = [prefix + _flow_mapping(fields, first_key.style, value_style)]
    else:
        place = document.line_bounds(leaf.end)[1]
        lines = _block_lines(prefix, fields, first_key.style, value_style)
    text = "".join(document.newline + line for line in lines)
    draft.insert(place, text, last.last_event, _meanings(fields))


def _block_lines(prefix: str, fields: dict[str, str], key_style: str, value_style: str) -> list[str]:
    pairs = [f"{quoted(key, key_style)}: {quoted(value, value_style)}" for key, value in fields.items()]
    return [prefix + pairs[0], *(" " * len(prefix) + pair for pair in pairs[1:])]


def _fill_empty_list(draft: Draft, root: Node, images: Node, fields: dict[str, str]) -> None:
    document = draft.document
    if images.kind != "sequence":
        raise document.refusal(images, "images is empty", "take the key away, or write images: []")
    style = next(root.pairs)[0].style
    text = _flow_mapping(fields, style, style)
    draft.insert(images.start + 1, text, images.event, _meanings(fields))


def _add_list(draft: Draft, root: Node, fields: dict[str, str]) -> None:
    document = draft.document
    meanings = [string("images"), SEQUENCE, *_meanings(fields), SEQUENCE_END]
    style = next((key.style for key, _ in root.pairs), "")
    if root.flow:
        text = f"{quoted('images', style)}: [{_flow_mapping(fields, style, style)}]"
        last = root.children[-1] if root.children else None
        place = last.end if last else root.start + 1
        draft.insert(place, ", " + text if last else text, last.last_event if last else root.event, meanings)
        return
    # The mapping ends where the next thing begins: the end of the file, or a document marker.
    place, newline = root.end, document.newline
    lists = [value for _, value in root.pairs if value.kind == "sequence" and not value.flow]
    prefix = " " * (lists[0].column if lists else 0) + "- "
    lines = [f"{quoted('images', style)}:", *_block_lines(prefix, fields, style, style)]
    if place == len(document.text) and document.text[-1:] not in ("\n", "\r"):
        text = newline + newline.join(lines)
    else:
        text = newline.join(lines) + newline
    draft.insert(place, text, root.last_event - 1, meanings)
