"""What a stage asks of a Kubernetes cluster: one protocol, for the API server and for the tests' fake."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from gitops.errors import GitopsError
from gitops.objects import MANAGER, FieldConflict, KubeObject, ObjectRef


class Kind(NamedTuple):
    """A kind that the cluster serves, in one version."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


class Kinds:
    """What the cluster serves: every kind in every version, preferred version first."""

    def __init__(self, kinds: Iterable[Kind], stale: Iterable[str] = (), remembered: bool = False) -> None:
        self._kinds: dict[tuple[str, str], list[Kind]] = {}
        for kind in kinds:
            self._kinds.setdefault((kind.group, kind.kind), []).append(kind)
        self.stale = frozenset(stale)
        """Groups whose server did not answer: what they serve is not known."""
        self.remembered = remembered
        """From an earlier run: what was added or taken away since is not known."""

    def __iter__(self) -> Iterator[Kind]:
        return (each for versions in self._kinds.values() for each in versions)

    def find(self, group: str, kind: str, version: str = "") -> Kind | None:
        """The kind in `version`, or in its preferred one; None where the cluster does not serve it."""
        served = self._kinds.get((group, kind), [])
        return next((each for each in served if not version or each.version == version), None)

    def versions(self, group: str, kind: str) -> list[str]:
        """The versions that a kind is served in, preferred first."""
        return [each.version for each in self._kinds.get((group, kind), [])]


UNTYPED = (
    "field not declared in schema",
    "failed to create typed patch object",
    "unable to convert unstructured object",
)
"""How an apply of an unknown field, of a text where a map belongs, or of what is no quantity is refused: with status
500 (kubernetes#110534)."""


UNCONVERTED = "failed to convert"
"""How an apply is refused whose fields do not fit into the version of the kind that a manager of the object wrote last
(kubernetes#111937): with status 500 as well."""


class ApiError(GitopsError):
    """The API server refused a request. `status` is the HTTP code, `reason` the server's word for it."""

    def __init__(self, subject: str, problem: str, hint: str = "", status: int = 0, reason: str = "") -> None:
        super().__init__(subject, problem, hint)
        self.status = status
        self.reason = reason

    @property
    def is_unfit(self) -> bool:
        """Whether it is the object itself that the server does not take."""
        return self.status in (400, 422) or any(words in self.problem for words in UNTYPED)

    @property
    def is_of_another_version(self) -> bool:
        """Whether it is by an older version of the kind that the server judges."""
        return UNCONVERTED in self.problem and any(words in self.problem for words in UNTYPED)


class Conflict(ApiError):
    """Other managers own fields that an apply would change (`fields`), or the object changed meanwhile (none)."""

    def __init__(self, subject: str, problem: str, hint: str = "", fields: tuple[FieldConflict, ...] = ()) -> None:
        super().__init__(subject, problem, hint, 409, "Conflict")
        self.fields = fields


class Invalid(ApiError):
    """The object as it is cannot be accepted. `immutable` names the fields that cannot change once set."""

    def __init__(self, subject: str, problem: str, hint: str = "", immutable: tuple[str, ...] = ()) -> None:
        super().__init__(subject, problem, hint, 422, "Invalid")
        self.immutable = immutable


class Expired(ApiError):
    """A watch that cannot go on: its version is no longer known, or it was broken off with an error. List again."""


@dataclass(frozen=True)
class Listing:
    """Objects of one kind, and the version of the collection to watch from."""

    objects: tuple[KubeObject, ...]
    resource_version: str


class WatchEvent(NamedTuple):
    """ADDED, MODIFIED, DELETED or BOOKMARK, and the object."""

    type: str
    object: KubeObject


class Reader(Protocol):
    """Reads a cluster; changes nothing."""

    @property
    def name(self) -> str:
        """As a person calls it."""

    def kinds(self, refresh: bool = False) -> Kinds:
        """What the cluster serves; asked once, and again with `refresh`."""

    def get(self, ref: ObjectRef, version: str = "") -> KubeObject | None:
        """The object, or None where there is none (or none of its kind)."""

    def list(
        self,
        group: str,
        kind: str,
        namespace: str = "",
        version: str = "",
        fields: Mapping[str, str] | None = None,
        brief: bool = False,
    ) -> Listing:
        """Every object of a kind whose `fields` are so, in a namespace or in all. Empty where it is not served. With
        `brief` they come with their metadata alone."""

    def watch(
        self,
        group: str,
        kind: str,
        namespace: str,
        resource_version: str,
        seconds: float,
        fields: Mapping[str, str] | None = None,
    ) -> Iterator[WatchEvent]:
        """What happens from `resource_version` on to what a `list` gives, for at most `seconds`. Raises `Expired`."""

    def logs(self, namespace: str, pod: str, container: str, lines: int, previous: bool = False) -> str:
        """The last lines that a container wrote."""

    def preview(self, desired: KubeObject, force: bool = False) -> KubeObject:
        """What the object would be after an apply: a server-side dry run."""

    def preview_update(self, body: KubeObject) -> KubeObject:
        """What the object would be after `replace`, with the defaults that the server fills in: a dry run."""

    def rehearse(self, desired: KubeObject, namespace: str) -> None:
        """Raise `ApiError` where the server would not create the object in `namespace`; nothing is created."""


class Cluster(Reader, Protocol):
    """Reads and writes a cluster. Errors begin with the object: `Deployment/ns/name: …`."""

    def apply(self, desired: KubeObject, force: bool = False, manager: str = MANAGER) -> KubeObject:
        """Server-side apply. `force` takes the fields of other managers; else they are a `Conflict`."""

    def create(self, body: KubeObject) -> KubeObject:
        """Create the object. Raises `ApiError` with status 409 where it exists already."""

    def replace(self, body: KubeObject) -> KubeObject:
        """Put the object in place of the one with its resource version. Raises `Conflict` when that has changed."""

    def delete(self, ref: ObjectRef, uid: str = "", propagation: str = "Background") -> bool:
        """Delete the object, only while its uid is `uid` where one is given. False where it was gone already."""
