"""An inventory that was lost, put together again from what the objects in the cluster tell themselves."""

from concurrent.futures import ThreadPoolExecutor

from gitops.clients.cluster import ApiError, Kind, Reader
from gitops.errors import count_of
from gitops.inventory import RECOVERED, Entry, Inventory
from gitops.objects import MANAGER, OWNER, REVISION, RUN, KubeObject
from gitops.plan.fields import applied_fields

WORKERS = 16
MADE_BY_CONTROLLERS = frozenset(
    {"Event", "Pod", "ReplicaSet", "ControllerRevision", "Endpoints", "EndpointSlice", "Lease", "PodMetrics"}
)
"""Kinds that are not looked through: of these there are many, and hardly any in an overlay."""


def recovered(reader: Reader, owner: str, namespace: str) -> Inventory:
    """What `owner` applied, by the annotations of what is in `namespace`; in the whole cluster where that is empty. An
    empty inventory where nothing is found.

    An environment of the same name may be elsewhere, of another repository: so one is not looked for beyond its own
    namespace.
    """
    kinds: dict[tuple[str, str], Kind] = {}
    for each in reader.kinds():
        if "list" in each.verbs and each.kind not in MADE_BY_CONTROLLERS and (each.namespaced or not namespace):
            kinds.setdefault((each.group, each.kind), each)
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="recover") as pool:
        lists = pool.map(lambda kind: _owned(reader, kind, owner, namespace), kinds.values())
        found = [each for listed in lists for each in listed]
    return Inventory(owner, frozenset(each.ref for each in found), (_last(found),)) if found else Inventory(owner)


def _owned(reader: Reader, kind: Kind, owner: str, namespace: str) -> list[KubeObject]:
    try:
        listed = reader.list(kind.group, kind.kind, namespace, brief=True).objects
    except ApiError:
        # What a role may not see, or a server of its own does not tell, is not known: it stays, and is nobody's.
        return []
    # Controllers copy annotations to what they make of an object: it is ours only where we applied it.
    return [each for each in listed if each.annotations.get(OWNER) == owner and applied_fields(each)]


def _last(found: list[KubeObject]) -> Entry:
    """The release that changed an object last."""
    # Times are of whole seconds; versions tell what came later within one.
    newest = max(found, key=lambda each: (_changed(each), int(each.metadata["resourceVersion"])))
    revision, run = (newest.annotations.get(key, "") for key in (REVISION, RUN))
    when, said = _changed(newest), f"{count_of(len(found), 'object')} found"
    return Entry(revision, "", when, run, RECOVERED, when, said)


def _changed(each: KubeObject) -> str:
    entries = each.metadata.get("managedFields") or []
    ours = (entry for entry in entries if (entry.get("manager"), entry.get("operation")) == (MANAGER, "Apply"))
    return max((str(entry.get("time") or "") for entry in ours), default="")
