"""The drawing of support access counts what was tried in every state, and shows what should not have worked."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED, REFUSED, Outcome
from tenantproof.outputs.state_machine import Transition, state_machine_svg, transitions


def seen(vector: str, outcome: Outcome, operation: str = "transition") -> Observation:
    return Observation(probe="0" * 32, what="", outcome=outcome, unit=Unit("a", "t", operation, vector))


def test_transitions_are_counted_by_state_and_step() -> None:
    told = [
        seen("requested approve", PERMITTED),
        seen("requested approve: by whoever asked", REFUSED),
        seen("requested approve: without a digest", REFUSED),
        seen("denied activate", REFUSED),
        seen("active read: at another tenant", PERMITTED),
        seen("active read", PERMITTED, operation="read"),
    ]
    assert transitions(told) == [
        Transition(state="active", step="read", permitted_with_a_fault=1),
        Transition(state="denied", step="activate", refused=1),
        Transition(state="requested", step="approve", taken=1, refused=2),
    ]


def test_the_drawing_is_one_element_that_says_what_it_shows() -> None:
    drawn = state_machine_svg(
        [
            Transition(state="requested", step="approve", taken=3, refused=2),
            Transition(state="active", step="read", permitted_with_a_fault=1),
        ]
    )
    root = ET.fromstring(drawn)
    said = " ".join(root.itertext())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "2 acts refused, 1 permitted with a fault" in said
    assert "approve 3" in said
    assert "0 refused, 1 not" in said


def test_nothing_tried_is_drawn_as_nothing_tried() -> None:
    assert "0 acts refused, 0 permitted" in state_machine_svg([])
