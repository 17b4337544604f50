"""A cluster as a target: reads it, applies a plan to it, waits, and keeps the inventory there."""

import base64
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from gitops import live
from gitops.apply.announce import Announcer, bare, event_about
from gitops.apply.applier import Applier
from gitops.apply.events import Event
from gitops.apply.lease import Lease, LeaseOptions
from gitops.clients.cluster import ApiError, Cluster, Conflict
from gitops.clients.fresh import FreshReader, is_before
from gitops.errors import GitopsError
from gitops.inventory import Entry, Inventory, from_object, inventory_ref, to_object
from gitops.objects import OWNER, KubeObject, ObjectRef
from gitops.plan.definitions import defined
from gitops.plan.fields import applied_fields
from gitops.plan.mask import mask_of
from gitops.plan.model import Action, Change, Plan, Release, Snapshot
from gitops.plan.planner import DEFAULT_POLICY, Policy, owned_after
from gitops.plan.summary import counted, images
from gitops.recovery import recovered


@dataclass(frozen=True)
class Options:
    """How a deploy to a cluster behaves."""

    run: str = ""
    """What names this run: the build's id, or one made up."""
    timeout: float = 300.0
    """Seconds that the whole release may take to be ready."""
    patience: float = 30.0
    """Seconds that a trouble which may pass may last."""
    policy: Policy = DEFAULT_POLICY
    lease: LeaseOptions = LeaseOptions()
    coming: tuple[KubeObject, ...] = ()
    """Objects that other overlays, planned before in the same run and not deployed yet, are going to make."""


@dataclass
class ClusterTarget:
    """`Target` of a cluster. Made for one run."""

    cluster: Cluster
    options: Options = Options()
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    lingering: set[ObjectRef] = field(default_factory=set)
    """What was deleted, and is there until somebody lets go of it."""
    reader: FreshReader = field(init=False)
    """Reads the cluster; what this run has written is seen."""
    _applied: dict[ObjectRef, KubeObject] = field(default_factory=dict)
    _inventory: Inventory | None = None
    _tried: Inventory | None = None
    """What this run wrote last, or tried to."""
    _recovered: Inventory | None = None
    _entry: Entry | None = None
    _lease: Lease | None = None
    _beside: Lease | None = None
    """What roles that may write no Lease hold in its place, where there are such."""
    _announcer: Announcer | None = None
    _held: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.reader = FreshReader(self.cluster, self._since)

    @property
    def name(self) -> str:
        return self.cluster.name

    def _since(self) -> str:
        """What this run wrote last, of the Lease and the inventory: what it reads from then on is no older."""
        lease = self._lease.version if self._lease else ""
        inventory = self._inventory.resource_version if self._inventory else ""
        return inventory if not lease or is_before(lease, inventory) else lease

    @contextmanager
    def lock(self, release: Release) -> Iterator[None]:
        """Hold the environment's Lease. Where not even its namespace is there yet, it is taken once that is made."""
        with self._held:
            try:
                self._take_lease(release)
            except ApiError as error:
                # No namespace. Whoever says that there is none when the Lease is written does not say it from a cache.
                if error.status != 404:
                    raise
            try:
                yield
            finally:
                if self._announcer:
                    self._announcer.finish()
        self._lease = self._beside = None

    def _home(self, release: Release) -> KubeObject | None:
        """The namespace of the environment. A role that may not read namespaces cannot make one: then it is taken to
        be there, and to be somebody else's."""
        ref = ObjectRef("", "Namespace", "", release.home)
        try:
            return self.reader.get(ref) or next((each for each in self.options.coming if each.ref == ref), None)
        except ApiError as error:
            if error.status != 403:
                raise
            return KubeObject({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": release.home}})

    def _take_lease(self, release: Release) -> None:
        # A build may run two deploys, so its id alone does not tell them apart.
        holder = f"{self.options.run or 'run'} {secrets.token_hex(4)}"
        fence = self._recorded(release).fence
        ref, stand_in = _lease_refs(release)
        try:
            self._lease = self._held.enter_context(self._lease_at(ref, holder, fence))
        except ApiError as error:
            if error.status != 403:
                raise
            self._lease = self._held.enter_context(self._lease_at(stand_in, holder, fence))
        else:
            if self.cluster.get(stand_in):
                # Others deploy here who cannot see the Lease: they are kept out by what they hold themselves.
                self._beside = self._held.enter_context(self._lease_at(stand_in, holder, fence))

    def _lease_at(self, ref: ObjectRef, holder: str, floor: int) -> Lease:
        return Lease(self.cluster, ref, holder, self.options.lease, floor, self.sleep, self.monotonic, self.now)

    def complete(self, release: Release, desired: Sequence[KubeObject]) -> tuple[KubeObject, ...]:
        """Fill in namespaces, turn stringData into data, and add the environment's own namespace where it is missing:
        a team must be able to deploy to an empty cluster."""
        scopes = self._scopes(desired)
        placed = [_with_data(_placed(each, release, scopes)) for each in desired]
        home = ObjectRef("", "Namespace", "", release.namespace)
        if release.namespace and placed and not any(each.ref == home for each in placed):
            found = self._home(release)
            if found is None or found.annotations.get(OWNER) == release.owner:
                body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": release.namespace}}
                placed.insert(0, KubeObject(body))
        return tuple(placed)

    def inventory(self, release: Release) -> Inventory:
        recorded = self._recorded(release)
        return recorded if recorded.resource_version or not self._was_deployed(release) else self._recover(release)

    def _recorded(self, release: Release) -> Inventory:
        return live.read_inventory(self.reader, self._inventory_ref(release), release.owner)

    def _was_deployed(self, release: Release) -> bool:
        """Whether others than this run have held the Lease: a deploy leaves it behind."""
        if self._lease:
            return self._lease.token > 1
        return any(map(self._may_get, _lease_refs(release)))

    def _may_get(self, ref: ObjectRef) -> bool:
        try:
            return self.reader.get(ref) is not None
        except ApiError as error:
            if error.status != 403:
                raise
            return False

    def _recover(self, release: Release) -> Inventory:
        """What is owned, as the objects tell; looked for once."""
        if self._recovered is None:
            self._recovered = recovered(self.reader, release.owner, release.namespace)
        return self._recovered

    def read(self, release: Release, desired: Sequence[KubeObject], compare: bool = False) -> Snapshot:
        inventory = self.inventory(release)
        snapshot = self._read(desired, inventory, compare)
        if not (inventory.resource_version or inventory.history) and _has_ours(snapshot, release):
            # The Lease went away with the record.
            return self._read(desired, self._recover(release), compare)
        return snapshot

    def _read(self, desired: Sequence[KubeObject], inventory: Inventory, compare: bool) -> Snapshot:
        policy = self.options.policy
        # To undo what was done by hand takes nothing from other tools.
        take = policy.take_ownership - policy.undo
        return live.read(self.reader, desired, inventory, self.options.coming, policy.undo, compare, take)

    def apply(self, plan: Plan) -> Iterator[Event]:
        self._inventory, self._entry = plan.inventory, None
        self._applied.clear()
        if not plan.pending:
            return
        mask, applier = mask_of(plan), self._applier(plan.release)
        home = [change for change in plan.pending if _is_home(change, plan.release)]
        yield from applier.apply(replace(plan, changes=tuple(home)), mask)
        if self._lease is None:
            self._take_lease(plan.release)
        self._begin(plan)
        others = [change for change in plan.changes if change not in home]
        yield from applier.apply(replace(plan, changes=tuple(others)), mask)

    def prune(self, plan: Plan) -> Iterator[Event]:
        yield from self._applier(plan.release).prune(plan, mask_of(plan))

    def wait(self, plan: Plan, interrupt: Callable[[], None] = lambda: None) -> Iterator[Event]:
        if self._announcer:
            self._announcer.start()
        waiter = self._applier(plan.release).waiter(plan, mask_of(plan), interrupt)
        yield from waiter.wait(plan, self._applied)

    def record(self, plan: Plan, result: str = "deployed") -> Iterator[Event]:
        """Write the inventory, unless it says the same already."""
        inventory = self._inventory or plan.inventory
        last = inventory.last
        owned = owned_after(plan) | self.lingering if result == "deployed" else inventory.owned
        same = last and (last.revision, last.result) == (plan.release.revision, result)
        if same and owned == inventory.owned and not plan.pending:
            return
        entry = replace(self._entry or self._new_entry(plan), result=result, ended=_stamp(self.now()))
        self._may_write()
        begun = inventory if self._entry else inventory.begun(entry, (), inventory.fence)
        self._write(begun.ended(entry, owned), plan.release)
        self._tell(entry, plan.release)
        yield Event(None, "recorded", str(self._inventory_ref(plan.release)))

    def forget(self, release: Release) -> Iterator[Event]:
        """Delete the inventory and the Lease of an environment that owns nothing any more."""
        for ref in (self._inventory_ref(release), *_lease_refs(release)):
            try:
                deleted = self.cluster.delete(ref)
            except ApiError as error:
                # A role that may write no Lease has none; that of another does no harm.
                if error.status != 403 or ref.kind != "Lease":
                    raise
                continue
            if deleted:
                yield Event(ref, "deleted")

    def _scopes(self, desired: Sequence[KubeObject]) -> dict[tuple[str, str], bool]:
        """Whether a kind is namespaced, of each kind that is served or is going to be."""
        kinds = live.kinds_for(self.reader, desired)
        coming = defined((*desired, *self.options.coming))
        scopes = {key: definition.namespaced for key, definition in coming.items()}
        wanted = {(each.group, each.kind) for each in desired}
        return scopes | {key: kind.namespaced for key in wanted if (kind := kinds.find(*key))}

    def _applier(self, release: Release) -> Applier:
        if self._announcer is None:
            self._announcer = Announcer(self.cluster, self._inventory_ref(release), self.options.run, self.now)
        return Applier(
            self.cluster,
            self.reader,
            run=self.options.run,
            timeout=self.options.timeout,
            patience=self.options.patience,
            force=self._takes_ownership,
            sleep=self.sleep,
            now=self.monotonic,
            may_write=self._may_write,
            began=self._lease.began if self._lease else "",
            applied=self._applied,
            lingering=self.lingering,
            tell=self._announcer.note,
        )

    def _may_write(self) -> None:
        for lease in filter(None, (self._lease, self._beside)):
            lease.check()

    def _takes_ownership(self, change: Change) -> bool:
        return bool(change.conflicts) and str(change.ref) in self.options.policy.take_ownership

    def _begin(self, plan: Plan) -> None:
        """Record what is about to be owned, so that a run which is cut off leaves nothing that nobody owns."""
        assert self._inventory is not None
        self._entry = self._new_entry(plan)
        adds = [change.ref for change in plan.changes if change.desired]
        assert self._lease is not None
        if self._inventory.fence > self._lease.token:
            raise GitopsError(str(self._inventory_ref(plan.release)), "a newer run has been here", "run it again")
        self._write(self._inventory.begun(self._entry, adds, self._lease.token), plan.release)

    def _new_entry(self, plan: Plan) -> Entry:
        return Entry(
            revision=plan.release.revision,
            title=plan.release.title,
            started=_stamp(self.now()),
            run=self.options.run,
            result="applying",
            changes=counted(plan),
            images=images(plan),
        )

    def _tell(self, entry: Entry, release: Release) -> None:
        """Leave an Event beside the inventory, for those who look at the cluster. It is no part of the release: a role
        that may not write events deploys all the same."""
        said = (
            f"{release.environment} {entry.result}: {entry.revision[:7]} {entry.title} ({entry.changes}) by {entry.run}"
        )
        kind = "Normal" if entry.result == "deployed" else "Warning"
        try:
            about = bare(self._inventory_ref(release))
            self.cluster.create(event_about(about, entry.result.capitalize(), said, self.now(), kind))
        except ApiError as error:
            # 409: an answer was lost on its way, and the second attempt met the first.
            if error.status not in (403, 404, 409):
                raise

    def _write(self, inventory: Inventory, release: Release) -> None:
        """Write the inventory in place of the one that was read; two deploys at once cannot both."""
        ref = self._inventory_ref(release)
        body = to_object(inventory, ref)
        before, self._tried = self._tried, inventory
        try:
            written = self.cluster.replace(body) if inventory.resource_version else self._first(body)
        except Conflict as conflict:
            # An answer that was lost on its way makes the second attempt meet our own first one.
            found = self.reader.get(ref)
            there = from_object(found, inventory.owner) if found else None
            if found is None or there not in (inventory, before):
                raise GitopsError(
                    str(ref), "another deploy is under way", "run it again when that is done"
                ) from conflict
            # An interrupt came before the answer to what we wrote last was noted.
            written = found if there == inventory else self.cluster.replace(to_object(_onto(inventory, found), ref))
        self._inventory = _onto(inventory, written)

    def _first(self, body: KubeObject) -> KubeObject:
        try:
            return self.cluster.create(body)
        except ApiError as error:
            if error.status == 409:
                raise Conflict(error.subject, error.problem) from error
            raise

    def _inventory_ref(self, release: Release) -> ObjectRef:
        return inventory_ref(release.home, release.environment)


def _onto(inventory: Inventory, written: KubeObject) -> Inventory:
    """`inventory`, to be written in place of the ConfigMap `written`."""
    return replace(inventory, resource_version=str(written.metadata["resourceVersion"]))


def _lease_refs(release: Release) -> tuple[ObjectRef, ObjectRef]:
    """The Lease of an environment; and the ConfigMap that says the same, for roles that may write no Lease."""
    name = f"gitops-{release.environment}"
    lease = ObjectRef("coordination.k8s.io", "Lease", release.home, name)
    return lease, ObjectRef("", "ConfigMap", release.home, f"{name}-lease")


def _is_home(change: Change, release: Release) -> bool:
    return change.action is Action.CREATE and change.ref == ObjectRef("", "Namespace", "", release.home)


def _has_ours(snapshot: Snapshot, release: Release) -> bool:
    """Whether something is there already that this environment applied."""
    return any(each.annotations.get(OWNER) == release.owner and applied_fields(each) for each in snapshot.live.values())


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _placed(each: KubeObject, release: Release, scopes: Mapping[tuple[str, str], bool]) -> KubeObject:
    """`each` in its namespace: the environment's where it says none, and none where its kind has none (kustomize sets
    a namespace on every kind that it does not know)."""
    namespaced = scopes.get((each.group, each.kind))
    if namespaced is False and each.namespace:
        metadata = {key: value for key, value in each.metadata.items() if key != "namespace"}
        return KubeObject({**each.body, "metadata": metadata}, each.origin)
    if each.namespace or not namespaced:
        return each
    if not release.namespace:
        raise GitopsError(str(each.ref), "has no namespace", "set namespace: in the overlay's kustomization")
    return each.with_metadata(namespace=release.namespace)


def _with_data(each: KubeObject) -> KubeObject:
    """A Secret's stringData as data, which is what the server keeps: a key that is taken away then really goes."""
    strings = each.body.get("stringData") if each.ref.kind == "Secret" and not each.group else None
    if not isinstance(strings, Mapping) or not isinstance(each.body.get("data") or {}, Mapping):
        # What is malformed is left for the server to refuse.
        return each
    encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in strings.items()}
    body = {key: value for key, value in each.body.items() if key != "stringData"}
    return KubeObject({**body, "data": {**(each.body.get("data") or {}), **encoded}}, each.origin)
