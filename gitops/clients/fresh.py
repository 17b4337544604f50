"""Reads that are no older than a moment that is known, whatever cache is on the way."""

from collections.abc import Callable, Iterator, Mapping

from gitops.clients.cluster import ApiError, Kinds, Listing, Reader, WatchEvent
from gitops.objects import KubeObject, ObjectRef

READS = 3
"""How often is asked what is answered with something older."""
NO_LIST = (400, 403, 404, 405)
"""Who may only get; kinds that cannot be listed, or not by name; and those that are served no longer."""


class FreshReader:
    """`Reader` whose objects and lists are no older than the resource version `since`, which may grow; empty: of any
    age.

    Only a list says how old it is, so an object is read as the list of its one name. Versions can be compared as
    numbers. https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
    """

    def __init__(self, reader: Reader, since: Callable[[], str]) -> None:
        self._reader = reader
        self._since = since

    @property
    def name(self) -> str:
        return self._reader.name

    def kinds(self, refresh: bool = False) -> Kinds:
        return self._reader.kinds(refresh)

    def get(self, ref: ObjectRef, version: str = "") -> KubeObject | None:
        if not self._since():
            return self._reader.get(ref, version)
        try:
            listing = self.list(ref.group, ref.kind, ref.namespace, version, {"metadata.name": ref.name})
        except ApiError as error:
            if error.status not in NO_LIST:
                raise
            return self._reader.get(ref, version)
        return next((each for each in listing.objects if each.ref == ref), None)

    def list(
        self,
        group: str,
        kind: str,
        namespace: str = "",
        version: str = "",
        fields: Mapping[str, str] | None = None,
        brief: bool = False,
    ) -> Listing:
        # A server of its own (an APIService, a store for Events) may count its versions in another way, so that is not
        # insisted on.
        for _ in range(1 if kind == "Event" else READS):
            listing = self._reader.list(group, kind, namespace, version, fields, brief)
            if not is_before(listing.resource_version, self._since()):
                break
        return listing

    def watch(
        self,
        group: str,
        kind: str,
        namespace: str,
        resource_version: str,
        seconds: float,
        fields: Mapping[str, str] | None = None,
    ) -> Iterator[WatchEvent]:
        return self._reader.watch(group, kind, namespace, resource_version, seconds, fields)

    def logs(self, namespace: str, pod: str, container: str, lines: int, previous: bool = False) -> str:
        return self._reader.logs(namespace, pod, container, lines, previous)

    def preview(self, desired: KubeObject, force: bool = False) -> KubeObject:
        return self._reader.preview(desired, force)

    def preview_update(self, body: KubeObject) -> KubeObject:
        return self._reader.preview_update(body)

    def rehearse(self, desired: KubeObject, namespace: str) -> None:
        self._reader.rehearse(desired, namespace)


def is_before(version: str, since: str) -> bool:
    """Whether a resource version is older than another; False where one of them is no number."""
    return version.isdecimal() and since.isdecimal() and int(version) < int(since)
