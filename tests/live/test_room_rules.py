"""The rules of a conversation that is held in a room: turns, tools, interruptions, ends."""

from __future__ import annotations

import pytest
from told import Told

from did_tui.live import events as e
from did_tui.live.conversation import Explain, Interrupt, Send
from did_tui.live.toolcalls import LONGEST_LINE, MOST_RUNNING
from did_tui.ui.screens import words
from did_tui.ui.widgets.checklist import waiting_for


class InRoom(Told):
    """A conversation in a room that is connected."""

    def __init__(self, *, interruptible: bool = True) -> None:
        super().__init__()
        granted = e.StreamGranted(True, interruptible, False, float("inf"), room=True)
        self.effects = self.tell(
            e.Opening(), granted, e.StepDone("chat"), e.StepDone("network"), e.StepDone("channel")
        )


def test_the_agent_greets_by_itself_and_no_answer_is_posted() -> None:
    talk = InRoom()
    assert talk.effects == []
    assert talk.conversation.phase == "connected"
    assert talk.conversation.steps["answer"].state == "skipped"
    assert talk.conversation.closes_in(1e9) is None, "D-ID does not say when it closes a room"
    talk.tell(e.Partial("Hello", 0, "channel"), e.Answer("Hello, I am Ada.", "channel"))
    assert talk.said == [("assistant", "Hello, I am Ada.", "done")]


def test_a_turn_may_have_several_answers() -> None:
    talk = InRoom()
    assert talk.tell(e.UserSaid("u1", "Weather?")) == [Send("u1")]
    talk.tell(e.Responded("u1", ""), e.TurnBegun(1), e.Answer("Let me look.", "channel"))
    talk.tell(e.ToolCalled("c", "weather", '{"city": "Haifa"}'))
    assert talk.activity() == "working"
    assert words.activity(talk.conversation) == "using a tool"
    talk.tell(e.ToolReturned("c", '"sunny"'))
    assert talk.activity() == "loading", "the turn goes on"
    talk.tell(e.Answer("It is sunny.", "channel"), e.TurnEnded(1))
    assert talk.activity() == "idle"
    assert talk.said == [
        ("user", "Weather?", "sent"),
        ("assistant", "Let me look.", "done"),
        ("tool", 'weather({"city": "Haifa"}) → "sunny"', "done"),
        ("assistant", "It is sunny.", "done"),
    ]
    assert [m.role for m in talk.conversation.transcript.until("none")] == [
        "user",
        "assistant",
        "assistant",
    ], "D-ID is not sent the lines of tools"


def test_the_end_of_an_older_turn_ends_nothing() -> None:
    talk = InRoom()
    talk.tell(e.TurnBegun(4), e.TurnEnded(3), e.TurnBegun(2))
    assert talk.activity() == "loading"
    talk.tell(e.TurnEnded(4))
    assert talk.activity() == "idle"
    talk.tell(e.TurnBegun(None), e.TurnEnded(None))
    assert talk.activity() == "idle"


def test_what_is_said_can_be_cut_off_without_a_video_id() -> None:
    talk = InRoom()
    talk.tell(e.Answer("A long story.", "channel"), e.UtteranceStarted())
    assert talk.tell(e.InterruptAsked()) == [Interrupt("")]
    assert talk.activity() == "interrupted"


DEAF = [
    (False, [e.UtteranceStarted("v")], "switched off at D-ID"),
    (True, [e.UtteranceStarted("v", interruptible=False)], "what it says now"),
    (True, [e.ToolCalled("c", "look"), e.UtteranceStarted("v")], "while a tool is at work"),
]


@pytest.mark.parametrize(("interruptible", "events", "why"), DEAF)
def test_what_cannot_be_cut_off(interruptible: bool, events: list[e.Event], why: str) -> None:
    talk = InRoom(interruptible=interruptible)
    talk.tell(*events)
    assert talk.conversation.deaf
    [effect] = talk.tell(e.InterruptAsked())
    assert isinstance(effect, Explain)
    assert why in effect.text


def test_a_tool_that_runs_beside_it_is_no_hindrance() -> None:
    talk = InRoom()
    talk.tell(e.ToolCalled("c", "look", blocking=False), e.UtteranceStarted("v"))
    assert not talk.conversation.deaf
    talk.tell(e.UtteranceDone())
    assert talk.activity() == "idle"


def test_thinking_can_be_interrupted_too() -> None:
    talk = InRoom()
    talk.tell(e.UserSaid("u1", "?"), e.TurnBegun(1))
    assert talk.tell(e.InterruptAsked()) == [Interrupt("")]
    assert talk.activity() == "idle"


def test_a_call_that_is_told_of_twice_is_one_line() -> None:
    for first, second in ((True, False), (False, True)):
        talk = InRoom()
        talk.tell(e.ToolCalled("a", "look", "{}", client=first))
        talk.tell(e.ToolCalled("b", "look", "{}", client=second))
        talk.tell(e.ToolReturned("b", "sea"), e.ToolReturned("a", "sky"))
        assert talk.said == [("tool", "look({}) → sea", "done")]
        talk.tell(e.ToolCalled("d", "look", "{}", client=first))
        assert len(talk.said) == 2


def test_two_calls_of_one_tool_are_two_lines() -> None:
    talk = InRoom()
    talk.tell(*(e.ToolCalled(one, "look", one) for one in "ab"))
    talk.tell(*(e.ToolCalled(f"rpc:{one}", "look", one, client=True) for one in "ab"))
    assert [text for _, text, _ in talk.said] == ["look(a)", "look(b)"]


def test_tools_that_fail_flood_or_never_return() -> None:
    talk = InRoom()
    talk.tell(e.ToolCalled("c", "look\x1b[2J", "x\ny" * 999), e.ToolReturned("c", "", failed=True))
    [message] = talk.conversation.messages
    assert (message.state, message.trouble) == ("failed", "it gave no reason")
    assert len(message.text) < 2 * LONGEST_LINE
    assert "\n" not in message.text
    talk.tell(*(e.ToolCalled(f"{n}", "look") for n in range(2 * MOST_RUNNING)))
    running = [m for m in talk.conversation.messages if m.state == "running"]
    assert len(running) == MOST_RUNNING
    talk.tell(e.SessionEnded("network"))
    assert not [m for m in talk.conversation.messages if m.state == "running"]
    assert talk.conversation.messages[-1].trouble == "the connection was lost"


ENDS: list[tuple[e.EndReason, str, str]] = [
    ("message_limit", "message_limit", "the limit of messages is reached"),
    ("time_limit", "time_limit", "the limit of time is reached"),
    ("ended_by_agent", "ended_by_agent", "The agent has ended"),
    ("inactivity", "inactivity", "nobody said anything"),
    ("service", "unknown_error", "D-ID ended the session (unknown_error)."),
    ("service", "", "D-ID ended the session."),
]


@pytest.mark.parametrize(("reason", "said", "shown"), ENDS)
def test_why_it_ended_is_said_in_words(reason: e.EndReason, said: str, shown: str) -> None:
    talk = InRoom()
    talk.tell(e.SessionEnded(reason, said))
    assert shown in words.ended(talk.conversation, talk.now)[0]


def test_a_new_room_does_not_know_what_was_said() -> None:
    talk = InRoom()
    granted = e.StreamGranted(True, True, False, room=True, anew=True)
    talk.tell(e.UserSaid("u1", "Hello?"))
    assert talk.tell(granted) == [], "nothing was answered yet"
    talk.tell(e.Answer("Hello!", "channel"), e.Reconnecting("the agent left", 1, 3))
    [effect] = talk.tell(granted)
    assert isinstance(effect, Explain)
    assert "new room" in effect.text
    talk.tell(e.StepBegun("channel"))
    assert "waiting for the agent" in waiting_for(talk.conversation, talk.now)


def test_a_connection_that_is_taken_up_again_is_shown() -> None:
    talk = InRoom()
    talk.tell(e.Resuming(on=True))
    assert words.state(talk.conversation, leaving=False) == ("◐ reconnecting", "busy")
    talk.tell(e.Resuming(on=False))
    assert words.state(talk.conversation, leaving=False)[0] == "● connected"
