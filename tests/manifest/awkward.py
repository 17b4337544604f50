"""Kustomizations that people and tools really write, and what a bump must make of each.

In a text, `«a→b»` stands where the file says `a` before the bump and `b` after it: all else must stay byte for byte.
`D1` and `D2` are the digest before and after.
"""

import codecs
import re
from dataclasses import dataclass

D1, D2 = "sha256:" + "1a" * 32, "sha256:" + "2b" * 32
NAME, REPOSITORY, TAG = "app", "r.example/team/app", "1.4.2"
_CHANGE = re.compile("«([^→»]*)→([^»]*)»")


@dataclass(frozen=True)
class Case:
    """One file. `builds` is False where kustomize itself refuses it, `codec` how the text is stored."""

    id: str
    text: str
    tag: str = TAG
    builds: bool = True
    codec: str = "utf-8"
    bom: bytes = b""

    def _side(self, group: int) -> bytes:
        text = _CHANGE.sub(lambda match: match[group], self.text)
        return self.bom + text.replace("D1", D1).replace("D2", D2).encode(self.codec)

    @property
    def before(self) -> bytes:
        return self._side(1)

    @property
    def after(self) -> bytes:
        return self._side(2)


HEAD = "resources: [d.yaml]\n"
FIELDS = """  newName: «old.example/app→r.example/team/app»
  newTag: «1.4.1→1.4.2»
  digest: «D1→D2»
"""
ENTRY = "- name: app\n" + FIELDS
PLAIN = HEAD + "images:\n" + ENTRY


def _indented(text: str, by: str) -> str:
    return "".join(by + line for line in text.splitlines(keepends=True))


CASES = [
    Case("indented-list", HEAD + "images:\n" + _indented(ENTRY, "  ")),
    Case("unindented-list", PLAIN),
    Case("indented-by-eight", HEAD + "images:\n" + _indented(ENTRY, "        ")),
    Case(
        "uneven-indentation",
        "resources:\n   - d.yaml\nimages:\n     -   name:  app\n"
        "         newName:   «old.example/app→r.example/team/app»\n"
        "         newTag:    «1.4.1→1.4.2»\n         digest:    «D1→D2»\nlabels:\n - pairs: {a: b}\n",
    ),
    Case("crlf", PLAIN.replace("\n", "\r\n")),
    Case("cr-only", PLAIN.replace("\n", "\r")),
    Case("mixed-line-ends", HEAD.replace("\n", "\r\n") + "images:\n" + ENTRY.replace("1.4.2»\n", "1.4.2»\r\n")),
    Case("bom", PLAIN, bom=codecs.BOM_UTF8),
    Case("bom-crlf-marker", "---\r\n" + PLAIN.replace("\n", "\r\n"), bom=codecs.BOM_UTF8),
    Case("utf-16-le", PLAIN, codec="utf-16-le", bom=codecs.BOM_UTF16_LE),
    Case("utf-16-be", PLAIN + "# ünï 🎉\n", codec="utf-16-be", bom=codecs.BOM_UTF16_BE),
    Case("utf-32-le", PLAIN, codec="utf-32-le", bom=codecs.BOM_UTF32_LE, builds=False),
    Case("no-final-newline", PLAIN.removesuffix("\n")),
    Case("no-final-newline-comment", PLAIN.removesuffix("\n") + " # last"),
    Case("blank-lines-at-the-end", PLAIN + "\n\n\n"),
    Case("spaces-at-the-end", PLAIN + "   \n  \n"),
    Case("document-markers", "---\n" + PLAIN + "...\n"),
    Case("yaml-directive", "%YAML 1.1\n---\n" + PLAIN),
    Case("several-documents", PLAIN + "---\nimages:\n- name: app\n  newTag: 1.4.1\n"),
    Case("empty-second-document", PLAIN + "---\n"),
    Case(
        "single-quotes",
        HEAD + "images:\n- name: 'app'\n  newName: '«old.example/app→r.example/team/app»'\n"
        "  newTag: '«1.4.1→1.4.2»'\n  digest: '«D1→D2»'\n",
    ),
    Case(
        "double-quotes-with-escapes",
        HEAD + 'images:\n- name: "\\x61pp"\n  newName: "«old\\u002eexample/app→r.example/team/app»"\n'
        '  newTag: "«\\x31.4.1→1.4.2»"\n  digest: "«D1→D2»"\n',
    ),
    Case(
        "flow-on-one-line",
        HEAD + "images: [{name: app, newName: «old.example/app→r.example/team/app», newTag: «1.4.1→1.4.2», "
        "digest: «D1→D2»}] # {newTag: 9}\n",
    ),
    Case(
        "flow-over-lines",
        HEAD + "images: [\n  {name: other, newTag: '1'}, # one\n  {\n    name: app,   # two\n"
        "    newName: «old.example/app→r.example/team/app»\n    , newTag: «1.4.1→1.4.2», digest: «D1→D2»\n  }\n]\n",
    ),
    Case(
        "block-list-of-flow",
        HEAD + "images:\n- {name: app, newName: «old.example/app→r.example/team/app», "
        "newTag: «1.4.1→1.4.2», digest: «D1→D2»,}\n",
    ),
    Case(
        "json",
        '{"resources":["d.yaml"],\n "images":[\n\t{"name":"app","newName":"«old.example/app→r.example/team/app»",'
        '"newTag":"«1.4.1→1.4.2»",\n\t "digest":"«D1→D2»"}]}',
    ),
    Case("anchor-on-the-target", PLAIN.replace("newTag: ", "newTag: &version ")),
    Case("anchor-on-the-entry", PLAIN.replace("- name: app", "- &app\n  name: app")),
    Case("tagged-string", PLAIN.replace("newTag: ", "newTag: !!str ").replace("digest: ", "digest: ! ")),
    Case("anchor-and-tag", PLAIN.replace("newTag: ", "newTag: &v !!str  ")),
    Case(
        "aliases-elsewhere",
        "resources: [d.yaml]\ncommonLabels: &labels {team: a}\ncommonAnnotations: *labels\nimages:\n" + ENTRY,
    ),
    Case("merge-in-another-entry", HEAD + "images:\n- &o {name: o, newTag: x}\n- {<<: *o, name: p}\n" + ENTRY),
    Case("long-lines", HEAD + "# " + "x" * 3000 + "\nimages:\n" + ENTRY.replace("1.4.2»", "1.4.2» # " + "y" * 2000)),
    Case(
        "block-scalars-around",
        "patches:\n- target: {kind: Deployment}\n  patch: |-\n    images:\n    - name: app\n      newTag: 1.4.1\n"
        "images:\n" + ENTRY + "configMapGenerator:\n- name: c\n  literals:\n  - >-\n    a=newTag: 1.4.1\n\n    b\n",
        builds=False,
    ),
    Case("trailing-spaces", PLAIN.replace("\n", "   \n")),
    Case("tabs-before-comments", PLAIN.replace("1.4.2»\n", "1.4.2»\t\t# the tag\n").replace("D2»", "D2»\t")),
    Case(
        "odd-comments",
        "#!shebang\n#\n" + HEAD + "images: # list\n# - name: app\n#   newTag: 0\n- name: app# not a comment\n"
        "  newTag: '0'\n#end of entry\n- # an entry\n  name: app #name\n\n  #between\n\n" + FIELDS + "\n#\n  #\n",
    ),
    Case("non-ascii-before", "# größe ☃ 🎉\nnamePrefix: café-\n" + PLAIN, builds=False),
    Case("unicode-line-breaks", "# a\u2028# b\u2029# c\x85" + PLAIN),
    Case(
        "quoted-keys",
        HEAD + '"images":\n- \'name\': app\n  "newName": «old.example/app→r.example/team/app»\n'
        "  'newTag': «1.4.1→1.4.2»\n  \"digest\": «D1→D2»\n",
    ),
    Case("space-before-colon", PLAIN.replace("newTag:", "newTag  :").replace("digest:", "digest :")),
    Case(
        "explicit-keys",
        HEAD + "? images\n: - ? name\n    : app\n    ? newName\n    : «old.example/app→r.example/team/app»\n"
        "    ? newTag\n    : «1.4.1→1.4.2»\n    ? digest\n    : «D1→D2»\n",
    ),
    Case("value-on-the-next-line", PLAIN.replace("newTag: ", "newTag:\n    ").replace("digest: ", "digest:\n      ")),
    Case("empty-value", PLAIN.replace("newTag: «1.4.1→1.4.2»", "newTag:«→ 1.4.2»")),
    Case("empty-value-comment", PLAIN.replace("newTag: «1.4.1→1.4.2»", "newTag:«→ 1.4.2»   # to be filled in")),
    Case(
        "empty-value-in-flow",
        HEAD + "images: [{name: app, newName: r.example/team/app, newTag: «→1.4.2», digest: «→D2»}]\n",
    ),
    Case("empty-value-anchor", PLAIN.replace("newTag: «1.4.1→1.4.2»", "newTag: &v«→ 1.4.2»")),
    Case("empty-string", PLAIN.replace("«1.4.1→1.4.2»", '"«→1.4.2»"')),
    Case("null-value", PLAIN.replace("«1.4.1→", "«~→")),
    Case("null-word", PLAIN.replace("«1.4.1→", "«null→")),
    Case(
        "decoys",
        HEAD
        + "metadata:\n  annotations: {newTag: 1.4.1}\nimages:\n- name: app-worker\n  newTag: 1.4.1\n- newTag: 1.4.1\n"
        "  name: my-app\n" + ENTRY + "replicas:\n- {name: app, count: 2}\n",
        builds=False,
    ),
    Case("dash-on-its-own-line", HEAD + "images:\n-\n  name: app\n" + FIELDS),
    Case("number-before", PLAIN.replace("«1.4.1→1.4.2»", "«1.20→1.4.2»")),
    Case("number-after", PLAIN.replace("«1.4.1→1.4.2»", '«1.4.1→"1.20"»'), tag="1.20"),
    Case("number-in-quotes-after", PLAIN.replace("«1.4.1→1.4.2»", "'«1.4→1.20»'"), tag="1.20"),
    Case("exponent-after", PLAIN.replace("«1.4.1→1.4.2»", '«1.4.1→"12e5678"»'), tag="12e5678"),
    Case("octal-after", PLAIN.replace("«1.4.1→1.4.2»", '«1.4.1→"0777"»'), tag="0777"),
    Case("hex-after", PLAIN.replace("«1.4.1→1.4.2»", '«1.4.1→"0x1f"»'), tag="0x1f"),
    Case("underscores-after", PLAIN.replace("«1.4.1→1.4.2»", '«1.4.1→"1_000"»'), tag="1_000"),
    Case("word-after", PLAIN.replace("«1.4.1→1.4.2»", '«1.4.1→"yes"»'), tag="yes"),
    Case("letter-after", PLAIN.replace("«1.4.1→1.4.2»", '«1.4.1→"n"»'), tag="n"),
    Case("date-after", PLAIN.replace("«1.4.1→1.4.2»", '«1.4.1→"2026-11-24"»'), tag="2026-11-24"),
    Case("commit-after", PLAIN.replace("«1.4.1→1.4.2»", "«1.4.1→3f9c2ab»"), tag="3f9c2ab"),
    Case("digits-after", PLAIN.replace("«1.4.1→1.4.2»", '«abc→"1234567"»'), tag="1234567"),
    Case("hash-without-space", PLAIN.replace("«1.4.1→", "«1.4.1#x→")),
    Case("quoted-over-lines", PLAIN.replace("«1.4.1→1.4.2»", '"«1.4.\\\n     1→1.4.2»"')),
    Case("plain-over-lines", PLAIN.replace("«1.4.1→1.4.2»", "«1.4\n    1→1.4.2»")),
    Case("unknown-fields", PLAIN.replace("  digest", "  someFutureField: {a: [1, 2]}\n  digest"), builds=False),
    Case(
        "fields-in-any-order",
        HEAD + "images:\n- digest: «D1→D2»\n  newTag: «1.4.1→1.4.2»\n  newName: r.example/team/app\n  name: app\n",
    ),
    Case("aligned", PLAIN.replace("newTag: ", "newTag:      ").replace("digest: ", "digest:      ")),
    Case("images-first", "images:\n" + ENTRY + HEAD),
    # Fields that are missing are written in the file's own style.
    Case(
        "digest-missing",
        HEAD + "images:\n- name: app\n  newName: r.example/team/app\n  newTag: «1.4.1→1.4.2» # tag\n«→  digest: D2\n»",
    ),
    Case(
        "all-missing",
        HEAD
        + "images:\n- name: app # app\n«→  newName: r.example/team/app\n  newTag: 1.4.2\n  digest: D2\n»\n- name: b\n",
    ),
    Case(
        "missing-at-the-end",
        HEAD + "images:\n  - name: app\n    newName: r.example/team/app\n    newTag: '«1→1.4.2»'«→\n    digest: 'D2'»",
    ),
    Case(
        "missing-with-crlf",
        HEAD.replace("\n", "\r\n")
        + "images:\r\n-   name: app\r\n    newTag: «1.4.1→1.4.2»\r\n".replace(
            "app\r\n", "app\r\n«→    newName: r.example/team/app\r\n»"
        )
        + "«→    digest: D2\r\n»# end\r\n",
    ),
    Case(
        "missing-in-flow",
        HEAD
        + "images: [{name: app«→, newName: r.example/team/app», newTag: '«1→1.4.2»'«→, digest: 'D2'»}]\n".replace(
            "newName: r.example/team/app", "newName: 'r.example/team/app'"
        ),
    ),
    Case(
        "missing-in-json",
        '{"resources": ["d.yaml"], "images": [\n  {\n    "name": "app",\n    "newName": "r.example/team/app",\n'
        '    "newTag": "«1→1.4.2»"«→,\n    "digest": "D2"»\n  }\n]}\n',
    ),
    Case(
        "missing-in-flow-beside-a-comment",
        HEAD
        + "images: [{\n  name: app,\n  «→digest: D2,\n  »newTag: «1→1.4.2», # tag\n  newName: r.example/team/app\n}]\n",
    ),
]

REFUSED = [
    ("alias-as-tag", "x: &v 1.4.1\nimages:\n- name: app\n  newTag: *v\n", "k.yaml:4: is the alias *v"),
    (
        "anchor-with-users",
        "images:\n- name: app\n  newTag: &v 1.4.1\nx: *v\n",
        "k.yaml:3: has the anchor &v, used on line 4",
    ),
    ("entry-is-alias", "x: &e {name: app}\nimages:\n- *e\n", "k.yaml:3: the entry is the alias *e"),
    ("list-is-alias", "x: &e [{name: app}]\nimages: *e\n", "k.yaml:2: images is an alias where a list belongs"),
    (
        "name-by-merge",
        "x: &e {name: app}\nimages:\n- <<: *e\n  newTag: a\n",
        "k.yaml:3: the entry takes its name from a merge",
    ),
    ("field-by-merge", "x: &e {newTag: a}\nimages:\n- <<: *e\n  name: app\n", "k.yaml:3: the entry merges another"),
    ("folded-scalar", "images:\n- name: app\n  newTag: >-\n    1.4.1\n", "k.yaml:3: is a block scalar"),
    ("literal-scalar", "images:\n- name: app\n  newTag: a\n  digest: |\n    x\n", "k.yaml:4: is a block scalar"),
    ("custom-tag", "images:\n- name: app\n  newTag: !secret tag\n", "k.yaml:3: has the tag !secret"),
    ("a-list-as-tag", "images:\n- name: app\n  newTag: [a]\n", "k.yaml:3: is a sequence where a string belongs"),
    (
        "two-entries",
        "images:\n- name: app\n- name: b\n- name: app\n",
        "k.yaml:4: images has 'app' twice, on lines 2 and 4",
    ),
    ("two-lists", "images:\n- name: app\nimages:\n- name: b\n", "k.yaml:3: images is given twice"),
    ("two-tags", "images:\n- name: app\n  newTag: a\n  newTag: b\n", "k.yaml:2: the entry has newTag twice"),
    ("helm-template", "images:\n- name: app\n  newTag: {{ .Values.tag }}\n", "k.yaml:3: is a"),
    ("jinja-block", "{% if x %}\nimages:\n- name: app\n{% endif %}\n", "k.yaml:1: is a template ({%), not YAML"),
    ("substitution", "images:\n- name: app\n  newTag: ${TAG}\n", "k.yaml:3: is a template (${)"),
    ("quoted-template", 'images:\n- name: app\n  newTag: "{{ tag }}"\n', "k.yaml:3: is a template ({{)"),
    ("key-without-value", "images: [{name: app, newTag}]\n", "k.yaml: cannot be edited"),
    ("not-yaml", "images:\n- name: app\n newTag: a\n", "k.yaml:3: is not YAML"),
    ("a-list", "- name: app\n", "k.yaml:1: is not a kustomization"),
    ("empty", "", "k.yaml:1: is not a kustomization"),
    ("images-is-a-string", "images: app\n", "k.yaml:1: images is a scalar where a list belongs"),
    ("no-entry", "images:\n- name: ap\n- name: other\n", "k.yaml:2: images has no entry 'app'"),
    ("no-images", "resources: [a]\n", "k.yaml:1: images has no entry 'app'"),
]
"""Files that are refused, and how the reason begins."""
