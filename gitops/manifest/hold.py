"""Holds: a file a held environment in the manifest repository, which every bump and promotion obeys."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

import yaml

from gitops import yaml_bounds
from gitops.errors import GitopsError
from gitops.manifest.repository import FileEdit, Intent, Message, Proposal, Tree, new_file

FOLDER = ".gitops/holds"
"""Where holds are, beside gitops.yaml: one file an environment, so that two holds never meet in one file."""


@dataclass(frozen=True)
class Hold:
    """An environment that stays as it is until someone takes the hold away."""

    environment: str
    since: str
    """RFC 3339."""
    by: str
    reason: str

    def __str__(self) -> str:
        return f"held since {self.since} by {self.by}: {self.reason}"


def path_of(environment: str, prefix: str = "") -> str:
    """The file of the hold of `environment`."""
    return f"{prefix}/{FOLDER}/{environment}.yaml" if prefix else f"{FOLDER}/{environment}.yaml"


def read_holds(tree: Tree, environments: Iterable[str], prefix: str = "") -> dict[str, Hold]:
    """Those of `environments` that are held. Raises `GitopsError` for a file that does not say by whom and why."""
    folder = path_of("", prefix).rpartition("/")[0]
    wanted = {path_of(environment, prefix): environment for environment in environments}
    entries = [entry for path, entry in tree.objects.children(tree.commit, folder).items() if path in wanted]
    return {wanted[path]: _hold(data, path, wanted[path]) for path, data in tree.read(entries).items()}


def _hold(data: bytes, path: str, environment: str) -> Hold:
    try:
        document = yaml_bounds.load(data)
    except yaml.YAMLError as error:
        raise GitopsError(path, "is not YAML", f"gitops unhold {environment} takes it away") from error
    fields = document if isinstance(document, Mapping) else {}
    values = [str(fields.get(key) or "") for key in ("since", "by", "reason")]
    return Hold(environment, *values)


def hold(wanted: Hold, prefix: str = "", author: str = "") -> Intent:
    """The intent that the environment is held. One that is held already stays so, with its own reason."""

    def propose(tree: Tree) -> Proposal:
        path = path_of(wanted.environment, prefix)
        message = Message(f"hold {wanted.environment}: {wanted.reason}", author=author)
        if read_holds(tree, [wanted.environment], prefix):
            return Proposal((), message)
        return Proposal((new_file(path, _file(wanted)),), message)

    return propose


def hold_for(wanted: Hold, tree: Tree, prefix: str = "") -> tuple[FileEdit, ...]:
    """The edits that hold the environment for the reason of `wanted`. Where it is held for another, for both: who lifts
    the hold shall know of each. Raises `GitopsError` for a hold that cannot be read."""
    path = path_of(wanted.environment, prefix)
    there = read_holds(tree, [wanted.environment], prefix).get(wanted.environment)
    if there is None:
        return (new_file(path, _file(wanted)),)
    if wanted.reason in there.reason:
        return ()
    both = replace(there, reason=f"{there.reason}; {wanted.reason}")
    entry = tree.find([path])[path]
    return (FileEdit(entry, tree.read([entry])[path], _file(both)),)


def _file(wanted: Hold) -> bytes:
    head = f"# No bump changes {wanted.environment} while this file is here: gitops unhold {wanted.environment}\n"
    return (head + yaml.safe_dump(asdict(wanted), sort_keys=False, allow_unicode=True)).encode()


def unhold(environment: str, prefix: str = "", author: str = "") -> Intent:
    """The intent that the environment is not held."""

    def propose(tree: Tree) -> Proposal:
        entries = tree.find([path_of(environment, prefix)])
        contents = tree.read(list(entries.values()))
        edits = tuple(FileEdit(entry, contents[path], None) for path, entry in entries.items())
        return Proposal(edits, Message(f"unhold {environment}", author=author))

    return propose
