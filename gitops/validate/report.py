"""Findings as JSON, SARIF and JUnit."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from gitops.validate.codes import CODES
from gitops.validate.finding import Finding


def as_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """One mapping a finding."""
    return [
        {
            "code": finding.code,
            "severity": finding.severity,
            "file": finding.file,
            "line": finding.line,
            "what": finding.what,
            "why": finding.why,
            "fix": finding.fix,
        }
        for finding in findings
    ]


def as_sarif(findings: Sequence[Finding], version: str) -> dict[str, Any]:
    """SARIF 2.1.0, for code hosts: https://docs.oasis-open.org/sarif/sarif/v2.1.0/."""
    used = sorted({finding.code for finding in findings})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": CODES[code].title},
            "fullDescription": {"text": CODES[code].why},
            "help": {"text": CODES[code].fix},
            "defaultConfiguration": {"level": CODES[code].severity},
        }
        for code in used
    ]
    results = [
        {
            "ruleId": finding.code,
            "ruleIndex": used.index(finding.code),
            "level": finding.severity,
            "message": {"text": f"{finding.what}. {finding.fix}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(finding.file)},
                        "region": {"startLine": finding.line},
                    }
                }
            ],
        }
        for finding in findings
    ]
    driver = {"name": "gitops validate", "version": version, "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def as_junit(findings: Sequence[Finding], overlays: Sequence[str]) -> str:
    """JUnit XML: a test case an overlay and file; an error of ours is a failure, others go to its output."""
    suite = ElementTree.Element("testsuite", name="gitops validate")
    files = sorted({finding.file for finding in findings})
    names = [*overlays, *files]
    failures = 0
    for name in names:
        case = ElementTree.SubElement(suite, "testcase", classname="gitops.validate", name=name)
        here = [finding for finding in findings if finding.file == name]
        errors = [finding for finding in here if finding.severity == "error"]
        if errors:
            failures += 1
            failure = ElementTree.SubElement(case, "failure", message=errors[0].what, type=errors[0].code)
            failure.text = "\n".join(f"{f.file}:{f.line}: {f.code} {f.what}" for f in errors)
        if others := [f"{f.file}:{f.line}: {f.code} {f.what}" for f in here if f.severity != "error"]:
            ElementTree.SubElement(case, "system-out").text = "\n".join(others)
    suite.set("tests", str(len(names)))
    suite.set("failures", str(failures))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)
