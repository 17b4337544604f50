"""What Fluent Bit does with lines, as its manual says: which input takes a file, how lines are joined, what filters
add, where they go. It reads the same configuration that Fluent Bit would, through the strict reader.

Inputs: docs.fluentbit.io/manual/pipeline/inputs/tail. Joining of parts: the built-in multiline parser `cri`. Stack
traces: the built-in multiline parsers java, python and go. Kubernetes filter: Merge_Log, Kube_Tag_Prefix.
"""

import fnmatch
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gitops.validate.fluent_bit import Section, read

_CRI = re.compile(r"^(?P<time>[^ ]+) (?P<stream>stdout|stderr) (?P<part>[FP]) (?P<log>.*)$")
_TAG = re.compile(r"(?P<pod>[a-z0-9.-]+)_(?P<namespace>[^_]+)_(?P<container>.+)-(?P<id>[a-z0-9]{64})\.log$")
_STARTS = {
    "java": re.compile(
        r"(?:Exception|Error|Throwable|V8 errors stack trace)[:\r\n]|^(?:[\w.]+\.)?\w*(?:Exception|Error)$"
    ),
    "python": re.compile(r"^Traceback \(most recent call last\):$"),
    "go": re.compile(r"\bpanic: |http: panic serving"),
}
_GOES_ON = {
    "java": re.compile(
        r"^[\t ]+(?:eval )?at |^[\t ]*(?:Caused by|Suppressed):|^[\t ]*\.\.\. \d+ (?:more|common frames)"
    ),
    "python": re.compile(r"^[\t ]+"),
    "go": re.compile(r"^$|^\[signal |^goroutine \d+ \[|^[^\s]+\(.*\)$|^created by |^[\t ]"),
}
_LAST = {"python": re.compile(r"^(?:[^\s.():]+\.)*[^\s.():]+:")}


@dataclass(frozen=True)
class Record:
    """A record on its way: its tag, what it holds, and the group of CloudWatch Logs that it ends in."""

    tag: str
    body: Mapping[str, Any]
    group: str = ""


class FluentBit:
    """The pipeline of the files `texts`, as `fluent-bit.conf` includes them."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        main, included = read(texts["fluent-bit.conf"])
        self.sections = [*main, *(section for name in included for section in read(texts[name])[0])]

    def follow(self, path: str, lines: Iterable[str]) -> list[Record]:
        """What becomes of `lines`, written to the file `path`."""
        records = []
        for section in self._of("INPUT"):
            if section.plugin == "tail" and _takes(section, path):
                tag = section.get("tag").replace("*", path.strip("/").replace("/", "."))
                records += [Record(tag, body) for body in _tail(section, lines)]
        for section in self._of("FILTER"):
            records = _filter(section, records)
        return [Record(r.tag, r.body, self._group(r.tag)) for r in records if self._group(r.tag)]

    def journal(self, entry: Mapping[str, str]) -> list[Record]:
        """What becomes of one entry of the journal."""
        records = []
        for section in self._of("INPUT"):
            wanted = [each.value.partition("=") for each in section.all("systemd_filter")]
            if section.plugin == "systemd" and any(entry.get(key) == value for key, _, value in wanted):
                records.append(Record(section.get("tag").replace("*", entry.get("_SYSTEMD_UNIT", "")), dict(entry)))
        for section in self._of("FILTER"):
            records = _filter(section, records)
        return [Record(r.tag, r.body, self._group(r.tag)) for r in records]

    def _of(self, name: str) -> list[Section]:
        return [section for section in self.sections if section.name == name]

    def _group(self, tag: str) -> str:
        for section in self._of("OUTPUT"):
            if fnmatch.fnmatchcase(tag, section.get("match")):
                return section.get("log_group_name").rpartition("/")[2]
        return ""


def _takes(section: Section, path: str) -> bool:
    patterns = [each.strip() for each in section.get("path").split(",")]
    excluded = [each.strip() for each in section.get("exclude_path").split(",") if each.strip()]
    return any(fnmatch.fnmatchcase(path, each) for each in patterns) and not any(
        fnmatch.fnmatchcase(path, each) for each in excluded
    )


def _tail(section: Section, lines: Iterable[str]) -> list[dict[str, Any]]:
    """Lines as records; with `multiline.parser cri`, containerd's prefix is taken off and parts are joined."""
    if "cri" not in section.get("multiline.parser"):
        return [{"log": line} for line in lines]
    result: list[dict[str, Any]] = []
    waiting: dict[str, str] = {}
    for line in lines:
        match = _CRI.match(line)
        if match is None:
            result.append({"log": line})
            continue
        text = waiting.pop(match["stream"], "") + match["log"]
        if match["part"] == "P":
            waiting[match["stream"]] = text
        else:
            result.append({"time": match["time"], "stream": match["stream"], "log": text})
    return result


def _filter(section: Section, records: list[Record]) -> list[Record]:
    mine = [record for record in records if fnmatch.fnmatchcase(record.tag, section.get("match"))]
    others = [record for record in records if record not in mine]
    return others + _FILTERS[section.plugin](section, mine)


def _multiline(section: Section, records: list[Record]) -> list[Record]:
    parsers = [each.strip() for each in section.get("multiline.parser").split(",")]
    key = section.get("multiline.key_content")
    result: list[Record] = []
    open_: tuple[str, list[str]] | None = None
    for record in records:
        text = str(record.body.get(key, ""))
        if open_ and _GOES_ON[open_[0]].search(text):
            result[-1] = Record(record.tag, {**result[-1].body, key: f"{result[-1].body[key]}\n{text}"})
        elif open_ and open_[0] in _LAST and _LAST[open_[0]].search(text):
            result[-1] = Record(record.tag, {**result[-1].body, key: f"{result[-1].body[key]}\n{text}"})
            open_ = None
        else:
            started = next((name for name in parsers if _STARTS[name].search(text)), None)
            open_ = (started, [text]) if started else None
            result.append(record)
    return result


def _kubernetes(section: Section, records: list[Record]) -> list[Record]:
    result = []
    for record in records:
        match = _TAG.match(record.tag.removeprefix(section.get("kube_tag_prefix")))
        body = dict(record.body)
        if match:
            names = {
                "pod_name": match["pod"],
                "namespace_name": match["namespace"],
                "container_name": match["container"],
            }
            body["kubernetes"] = names
        if section.get("merge_log").lower() == "on":
            try:
                merged = json.loads(str(body["log"]))
            except ValueError:
                merged = None
            if isinstance(merged, dict):
                body[section.get("merge_log_key")] = merged
        result.append(Record(record.tag, body))
    return result


def _modify(section: Section, records: list[Record]) -> list[Record]:
    result = []
    for record in records:
        body = dict(record.body)
        for entry in section.entries:
            if entry.key.lower() == "rename":
                old, new = entry.value.split()
                if old in body and new not in body:
                    body[new] = body.pop(old)
            elif entry.key.lower() == "remove_regex":
                body = {key: value for key, value in body.items() if not re.search(entry.value, key)}
        result.append(Record(record.tag, body))
    return result


_FILTERS = {"multiline": _multiline, "kubernetes": _kubernetes, "modify": _modify}
