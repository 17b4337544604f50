"""What is seen while a deploy goes on: on a terminal, and in CI."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gitops.apply.events import Event
from gitops.cli import events_view
from gitops.cli.events_view import show
from gitops.objects import ObjectRef

WEB = ObjectRef("apps", "Deployment", "shop", "web")
DB = ObjectRef("apps", "StatefulSet", "shop", "db")


def story(pause: float = 0.0) -> Iterator[Event]:
    yield Event(WEB, "configured", "image 1 -> 2")
    yield Event(WEB, "waiting", "0/2 updated")
    yield Event(DB, "waiting", "0/1 ready")
    time.sleep(pause)
    yield Event(WEB, "ready", "2/2 ready")
    yield Event(None, "failed", "StatefulSet/shop/db: failed: CrashLoopBackOff\n  | a line of its log")
    time.sleep(pause)
    yield Event(DB, "configured")
    yield Event(None, "recorded", "an inventory")


class Terminal:
    """A stream that says it is one."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def test_elsewhere_each_step_is_a_line_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    show(story())
    lines = capsys.readouterr().out.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\dZ  \w+", each) for each in lines)
    assert [each.split("  ", 1)[1] for each in lines] == [
        "configured  Deployment/shop/web  image 1 -> 2",
        "waiting     Deployment/shop/web  0/2 updated",
        "waiting     StatefulSet/shop/db  0/1 ready",
        "ready       Deployment/shop/web  2/2 ready",
        "failed      StatefulSet/shop/db: failed: CrashLoopBackOff",
        "configured  StatefulSet/shop/db",
    ]


def test_elsewhere_a_long_wait_is_not_silent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_view, "REFRESH", 0.02)
    monkeypatch.setattr(events_view, "REMINDER", 0.05)
    show(story(pause=0.5))
    said = capsys.readouterr().out
    assert re.search(r"waiting     StatefulSet/shop/db  0/1 ready  \(and 1 more\) · 0 s", said)
    assert not re.search(r"failed.*\n.*waiting", said)


def test_on_a_terminal_what_is_waited_for_is_one_line_that_is_rewritten(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setattr(events_view, "REFRESH", 0.05)
    monkeypatch.setattr(sys, "stdout", Terminal(sys.stdout))
    monkeypatch.setattr(sys, "stderr", Terminal(sys.stderr))
    show(story(pause=0.3))
    out, err = capsys.readouterr()
    assert "waiting" not in out
    assert err.count("waiting     StatefulSet/shop/db  (and 1 more)  0/1 ready") > 3
    assert "\n" not in err
    assert err.endswith("\r\x1b[K")
    assert max(len(part) for part in re.split(r"\r\x1b\[K", err)) < 80
    # After the failure nothing is waited for.
    assert out.splitlines()[-1].endswith("configured  StatefulSet/shop/db")


def test_on_a_terminal_a_long_name_leaves_room_for_what_is_waited_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setattr(sys, "stdout", Terminal(sys.stdout))
    monkeypatch.setattr(sys, "stderr", Terminal(sys.stderr))
    long = ObjectRef("apps", "Deployment", "shop", "a-service-with-a-name-that-is-longer-than-a-line-would-be-3")
    show(iter([Event(WEB, "waiting", "0/1 ready"), Event(long, "waiting", "1/2 ready · ErrImagePull, container web")]))
    last = re.split(r"\r\x1b\[K", capsys.readouterr().err)[-2]
    assert re.search(r"Deployment/\S*…\S+-3  \(and 1 more\)  1/2 ready", last)
    assert len(last) < 80


def test_nothing_is_shown_of_a_run_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(story(), quiet=True) >= 0
    assert capsys.readouterr() == ("", "")
