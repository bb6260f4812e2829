"""Random events against the rules: nothing raises, nothing is said or sent twice.

Some hundred examples in an ordinary run; ``DID_TUI_EXAMPLES=10000`` tries so many.
"""

from __future__ import annotations

import json
import os
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from did_tui.api.modes import MODES
from did_tui.live import events as e
from did_tui.live import roomwire, wire
from did_tui.live.conversation import Conversation, Send

EXAMPLES = int(os.environ.get("DID_TUI_EXAMPLES", "300"))

sources = st.sampled_from(["socket", "channel", "response"])
steps = st.sampled_from(e.STEPS)
texts = st.sampled_from(["", " ", "a", "ab", "abc", "Hello", "Hello you", "x" * 3000])
ids = st.sampled_from(["", "u1", "u2", "u3", "m1"])
ours = st.one_of(
    st.just(e.Opening()),
    st.builds(e.StepBegun, steps),
    st.builds(e.StepDone, steps),
    st.builds(e.Failed, steps, texts),
    st.builds(e.Reconnecting, texts, st.integers(1, 3), st.just(3)),
    st.builds(e.Delayed, texts, st.integers(0, 100)),
    st.builds(e.Measured, st.sampled_from(["unknown", "strong", "weak"])),
    st.builds(e.Rated, ids, st.sampled_from([1, -1, 0])),
    st.builds(e.ModeChanged, st.sampled_from([*MODES, "", "Unheard"])),
    st.builds(e.SocketLost, st.booleans()),
    st.builds(e.StreamGranted, st.booleans(), st.booleans(), st.booleans()),
    st.just(e.WarmupEnded()),
    st.builds(e.UserSaid, ids, texts),
    st.builds(e.Greeted, texts),
    st.builds(e.Spoke, ids, texts),
    st.builds(e.Transcribed, ids, texts),
    st.builds(e.SendFailed, ids, texts),
    st.builds(e.Responded, ids, texts, st.just(()), st.sampled_from(["", *MODES])),
    st.builds(e.Partial, texts, st.none() | st.integers(0, 5) | st.just(10**9), sources, ids),
    st.builds(e.Answer, texts, sources, ids),
    st.builds(e.StreamGranted, st.just(True), st.booleans(), st.just(False), room=st.booleans()),
    st.builds(e.UtteranceStarted, ids, st.booleans()),
    st.builds(e.TurnBegun, st.none() | st.integers(0, 3)),
    st.builds(e.TurnEnded, st.none() | st.integers(0, 3)),
    st.builds(e.ToolCalled, ids, texts, texts, st.booleans(), st.booleans()),
    st.builds(e.ToolReturned, ids, texts, st.booleans()),
    st.builds(e.Resuming, st.booleans()),
    st.just(e.UtteranceDone()),
    st.builds(e.UtteranceFailed, texts),
    st.just(e.InterruptAsked()),
    st.just(e.AnswerStalled()),
    st.builds(e.SessionEnded, st.sampled_from(["user", "inactivity", "network", "service"])),
    st.just(e.Closing()),
    st.builds(e.Closed),
)

#: Every name of protocol 3.5 and 3.6.
ON_CHANNEL = "stream/ready stream/started stream/done stream/error chat/answer chat/partial".split()
ON_SOCKET = [
    *("partial", "chat/partial", "answer", "chat/answer", "transcribe"),
    *("chat/audio-transcribed", "stream-video/started", "stream-video/done"),
    *("stream-video/error", "stream-video/rejected", "stream/error", "stream/done"),
    *("embed", "query", "done"),
]
IN_ROOM = [
    *("turn/started", "turn/ended", "stream-video/started", "stream-video/done"),
    *("tool-call/started", "tool-call/done", "tool-call/error", "stream/done"),
    *("chat/partial", "chat/answer", "chat/audio-transcribed"),
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
fields = st.dictionaries(
    st.sampled_from(
        [
            *("content", "sequence", "id", "role", "metadata", "close_reason", "description"),
            *("turn_id", "call_id", "name", "input", "output", "reason"),
        ]
    ),
    json_values,
)


def damaged(whole: str) -> st.SearchStrategy[str]:
    """A text, and what is left of it when it is cut, doubled or stirred."""
    cut = st.integers(0, len(whole)).map(lambda n: whole[:n])
    return st.one_of(st.just(whole), cut, st.just(whole * 2), st.just(whole.replace(":", "")))


heard_on_channel = (
    st.tuples(st.sampled_from(ON_CHANNEL), fields.map(json.dumps) | texts | st.text(max_size=20))
    .flatmap(lambda pair: damaged(f"{pair[0]}:{pair[1]}"))
    .map(wire.from_channel)
)
heard_on_socket = (
    st.tuples(st.sampled_from(ON_SOCKET), fields)
    .flatmap(lambda pair: damaged(json.dumps({**pair[1], "event": pair[0]})))
    .map(wire.from_socket)
)
heard_in_room = st.tuples(
    st.sampled_from(IN_ROOM), fields.map(json.dumps).flatmap(damaged).map(str.encode)
).map(lambda pair: roomwire.from_packet(*pair))
anything = st.one_of(ours, heard_on_channel, heard_on_socket, heard_in_room)


@given(st.sampled_from(MODES), st.lists(anything, max_size=60))
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_events_in_any_order(mode: e.Mode, happenings: list[e.Event | None]) -> None:
    conversation = Conversation(mode)
    sent: Counter[str] = Counter()
    losses = 0
    for now, happening in enumerate(happenings):
        if happening is None:
            continue
        effects = conversation.apply(happening, now)
        losses += isinstance(happening, (e.Reconnecting, e.SessionEnded, e.Failed, e.Closed))
        sent.update(effect.id for effect in effects if isinstance(effect, Send))
        assert len({message.id for message in conversation.messages}) == len(conversation.messages)
        assert sum(m.state == "streaming" for m in conversation.messages) <= 1
        if conversation.over:
            assert not any(m.state == "running" for m in conversation.messages)
        if conversation.phase != "connected":
            assert conversation.activity == "idle"
            assert conversation.closes_in(now) is None
        assert isinstance(conversation.in_words, str)
        for message in conversation.messages:
            conversation.transcript_until(message.id)
            assert message.heard_text in message.text
    assert all(count <= 2 for count in sent.values()), "a message was sent three times"
    assert losses or all(count == 1 for count in sent.values()), "a message was sent twice"


WAYS = ("socket", "channel", "response")


@st.composite
def dialogues(draw: st.DrawFn) -> list[e.Event]:
    """Turns whose answers come by several ways, in any order, again, or only by one of them.

    No word is in two answers, so that one which is shown twice is seen.
    """
    happenings: list[e.Event] = []
    late: list[e.Event] = []
    for turn in range(draw(st.integers(1, 4))):
        words = [f"t{turn}w{n} " for n in range(draw(st.integers(1, 5)))]
        whole = "".join(words).strip()
        named = draw(st.booleans())
        wire_id = f"m{turn}" if named else ""
        pieces: list[e.Event] = [
            e.Partial(word, n, "socket", wire_id) for n, word in enumerate(words)
        ]
        by_channel: e.Event = e.Answer(whole, "channel")
        answers: list[e.Event] = [e.Answer(whole, "socket", wire_id), by_channel]
        came = draw(st.lists(st.sampled_from([*pieces, *answers, *answers]), max_size=12))
        come = draw(st.sampled_from([e.Answer(whole, "socket", wire_id), by_channel]))
        happenings += [e.UserSaid(f"u{turn}", "?"), *late, *came, come]
        happenings.append(e.Responded(f"u{turn}", draw(st.sampled_from(["", whole]))))
        # What the next turn hears late of this one: by a way that was slower, or by its name.
        late = [by_channel] if by_channel not in happenings and draw(st.booleans()) else []
        if named and draw(st.booleans()):
            late += draw(st.lists(st.sampled_from([*pieces, answers[0]]), max_size=4))
    return happenings


@given(dialogues())
@settings(max_examples=EXAMPLES, deadline=None)
def test_no_word_is_shown_twice_and_none_is_lost(happenings: list[e.Event]) -> None:
    conversation = Conversation()
    for event in (e.Opening(), e.StepDone("chat"), e.StepDone("channel"), *happenings):
        conversation.apply(event, 0)
    said = [m.text for m in conversation.messages if m.role == "assistant"]
    shown = Counter(word for text in said for word in text.split())
    wanted = {
        word
        for event in happenings
        if isinstance(event, e.Answer) and event.text
        for word in event.text.split()
    }
    assert set(shown) == wanted
    assert max(shown.values()) == 1, shown
    assert all(m.state == "sent" for m in conversation.messages if m.role == "user")


@given(st.permutations(WAYS), st.integers(1, 4))
def test_whichever_way_is_first(order: list[str], pieces: int) -> None:
    words = [f"w{n} " for n in range(pieces)]
    whole = "".join(words).strip()
    conversation = Conversation()
    happenings: list[e.Event] = [e.UserSaid("u1", "?")]
    for source in order:
        if source == "socket":
            happenings += [e.Partial(word, n, "socket") for n, word in enumerate(words)]
        if source == "response":
            happenings.append(e.Responded("u1", whole))
        else:
            happenings.append(e.Answer(whole, source))  # type: ignore[arg-type]
    for event in (e.Opening(), e.StepDone("chat"), e.StepDone("channel"), *happenings):
        conversation.apply(event, 0)
    said = [(m.role, m.text, m.state) for m in conversation.messages]
    assert said == [("user", "?", "sent"), ("assistant", whole, "done")]
