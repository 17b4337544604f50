"""Checks of a manifest repository's overlays, offline: each finding has a code, a place, a reason and a fix. Pure.

It is handed the repository's files and the rendered overlays; it never renders or reads anything itself.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from gitops.objects import KubeObject
from gitops.validate.agents import check_agents
from gitops.validate.contradictions import check_contradictions
from gitops.validate.disruption import check_disruption
from gitops.validate.finding import Finding
from gitops.validate.images import check_images
from gitops.validate.kustomizations import check_kustomizations
from gitops.validate.network import check_network
from gitops.validate.objects import check_names, check_objects, check_owners, check_places
from gitops.validate.pod_security import check_pod_security
from gitops.validate.ports import check_ports
from gitops.validate.rbac import check_rbac
from gitops.validate.references import check_references
from gitops.validate.repository import check_repository
from gitops.validate.scaling import check_scaling
from gitops.validate.schema import of_right_shape
from gitops.validate.scope import Overlay
from gitops.validate.secrets import check_secrets
from gitops.validate.workloads import check_workloads

CHECKS: tuple[Callable[[Overlay], Iterable[Finding]], ...] = (
    check_kustomizations,
    check_names,
    check_places,
    check_images,
    check_pod_security,
    check_rbac,
    check_network,
    check_scaling,
    check_references,
    check_ports,
    check_contradictions,
    check_disruption,
    check_workloads,
    check_secrets,
    check_agents,
)

__all__ = ["CHECKS", "Finding", "Overlay", "validate"]


def validate(overlays: Sequence[Overlay], whole: bool = True) -> list[Finding]:
    """Every finding in `overlays`, in order of place, each once; those that a comment says to leave are left.

    `whole`: they are all that the repository has, so that its templates, scripts and documents are checked too.
    """
    found = {*_findings(overlays), *(check_repository(overlays) if whole else ())}
    sources = overlays[0].sources if overlays else None
    return sorted(f for f in found if sources is None or f.code not in sources.ignored(f.file, f.line))


def _findings(overlays: Sequence[Overlay]) -> Iterator[Finding]:
    for overlay in overlays:
        yield from check_objects(overlay)
        shaped = replace(overlay, objects=_shaped(overlay.objects, overlay), others=_shaped(overlay.others, overlay))
        for check in CHECKS:
            yield from check(shaped)
    yield from check_owners(list(overlays))


def _shaped(objects: Sequence[KubeObject], overlay: Overlay) -> tuple[KubeObject, ...]:
    shaped = (of_right_shape(obj, overlay.version) for obj in objects)
    return tuple(obj for obj in shaped if obj is not None)
