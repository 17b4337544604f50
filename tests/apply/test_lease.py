"""The lease: one holder, taken over from the dead, lost by those who sleep."""

from datetime import UTC, datetime, timedelta

import pytest

from gitops.apply.lease import Lease, LeaseOptions
from gitops.clients.cluster import Cluster
from gitops.errors import GitopsError
from gitops.objects import KubeObject, ObjectRef
from tests.support.fake_cluster import FakeCluster
from tests.support.stale_cluster import BehindCluster

REF = ObjectRef("coordination.k8s.io", "Lease", "default", "gitops-prod")
OPTIONS = LeaseOptions(duration=15, patience=60, poll=1)


class Clock:
    """Time that passes when somebody sleeps, and not otherwise."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC) + timedelta(seconds=self.seconds)


def lease(cluster: Cluster, holder: str, clock: Clock) -> Lease:
    return Lease(cluster, REF, holder, OPTIONS, 0, clock.sleep, clock.monotonic, clock.now)


def held_by(cluster: Cluster) -> str:
    found = cluster.get(REF)
    assert found is not None
    return str(found.body["spec"]["holderIdentity"])


def dead(cluster: FakeCluster, clock: Clock) -> None:
    """A lease whose holder was killed just now."""
    spec = {
        "holderIdentity": "the dead",
        "leaseDurationSeconds": 15,
        "acquireTime": clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "renewTime": clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "leaseTransitions": 4,
    }
    metadata = {"name": REF.name, "namespace": REF.namespace}
    cluster.create(
        KubeObject({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec})
    )


def test_it_is_held_within_and_free_after() -> None:
    cluster, clock = FakeCluster(), Clock()
    with lease(cluster, "one", clock):
        assert held_by(cluster) == "one"
    assert held_by(cluster) == ""
    with lease(cluster, "two", clock) as second:
        assert second.token == 2
    assert clock.seconds == 0


def test_who_comes_while_it_is_held_waits_and_then_says_who_holds_it() -> None:
    cluster, clock = FakeCluster(), Clock()
    with lease(cluster, "one", clock) as first:

        def renewed(seconds: float) -> None:
            clock.seconds += seconds
            found = cluster.get(REF)
            assert found is not None
            spec = {**found.body["spec"], "renewTime": clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
            first._held = cluster.replace(KubeObject({**found.body, "spec": spec}))

        second = Lease(cluster, REF, "two", OPTIONS, 0, renewed, clock.monotonic, clock.now)
        with pytest.raises(GitopsError, match=r"Lease/default/gitops-prod: one deploys here since 00:00:00Z"), second:
            pass
        assert 60 <= clock.seconds <= 62
        assert held_by(cluster) == "one"


def test_the_lease_of_a_run_that_was_killed_is_taken_when_it_runs_out() -> None:
    cluster, clock = FakeCluster(), Clock()
    dead(cluster, clock)
    with lease(cluster, "next", clock) as taken:
        assert 15 < clock.seconds < 17
        assert taken.token == 5


def test_a_lease_that_is_long_dead_is_taken_at_once() -> None:
    cluster, clock = FakeCluster(), Clock()
    dead(cluster, clock)
    clock.seconds = 3601
    with lease(cluster, "next", clock):
        assert clock.seconds == 3601


def test_a_clock_that_is_most_of_an_hour_ahead_does_not_take_a_lease_that_is_held() -> None:
    cluster, clock, ahead = FakeCluster(), Clock(), Clock()
    with lease(cluster, "one", clock) as held:

        def renewed(seconds: float) -> None:
            ahead.seconds += seconds
            clock.seconds += seconds
            held._renew_once()

        ahead.seconds = 3000
        second = Lease(cluster, REF, "two", OPTIONS, 0, renewed, ahead.monotonic, ahead.now)
        with pytest.raises(GitopsError, match="one deploys here since"), second:
            pass
        held.check()
        assert held_by(cluster) == "one"


def test_who_slept_too_long_may_not_write_any_more_once_another_took_the_lease() -> None:
    cluster, clock = FakeCluster(), Clock()
    with lease(cluster, "one", clock) as held:
        held.check()
        clock.seconds = 61
        with lease(cluster, "two", clock), pytest.raises(GitopsError, match="was lost"):
            held.check()
        with pytest.raises(GitopsError, match="was lost"):
            held.check()
    assert held_by(cluster) == ""


def test_a_lease_that_ran_out_and_that_nobody_took_is_renewed() -> None:
    cluster, clock = FakeCluster(), Clock()
    with lease(cluster, "one", clock) as held:
        clock.seconds = 61
        held.check()
        assert held.token == 1
        clock.seconds = 75
        held.check()


def test_a_lease_that_ran_out_and_that_nobody_took_is_given_up_too() -> None:
    cluster, clock = FakeCluster(), Clock()
    with lease(cluster, "one", clock):
        clock.seconds = 61
    assert held_by(cluster) == ""


def test_a_lease_is_given_up_though_the_answer_to_its_last_renewal_was_lost() -> None:
    cluster, clock = FakeCluster(), Clock()
    with lease(cluster, "one", clock):
        found = cluster.get(REF)
        assert found is not None
        cluster.replace(found.with_annotations({"renewed": "yes"}))
    assert held_by(cluster) == ""


def test_a_lease_that_another_took_is_not_given_up() -> None:
    cluster, clock = FakeCluster(), Clock()
    with lease(cluster, "one", clock):
        clock.seconds = 61
        lease(cluster, "two", clock)._acquire()
    assert held_by(cluster) == "two"


def test_a_lease_that_cannot_be_renewed_in_time_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, clock = FakeCluster(), Clock()

    def away(_: KubeObject) -> KubeObject:
        raise GitopsError("fake", "does not answer")

    with lease(cluster, "one", clock) as held:
        monkeypatch.setattr(cluster, "replace", away)
        clock.seconds = 14
        held.check()
        clock.seconds = 16
        with pytest.raises(GitopsError, match="could not be reached"):
            held.check()


def test_a_renewal_whose_answer_was_lost_is_known_again_on_a_config_map_too() -> None:
    cluster, clock = FakeCluster(), Clock()
    ref = ObjectRef("", "ConfigMap", "default", "gitops-prod-lease")
    for at in (REF, ref):
        with Lease(cluster, at, "one", OPTIONS, 0, clock.sleep, clock.monotonic, clock.now) as held:
            found = cluster.get(at)
            assert found is not None
            # Written, and its answer never seen.
            cluster.replace(found.with_annotations({"renewed": "yes"}))
            clock.seconds += 16
            held.check()


def test_an_answer_from_a_cache_does_not_give_back_a_lease_that_another_took() -> None:
    cluster, clock = BehindCluster(), Clock()
    with lease(cluster, "one", clock) as held:
        before = cluster.moment()
        clock.seconds = 61
        with lease(cluster, "two", clock):
            cluster.answer_from(before, "Lease")
            with pytest.raises(GitopsError, match="was lost"):
                held.check()
            assert cluster.has_answered
            with pytest.raises(GitopsError, match="was lost"):
                held.check()


def test_who_only_sees_a_lease_that_is_long_past_gives_up_some_time() -> None:
    cluster, clock = BehindCluster(), Clock()
    with lease(cluster, "one", clock):
        pass
    before = cluster.moment()
    cluster.update(REF, {"spec": {"leaseTransitions": 7}})
    cluster.answer_from(before, "Lease", times=1000)
    with pytest.raises(GitopsError, match=r"Lease/default/gitops-prod: another run deploys here"):
        lease(cluster, "two", clock)._acquire()
    assert 60 <= clock.seconds <= 62


def test_an_answer_that_was_lost_does_not_lock_us_out() -> None:
    cluster, clock = FakeCluster(), Clock()
    first = lease(cluster, "one", clock)
    first._acquire()
    again = lease(cluster, "one", clock)
    again._acquire()
    assert clock.seconds == 0


def test_a_lease_that_was_deleted_by_hand_does_not_count_from_the_start() -> None:
    cluster, clock = FakeCluster(), Clock()
    held = Lease(cluster, REF, "one", OPTIONS, 7, clock.sleep, clock.monotonic, clock.now)
    with held:
        assert held.token == 8


def test_a_config_map_serves_where_no_lease_may_be_written() -> None:
    cluster, clock = FakeCluster(), Clock()
    ref = ObjectRef("", "ConfigMap", "default", "gitops-prod-lease")
    for token in (1, 2):
        with Lease(cluster, ref, "one", OPTIONS, 0, clock.sleep, clock.monotonic, clock.now) as held:
            held.check()
            assert held.token == token
    assert clock.seconds == 0
