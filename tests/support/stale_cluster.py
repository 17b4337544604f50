"""Clusters in memory whose reads are now and then answered with what was true earlier, as a cache on the way may."""

import copy
import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from gitops.clients.cluster import Listing
from gitops.objects import KubeObject, ObjectRef
from tests.support.fake_cluster import FakeCluster

IN_A_ROW = 2
"""Stale answers to one question, at most."""


class StaleCluster(FakeCluster):
    """A share `rate` of the reads is answered with any earlier answer to the same question. Which these are is told by
    the seed and the question alone, as threads ask in no order."""

    def __init__(self, seed: int, rate: float) -> None:
        self.seed, self.rate = seed, rate
        self._answers: dict[object, list[Any]] = defaultdict(list)
        self._asked: Counter[object] = Counter()
        self._row: Counter[object] = Counter()
        super().__init__()

    def get(self, ref: ObjectRef, version: str = "") -> KubeObject | None:
        found: KubeObject | None = self._maybe_old((ref, version), super().get(ref, version))
        return found

    def list(
        self,
        group: str,
        kind: str,
        namespace: str = "",
        version: str = "",
        fields: Mapping[str, str] | None = None,
        brief: bool = False,
    ) -> Listing:
        question = (group, kind, namespace, version, tuple((fields or {}).items()), brief)
        found: Listing = self._maybe_old(question, super().list(group, kind, namespace, version, fields, brief))
        return found

    def _maybe_old(self, question: object, answer: Any) -> Any:
        with self._changed:
            self._asked[question] += 1
            choice = random.Random(f"{self.seed} {question} {self._asked[question]}")
            earlier = self._answers[question]
            if earlier and self._row[question] < IN_A_ROW and choice.random() < self.rate:
                self._row[question] += 1
                return choice.choice(earlier)
            self._row[question] = 0
            earlier.append(answer)
            return answer


class Moment(NamedTuple):
    """What a cluster had at some time."""

    objects: dict[ObjectRef, dict[str, Any]]
    version: int


class BehindCluster(FakeCluster):
    """Answers from an earlier moment where a test says so."""

    def __init__(self) -> None:
        self._moments: dict[str, list[Moment]] = defaultdict(list)
        super().__init__()

    def moment(self) -> Moment:
        with self._changed:
            return Moment(copy.deepcopy(self.objects), self._version())

    def answer_from(self, moment: Moment, kind: str, times: int = 1) -> None:
        """Answer the next `times` reads of objects of `kind` as it was at `moment`."""
        self._moments[kind] += [moment] * times

    @property
    def has_answered(self) -> bool:
        """Whether all that a test said was asked for."""
        return not any(self._moments.values())

    def get(self, ref: ObjectRef, version: str = "") -> KubeObject | None:
        with self._changed:
            if not self._moments[ref.kind]:
                return super().get(ref, version)
            body = self._moments[ref.kind].pop().objects.get(ref)
            return KubeObject(copy.deepcopy(body)) if body else None

    def list(
        self,
        group: str,
        kind: str,
        namespace: str = "",
        version: str = "",
        fields: Mapping[str, str] | None = None,
        brief: bool = False,
    ) -> Listing:
        with self._changed:
            if not self._moments[kind]:
                return super().list(group, kind, namespace, version, fields, brief)
            moment, now = self._moments[kind].pop(), self.objects
            try:
                self.objects = moment.objects
                objects = super().list(group, kind, namespace, version, fields, brief).objects
            finally:
                self.objects = now
            return Listing(objects, str(moment.version))
