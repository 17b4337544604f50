"""The forms for programs."""

import json
import os
from pathlib import Path

import pytest

from gitops.validate import Finding
from gitops.validate.codes import CODES
from gitops.validate.report import as_sarif

FOUND = [Finding("docs/a b.md", 1, code, "something") for code in CODES]


def test_a_place_in_sarif_is_an_address() -> None:
    (run,) = as_sarif(FOUND, "1.0")["runs"]
    places = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]}
    assert places == {"docs/a%20b.md"}
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == sorted(CODES)


@pytest.mark.skipif("GITOPS_SARIF_SCHEMA" not in os.environ, reason="GITOPS_SARIF_SCHEMA names no schema")
def test_sarif_is_of_its_schema() -> None:
    """sarif-schema-2.1.0.json of github.com/oasis-tcs/sarif-spec."""
    import jsonschema

    schema = json.loads(Path(os.environ["GITOPS_SARIF_SCHEMA"]).read_text("utf-8"))
    for found in ([], FOUND):
        jsonschema.validate(as_sarif(found, "1.0"), schema)
