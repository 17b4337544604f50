"""Reads what a plan needs of a cluster into a `Snapshot`: live objects, dry runs, inventory. Writes nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from gitops.clients.cluster import ApiError, Conflict, Invalid, Kinds, Listing, Reader
from gitops.errors import GitopsError, Problems
from gitops.inventory import Inventory, from_object
from gitops.objects import FieldConflict, KubeObject, ObjectRef
from gitops.plan.adoption import added_by_hand, adoptable, by_hand, in_the_way, without_orphans
from gitops.plan.autoscaling import AUTOSCALERS, autoscaled, spec_of
from gitops.plan.definitions import Defined, defined
from gitops.plan.fields import is_applied
from gitops.plan.foreseen import foreseen
from gitops.plan.mask import Mask, remember_secrets
from gitops.plan.model import Snapshot
from gitops.plan.planner import restamped, stamped, to_apply
from gitops.plan.structural import misfits
from gitops.plan.usage import KEPT, LATER_USERS, USERS, users_of

WORKERS = 16
STAND_IN = "default"
"""The namespace in which objects are tried whose own is not there yet: every cluster has it."""
RARELY_REFUSED = frozenset({"ConfigMap", "Secret", "Service", "ServiceAccount"})
"""Kinds that are not tried there: they have little to get wrong, and are most of what there is."""
UPDATES = 10
"""How often a dry run of an update is tried again that others' writes came before."""
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
    compare: bool = False,
    take: Collection[str] = (),
) -> Snapshot:
    """The live state of `desired` and of what `inventory` owns. `coming` are objects that others are going to make
    before: what needs them is planned as if they were there. Of the objects `undo`, as they print, what was changed by
    hand is as good as ours; of the objects `take`, what other deployment tools own. To `compare` takes no right to
    write: what may not be tried is foreseen, and what may not even be read is said in `unread`.

    Raises `GitopsError`, or `Problems` with every object that the server would refuse.
    """
    kinds = _kinds(reader, desired, inventory)
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="read") as pool:
        wanted = {each.ref: each.version for each in desired}
        owned = {ref: "" for ref in inventory.owned if ref not in wanted and not compare}
        unread: dict[ObjectRef, str] = {}
        live = _live(reader, pool, kinds, wanted | owned, unread if compare else None)
        # What a list lacks is asked for by itself before it is taken for gone: the inventory would forget it.
        missing = [ref for ref in owned if ref not in live]
        live |= {each.ref: each for each in pool.map(reader.get, missing) if each}
        remember_secrets(live.values())
        scaled = _autoscaled(reader, pool, desired)
        awaited = _coming((*desired, *coming), live, kinds, inventory.owner)
        previews = _Previews(reader, inventory.owner, live, awaited, undo, compare, take)
        seen = [each for each in desired if each.ref not in unread]
        list(pool.map(previews.add, (to_apply(each, scaled, live.get(each.ref)) for each in seen)))
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
            unread=unread,
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
    reader: Reader,
    pool: ThreadPoolExecutor,
    kinds: Kinds,
    versions: dict[ObjectRef, str],
    unread: dict[ObjectRef, str] | None,
) -> dict[ObjectRef, KubeObject]:
    """The objects of `versions` that exist, each in its version: by lists where that takes fewer requests. What may not
    be read is put into `unread`, where that is given."""
    collections: dict[tuple[str, str, str, str], list[ObjectRef]] = defaultdict(list)
    for ref, wanted in versions.items():
        # A version that is about to come: the object may be there all the same, in another one.
        version = wanted if kinds.find(ref.group, ref.kind, wanted) else ""
        if kinds.find(ref.group, ref.kind, version):
            collections[ref.group, ref.kind, ref.namespace, version].append(ref)
    batches = [_Batch(*key, refs=refs, unread=unread) for key, refs in collections.items()]
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
    namespaces = sorted({ref.namespace for ref in candidates})
    wanted, later = (
        [(*kind, namespace) for kind in kinds for namespace in namespaces] for kinds in (USERS, LATER_USERS)
    )
    try:
        users = [each for listing in pool.map(lambda key: reader.list(*key), wanted) for each in listing.objects]
    except ApiError as error:
        if error.status != 403:
            raise
        # Who may not see the users cannot tell that there is none.
        return dict.fromkeys(candidates, "something that this role may not see")
    users += [each for listing in pool.map(lambda key: _listed(reader, *key), later) for each in listing.objects]
    return users_of(candidates, users)


def _listed(reader: Reader, group: str, kind: str, namespace: str) -> Listing:
    """A list, or nothing where we may not see it: of what only adds to what is known."""
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
    unread: dict[ObjectRef, str] | None

    def read(self, reader: Reader) -> list[KubeObject]:
        if len(self.refs) >= LISTED_FROM:
            try:
                listing = reader.list(self.group, self.kind, self.namespace, self.version)
            except ApiError as error:
                # 404: the kind is served no longer.
                if error.status not in (403, 404):
                    raise
            else:
                wanted = set(self.refs)
                return [each for each in listing.objects if each.ref in wanted]
        found = (self._get(reader, ref) for ref in self.refs)
        return [each for each in found if each]

    def _get(self, reader: Reader, ref: ObjectRef) -> KubeObject | None:
        try:
            return reader.get(ref, self.version)
        except ApiError as error:
            if error.status != 403 or self.unread is None:
                raise
            self.unread[ref] = error.problem
            return None


@dataclass(frozen=True)
class _Coming:
    """What the same plan brings, so that what is in it, or of it, cannot be previewed."""

    namespaces: frozenset[str]
    definitions: Mapping[tuple[str, str], Defined]
    changed: frozenset[tuple[str, str]]
    """Kinds whose definition is new, or not as it will be: the server judges their objects by the old one."""
    kinds: Kinds

    def brings(self, desired: KubeObject) -> bool:
        # A definition may be there and its kind not served yet: a run that was cut off just made it.
        return desired.namespace in self.namespaces or (
            not self.serves(desired) and (desired.group, desired.kind) in self.definitions
        )

    def serves(self, desired: KubeObject) -> bool:
        return self.kinds.find(desired.group, desired.kind, desired.version) is not None

    def redefines(self, desired: KubeObject) -> bool:
        return (desired.group, desired.kind) in self.changed

    def misfits(self, desired: KubeObject) -> list[GitopsError]:
        """What the definition that is coming does not allow of the object."""
        schema = self.definitions[desired.group, desired.kind].schemas.get(desired.version, {})
        hint = "mend it, or its CustomResourceDefinition"
        return [GitopsError(str(desired.ref), str(misfit), hint) for misfit in misfits(desired.body, schema)]


def _coming(desired: Sequence[KubeObject], live: Mapping[ObjectRef, KubeObject], kinds: Kinds, owner: str) -> _Coming:
    definitions = [each for each in desired if each.kind == "CustomResourceDefinition"]
    return _Coming(
        frozenset(
            each.name for each in desired if (each.group, each.kind) == ("", "Namespace") and each.ref not in live
        ),
        defined(definitions),
        frozenset(defined(each for each in definitions if not _is_done(each, live.get(each.ref), owner))),
        kinds,
    )


def _is_done(desired: KubeObject, live: KubeObject | None, owner: str) -> bool:
    return live is not None and is_applied(restamped(desired, live, owner), live)


@dataclass
class _Previews:
    """Collects what each object would become; asks the server only where the live object does not prove it."""

    reader: Reader
    owner: str
    live: dict[ObjectRef, KubeObject]
    coming: _Coming
    undo: Collection[str] = ()
    compare: bool = False
    take: Collection[str] = ()
    merged: dict[ObjectRef, KubeObject] = field(default_factory=dict)
    conflicts: dict[ObjectRef, tuple[FieldConflict, ...]] = field(default_factory=dict)
    immutable: dict[ObjectRef, str] = field(default_factory=dict)
    orphans: dict[ObjectRef, tuple[str, ...]] = field(default_factory=dict)
    failures: list[GitopsError] = field(default_factory=list)

    def add(self, desired: KubeObject) -> None:
        live = self.live.get(desired.ref)
        redefined = self.coming.redefines(desired)
        if redefined and (problems := self.coming.misfits(desired)):
            self.failures.extend(problems)
            return
        try:
            if live is None and self.coming.brings(desired):
                self._rehearse(desired)
                return
            stamped_desired = restamped(desired, live, self.owner) if live else stamped(desired, self.owner)
            if live and not self._takes_over(live) and is_applied(stamped_desired, live):
                self.merged[desired.ref] = live
            elif redefined:
                self._foresee(stamped_desired, live)
            else:
                self._ask(stamped_desired, live)
        except GitopsError as error:
            refused = isinstance(error, ApiError) and (error.status == 403 or error.is_unfit)
            if not (self.compare and refused):
                self.failures.append(error)
            elif live:
                # Whether it could be released now is not what is asked: a policy may have come since.
                self.merged[desired.ref] = foreseen(restamped(desired, live, self.owner), live)

    def _adoptable(self, live: KubeObject) -> tuple[str, ...]:
        name = str(live.ref)
        return adoptable(live, undo=name in self.undo, take=name in self.take)

    def _takes_over(self, live: KubeObject) -> bool:
        """Whether others have a part of an object that is as desired otherwise, and that goes away."""
        name = str(live.ref)
        undone = name in self.undo and bool(added_by_hand(live))
        return undone or (name in self.take and bool(self._adoptable(live)))

    def _rehearse(self, desired: KubeObject) -> None:
        """Find out what the server would refuse of an object whose namespace is not there yet, as far as it can be
        found out elsewhere: what is wrong with the object itself."""
        if desired.kind in RARELY_REFUSED or not desired.namespace or not self.coming.serves(desired):
            return
        try:
            self.reader.rehearse(desired, STAND_IN)
        except ApiError as error:
            # Rights, quotas, names and webhooks there say nothing of the namespace that is coming.
            if error.is_unfit and "admission webhook" not in error.problem:
                raise

    def _foresee(self, desired: KubeObject, live: KubeObject | None) -> None:
        """A dry run of an object whose definition is going to change; where the old one does not allow it, what an
        apply would come to as far as can be told without the server."""
        try:
            self._ask(desired, live)
        except ApiError as error:
            if not error.is_unfit and error.status != 404:
                raise
            if live:
                self.merged[desired.ref] = foreseen(desired, live)

    def _ask(self, desired: KubeObject, live: KubeObject | None) -> None:
        ref = desired.ref
        names = self._adoptable(live) if live else ()
        try:
            self.merged[ref] = self._preview(desired, names)
            if live and names:
                self.orphans[ref] = names
                self.merged[ref] = self._with_defaults(without_orphans(live, self.merged[ref], names))
        except Invalid as error:
            if live is None:
                raise
            if error.immutable:
                fields = ", ".join(sorted(filter(None, error.immutable)))
                self.immutable[ref] = f"{fields} cannot be changed" if fields else error.problem
            elif not self._fits_without(desired, live, names or by_hand(live)):
                raise
        except ApiError as error:
            # The apply rewrites in which version its managers wrote the object.
            if live is None or not error.is_of_another_version:
                raise
            self.merged[ref] = self._with_defaults(foreseen(desired, live))

    def _fits_without(self, desired: KubeObject, live: KubeObject, names: tuple[str, ...]) -> bool:
        """Whether it is what the managers `names` have added that the server does not take beside `desired`: a port
        under another number, a second kind of volume. It goes then, where that is allowed."""
        if not names:
            return False
        try:
            self.merged[desired.ref] = self._with_defaults(foreseen(desired, live, names))
        except Invalid:
            return False
        self.orphans[desired.ref] = names
        if others := in_the_way(live, names) if names != self._adoptable(live) else ():
            self.conflicts[desired.ref] = others
        return True

    def _with_defaults(self, merged: KubeObject) -> KubeObject:
        """What is `merged`, whose creator owned what the server had filled in: it is filled in again."""
        fields = merged.metadata.get("managedFields")
        update = merged.with_metadata(managedFields=None)
        for _ in range(UPDATES):
            try:
                return self.reader.preview_update(update).with_metadata(managedFields=fields)
            except Conflict:
                # Its controller was quicker, with the status: the dry run is of the object as it is by now.
                now = self.reader.get(merged.ref)
                update = update.with_metadata(resourceVersion=now.metadata["resourceVersion"]) if now else update
        return self.reader.preview_update(update).with_metadata(managedFields=fields)

    def _preview(self, desired: KubeObject, adopts: tuple[str, ...]) -> KubeObject:
        """The dry run; forced where other managers are in the way, who are then named as conflicts."""
        try:
            return self.reader.preview(desired)
        except Conflict as conflict:
            others = tuple(each for each in conflict.fields if each.manager not in adopts)
            if others:
                self.conflicts[desired.ref] = others
            return self.reader.preview(desired, force=True)


DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
"""Annotation of a ReplicaSet: how many its Deployment wanted when it was last brought into line."""


def scaled_at(reader: Reader, deployment: KubeObject) -> str:
    """Since when a Deployment has the `replicas` that it has, by its ReplicaSets: a change by `kubectl scale` bears no
    time. Empty where they do not tell."""
    try:
        listed = reader.list("apps", "ReplicaSet", deployment.namespace, brief=True).objects
    except ApiError as error:
        if error.status != 403:
            raise
        return ""
    wanted = str(spec_of(deployment).get("replicas"))
    told = [each for each in listed if _is_of(each, deployment) and each.annotations.get(DESIRED_REPLICAS) == wanted]
    entries = [
        entry for each in told for entry in each.metadata.get("managedFields") or [] if "subresource" not in entry
    ]
    return max((str(entry.get("time") or "") for entry in entries), default="")


def _is_of(replica_set: KubeObject, deployment: KubeObject) -> bool:
    return any(owner.get("uid") == deployment.uid for owner in replica_set.metadata.get("ownerReferences") or [])
