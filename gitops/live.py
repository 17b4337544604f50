"""Reads what a plan needs of a cluster into a `Snapshot`: live objects, dry runs, inventory. Writes nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from gitops.clients.cluster import ApiError, Conflict, Invalid, Kinds, Listing, Reader
from gitops.errors import GitopsError, Problems
from gitops.inventory import Inventory, from_object
from gitops.objects import FieldConflict, KubeObject, ObjectRef
from gitops.plan.adoption import added_by_hand, adoptable, without_orphans
from gitops.plan.autoscaling import AUTOSCALERS, autoscaled, spec_of
from gitops.plan.definitions import defined
from gitops.plan.fields import is_applied
from gitops.plan.mask import Mask, remember_secrets
from gitops.plan.model import Snapshot
from gitops.plan.planner import restamped, sized, stamped
from gitops.plan.usage import KEPT, USERS, users_of

WORKERS = 16
LISTED_FROM = 4
"""So many objects of one kind and namespace are read with one list; fewer, one by one."""


def read_inventory(reader: Reader, ref: ObjectRef, owner: str) -> Inventory:
    """The inventory in the ConfigMap `ref`; an empty one where there is none yet."""
    found = reader.get(ref)
    return from_object(found, owner) if found else Inventory(owner)


def read(
    reader: Reader,
    desired: Sequence[KubeObject],
    inventory: Inventory,
    coming: Sequence[KubeObject] = (),
    undo: Collection[str] = (),
) -> Snapshot:
    """The live state of `desired` and of what `inventory` owns. `coming` are objects that others are going to make
    before: what needs them is planned as if they were there. Of the objects `undo`, as they print, what was changed by
    hand is as good as ours.

    Raises `GitopsError`, or `Problems` with every object that the server would refuse.
    """
    kinds = _kinds(reader, desired, inventory)
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="read") as pool:
        wanted = {each.ref: each.version for each in desired}
        owned = {ref: "" for ref in inventory.owned if ref not in wanted}
        live = _live(reader, pool, kinds, wanted | owned)
        # What a list lacks is asked for by itself before it is taken for gone: the inventory would forget it.
        missing = [ref for ref in owned if ref not in live]
        live |= {each.ref: each for each in pool.map(reader.get, missing) if each}
        remember_secrets(live.values())
        scaled = _autoscaled(reader, pool, desired)
        previews = _Previews(reader, inventory.owner, live, _coming((*desired, *coming), live, kinds), undo)
        list(pool.map(previews.add, (sized(each, scaled) for each in desired)))
        if previews.failures:
            mask = Mask((*desired, *live.values()))
            failures = sorted(map(mask.error, previews.failures), key=str)
            raise failures[0] if len(failures) == 1 else Problems(failures)
        return Snapshot(
            live=live,
            merged=previews.merged,
            inventory=inventory,
            conflicts=previews.conflicts,
            immutable=previews.immutable,
            unknown=kinds.stale,
            users=_users(reader, pool, [ref for ref in owned if ref in live]),
            autoscaled=scaled,
            orphans=previews.orphans,
        )


def _kinds(reader: Reader, desired: Sequence[KubeObject], inventory: Inventory) -> Kinds:
    """What the cluster serves; asked anew where something may have to be deleted, too: what an earlier run saw decides
    no deletion."""
    kinds = kinds_for(reader, desired)
    prunes = kinds.remembered and inventory.owned - {each.ref for each in desired}
    return reader.kinds(refresh=True) if prunes else kinds


def kinds_for(reader: Reader, desired: Iterable[KubeObject]) -> Kinds:
    """What the cluster serves; asked anew where it seems to lack a kind of `desired`, as that may be new."""
    kinds = reader.kinds()
    lacks = any(kinds.find(each.group, each.kind, each.version) is None for each in desired)
    return reader.kinds(refresh=True) if lacks else kinds


def _live(
    reader: Reader, pool: ThreadPoolExecutor, kinds: Kinds, versions: dict[ObjectRef, str]
) -> dict[ObjectRef, KubeObject]:
    """The objects of `versions` that exist, each in its version: by lists where that takes fewer requests."""
    collections: dict[tuple[str, str, str, str], list[ObjectRef]] = defaultdict(list)
    for ref, version in versions.items():
        if kinds.find(ref.group, ref.kind, version):
            collections[ref.group, ref.kind, ref.namespace, version].append(ref)
    batches = [_Batch(*key, refs=refs) for key, refs in collections.items()]
    found = pool.map(lambda batch: batch.read(reader), batches)
    return {each.ref: each for batch in found for each in batch}


def _autoscaled(reader: Reader, pool: ThreadPoolExecutor, desired: Sequence[KubeObject]) -> frozenset[ObjectRef]:
    """Objects of `desired` that an autoscaler targets: one of the overlay, or one that is there already."""
    namespaces = {each.namespace for each in desired if "replicas" in spec_of(each)}
    wanted = [(*kind, namespace) for kind in AUTOSCALERS for namespace in sorted(namespaces)]
    live = [each for listing in pool.map(lambda key: _listed(reader, *key), wanted) for each in listing.objects]
    return autoscaled([*desired, *live]) & {each.ref for each in desired}


def _users(reader: Reader, pool: ThreadPoolExecutor, going: Iterable[ObjectRef]) -> dict[ObjectRef, str]:
    """Who uses the ConfigMaps and Secrets among `going`."""
    candidates = [ref for ref in going if ref.kind in KEPT and not ref.group]
    wanted = [(*kind, namespace) for kind in USERS for namespace in sorted({ref.namespace for ref in candidates})]
    try:
        users = [each for listing in pool.map(lambda key: reader.list(*key), wanted) for each in listing.objects]
    except ApiError as error:
        if error.status != 403:
            raise
        # Who may not see the users cannot tell that there is none.
        return dict.fromkeys(candidates, "something that this role may not see")
    return users_of(candidates, users)


def _listed(reader: Reader, group: str, kind: str, namespace: str) -> Listing:
    """A list, or nothing where we may not see it: autoscalers in the overlay itself are known all the same."""
    try:
        return reader.list(group, kind, namespace)
    except ApiError as error:
        if error.status != 403:
            raise
        return Listing((), "")


@dataclass(frozen=True)
class _Batch:
    group: str
    kind: str
    namespace: str
    version: str
    refs: list[ObjectRef]

    def read(self, reader: Reader) -> list[KubeObject]:
        if len(self.refs) >= LISTED_FROM:
            try:
                listing = reader.list(self.group, self.kind, self.namespace, self.version)
            except ApiError as error:
                if error.status != 403:
                    raise
            else:
                wanted = set(self.refs)
                return [each for each in listing.objects if each.ref in wanted]
        found = (reader.get(ref, self.version) for ref in self.refs)
        return [each for each in found if each]


@dataclass(frozen=True)
class _Coming:
    """What the same plan brings, so that what is in it cannot be previewed."""

    namespaces: frozenset[str]
    defined: frozenset[tuple[str, str]]
    kinds: Kinds

    def brings(self, desired: KubeObject) -> bool:
        # A definition may be there and its kind not served yet: a run that was cut off just made it.
        served = self.kinds.find(desired.group, desired.kind, desired.version)
        return desired.namespace in self.namespaces or (
            served is None and (desired.group, desired.kind) in self.defined
        )


def _coming(desired: Iterable[KubeObject], live: dict[ObjectRef, KubeObject], kinds: Kinds) -> _Coming:
    new = [each for each in desired if each.ref not in live]
    return _Coming(
        frozenset(each.name for each in new if (each.group, each.kind) == ("", "Namespace")),
        frozenset(defined(desired)),
        kinds,
    )


@dataclass
class _Previews:
    """Collects what each object would become; asks the server only where the live object does not prove it."""

    reader: Reader
    owner: str
    live: dict[ObjectRef, KubeObject]
    coming: _Coming
    undo: Collection[str] = ()
    merged: dict[ObjectRef, KubeObject] = field(default_factory=dict)
    conflicts: dict[ObjectRef, tuple[FieldConflict, ...]] = field(default_factory=dict)
    immutable: dict[ObjectRef, str] = field(default_factory=dict)
    orphans: dict[ObjectRef, tuple[str, ...]] = field(default_factory=dict)
    failures: list[GitopsError] = field(default_factory=list)

    def add(self, desired: KubeObject) -> None:
        live = self.live.get(desired.ref)
        if live is None and self.coming.brings(desired):
            return
        stamped_desired = restamped(desired, live, self.owner) if live else stamped(desired, self.owner)
        undone = str(desired.ref) in self.undo and live is not None and bool(added_by_hand(live))
        if live and not undone and is_applied(stamped_desired, live):
            self.merged[desired.ref] = live
            return
        try:
            self._ask(stamped_desired, live)
        except GitopsError as error:
            self.failures.append(error)

    def _ask(self, desired: KubeObject, live: KubeObject | None) -> None:
        ref = desired.ref
        names = adoptable(live, undo=str(ref) in self.undo) if live else ()
        try:
            self.merged[ref] = self._preview(desired, names)
            if live and names:
                self.orphans[ref] = names
                self.merged[ref] = without_orphans(live, self.merged[ref], names)
        except Invalid as error:
            if live is None or not error.immutable:
                raise
            fields = ", ".join(sorted(filter(None, error.immutable)))
            self.immutable[desired.ref] = f"{fields} cannot be changed" if fields else error.problem

    def _preview(self, desired: KubeObject, adopts: tuple[str, ...]) -> KubeObject:
        """The dry run; forced where other managers are in the way, who are then named as conflicts."""
        try:
            return self.reader.preview(desired)
        except Conflict as conflict:
            others = tuple(each for each in conflict.fields if each.manager not in adopts)
            if others:
                self.conflicts[desired.ref] = others
            return self.reader.preview(desired, force=True)
