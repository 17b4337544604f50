"""A plan as JUnit XML: a case an object, so that a build's test report shows it. What is refused fails."""

from xml.etree import ElementTree

from gitops.plan.model import Plan
from gitops.plan.summary import note


def junit(plans: list[Plan]) -> str:
    """The report of one or several plans."""
    suites = ElementTree.Element("testsuites")
    for plan in plans:
        refused = {refusal.subject: refusal for refusal in plan.refusals}
        others = [refusal for refusal in plan.refusals if refusal.subject not in {str(c.ref) for c in plan.changes}]
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            name=f"{plan.release.environment} on {plan.release.target}",
            tests=str(len(plan.changes) + len(others)),
            failures=str(len(plan.refusals)),
        )
        for change in plan.changes:
            case = ElementTree.SubElement(suite, "testcase", classname=str(change.action), name=str(change.ref))
            if said := note(change):
                ElementTree.SubElement(case, "system-out").text = said
            if refusal := refused.get(str(change.ref)):
                ElementTree.SubElement(case, "failure", message=refusal.problem).text = refusal.hint
        for refusal in others:
            case = ElementTree.SubElement(suite, "testcase", classname="refused", name=refusal.subject)
            ElementTree.SubElement(case, "failure", message=refusal.problem).text = refusal.hint
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True)
