"""Strict fakes of AWS services that moto lacks, held to botocore's service models.

A fake is a real boto3 client whose requests never leave: botocore checks and serialises what it is given, and what the
fake answers is checked against the operation's output. An operation that the fake does not have fails the test.
"""

from typing import Any

import boto3
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.validate import ParamValidator


class Refusal(Exception):
    """What the service refuses, with AWS's code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class FakeService:
    """Answers the operations that a subclass has as methods: `describe_cluster(name=…)` gives the parsed answer."""

    service = ""

    def __init__(self) -> None:
        self.calls: list[str] = []
        session = boto3.Session("testing", "testing", region_name="ap-northeast-2")
        self.client: Any = session.client(self.service)  # type: ignore[call-overload]
        self._given: dict[str, Any] = {}
        events = self.client.meta.events
        events.register("provide-client-params.*", self._keep)
        events.register("before-call.*", self._answer)

    def _keep(self, params: dict[str, Any], **_: Any) -> None:
        self._given = dict(params)

    def _answer(self, model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        name = xform_name(model.name)
        self.calls.append(name)
        try:
            answer = getattr(self, name)(**self._given)
        except Refusal as refusal:
            parsed = {"Error": {"Code": refusal.code, "Message": refusal.message}, "ResponseMetadata": {}}
            return AWSResponse("", 400, HTTPHeaders(), None), parsed
        problems = ParamValidator().validate(answer, model.output_shape).generate_report()
        assert not problems, f"{name}: {problems}"
        return AWSResponse("", 200, HTTPHeaders(), None), answer | {"ResponseMetadata": {"HTTPStatusCode": 200}}
