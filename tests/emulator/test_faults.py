"""Which request a fault hits: rules without I/O."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from did_tui.emulator.faults import BODIES, Fault, Faults


def test_a_fault_hits_its_route_and_only_as_often_as_ordered() -> None:
    faults = Faults()
    faults.order(Fault(route="speak", status=500, count=2))
    assert faults.take("send_message") is None
    assert faults.take("speak") is not None
    assert faults.take("speak") is not None
    assert faults.take("speak") is None
    assert faults.view() == []


def test_the_first_ones_may_be_let_through() -> None:
    faults = Faults()
    faults.order(Fault(skip=2, drop=True))
    assert [faults.take("any") is not None for _ in range(4)] == [False, False, True, False]


def test_a_fault_without_a_count_stays_until_it_is_removed() -> None:
    faults = Faults()
    number = faults.order(Fault(count=0, cut=True))
    assert all(faults.take("any") for _ in range(50))
    assert faults.remove(number + 1) == 0
    assert faults.remove(number) == 1
    assert faults.take("any") is None


def test_the_oldest_comes_first_and_each_request_gets_one() -> None:
    faults = Faults()
    faults.order(Fault(status=500))
    faults.order(Fault(status=404))
    hits = [faults.take("any"), faults.take("any")]
    assert [hit.status for hit in hits if hit] == [500, 404]
    faults.order(Fault(status=500))
    faults.order(Fault(status=404))
    assert faults.remove() == 2


@pytest.mark.parametrize("status", BODIES)
def test_a_status_brings_its_words(status: int) -> None:
    body = Fault(status=status).envelope()
    assert body == BODIES[status]
    assert Fault(status=status, description="other").envelope()["description"] == "other"


@pytest.mark.parametrize(
    "body", [{"count": -1}, {"status": 99}, {"delay": -1}, {"delay": 1e9}, {"typo": 1}]
)
def test_what_is_no_fault(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate(body)
