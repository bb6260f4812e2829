"""The rules of a conversation, one test a rule, and random events against all of them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from did_tui.live import events as e
from did_tui.live.conversation import Conversation, Effect, Explain, Greet, Interrupt, Send


class Told:
    """A conversation and a clock that ticks once an event."""

    def __init__(self, *events: e.Event) -> None:
        self.conversation = Conversation()
        self.now = 0.0
        self.tell(*events)

    def tell(self, *events: e.Event) -> list[Effect]:
        effects: list[Effect] = []
        for event in events:
            self.now += 1
            effects += self.conversation.apply(event, self.now)
        return effects

    def phase(self) -> str:
        return self.conversation.phase

    def activity(self) -> str:
        return self.conversation.activity

    @property
    def said(self) -> list[tuple[str, str, str]]:
        return [(m.role, m.text, m.state) for m in self.conversation.messages]


CONNECT: tuple[e.Event, ...] = (
    e.Opening(),
    e.StepBegun("agent"),
    e.StepDone("agent"),
    e.StepBegun("chat"),
    e.StepDone("chat"),
    e.StepBegun("stream"),
    e.StreamGranted(fluent=True, interruptible=True, warmup=False),
    e.StepDone("stream"),
    e.StepDone("answer"),
    e.StepDone("network"),
    e.StepDone("channel"),
)


def connected() -> Told:
    told = Told(*CONNECT)
    assert told.phase() == "connected"
    return told


def test_connected_means_the_channel_is_open_and_not_that_ice_is() -> None:
    told = Told(*CONNECT[:-1])
    assert told.phase() == "connecting"
    assert told.tell(e.StepDone("channel")) == [Greet()]
    assert told.phase() == "connected"


def test_a_legacy_stream_with_warmup_is_connected_when_that_has_ended() -> None:
    told = Told(e.Opening(), e.StreamGranted(False, False, True))
    told.tell(e.StepDone("chat"), e.StepDone("channel"))
    assert told.phase() == "connecting"
    told.tell(e.WarmupEnded())
    assert told.phase() == "connected"


def test_what_is_said_while_connecting_waits_and_is_sent_once() -> None:
    told = Told(e.Opening(), e.UserSaid("u1", "hello"))
    assert told.said == [("user", "hello", "waiting")]
    effects = told.tell(*CONNECT[1:])
    assert effects == [Send("u1")]
    assert told.tell(e.StepDone("channel"), e.StepDone("chat")) == []


def test_a_message_said_twice_is_one_message() -> None:
    told = connected()
    assert told.tell(e.UserSaid("u1", "hi"), e.UserSaid("u1", "hi")) == [Send("u1")]
    assert told.tell(e.UserSaid("u2", "   ")) == []


def test_partials_show_their_prefix_without_gaps() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "?"), e.Partial("c", 2, "socket"), e.Partial("a", 0, "socket"))
    assert told.said[-1] == ("assistant", "a", "streaming")
    told.tell(e.Partial("b", 1, "socket"), e.Partial("a", 0, "socket"))
    assert told.said[-1] == ("assistant", "abc", "streaming")


def test_the_answer_replaces_its_partials() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "?"), e.Partial("Helo", 0, "socket"), e.Answer("Hello!", "socket"))
    assert told.said[-1] == ("assistant", "Hello!", "done")


def test_an_answer_shorter_than_its_partials_was_interrupted() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "?"), e.Partial("Hello you", 0, "socket"))
    told.tell(e.Answer("Hello", "socket"))
    assert told.said[-1] == ("assistant", "Hello", "interrupted")


def test_the_same_answer_by_three_ways_is_shown_once() -> None:
    told = connected()
    told.tell(
        e.UserSaid("u1", "?"),
        e.Partial("Hi", 0, "socket"),
        e.Answer("Hi there", "channel"),
        e.Partial(" there", 1, "socket"),
        e.Answer("Hi there", "socket"),
        e.Responded("u1", "Hi there"),
    )
    assert told.said == [("user", "?", "sent"), ("assistant", "Hi there", "done")]


def test_two_answers_of_a_turn_are_two() -> None:
    told = connected()
    told.tell(
        e.UserSaid("u1", "?"),
        e.Answer("One moment.", "socket"),
        e.Answer("One moment.", "channel"),
        e.Answer("It is five.", "channel"),
        e.Answer("It is five.", "socket"),
    )
    assert [text for _, text, _ in told.said] == ["?", "One moment.", "It is five."]


def test_a_late_answer_of_an_abandoned_turn_is_dropped() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "first"), e.Partial("Long st", 0, "socket"), e.InterruptAsked())
    told.tell(e.UserSaid("u2", "second"), e.Partial("ory", 1, "socket"))
    told.tell(e.Answer("Long story.", "socket"), e.Answer("Short.", "socket"))
    assert told.said == [
        ("user", "first", "sent"),
        ("assistant", "Long st", "interrupted"),
        ("user", "second", "sent"),
        ("assistant", "Short.", "done"),
    ]


def test_ids_tell_turns_apart() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "first"), e.Partial("One", 0, "socket", "m1"), e.InterruptAsked())
    told.tell(e.UserSaid("u2", "second"), e.Partial("Two", 0, "socket", "m2"))
    told.tell(e.Partial(" more", 1, "socket", "m1"), e.Answer("One more.", "socket", "m1"))
    told.tell(e.Answer("Two.", "socket", "m2"))
    assert [text for _, text, _ in told.said] == ["first", "One", "second", "Two."]


def test_messages_go_out_one_at_a_time() -> None:
    told = Told(e.Opening(), e.UserSaid("u1", "A"), e.UserSaid("u2", "B"))
    assert told.tell(*CONNECT[1:]) == [Send("u1")]
    citation = e.Citation("about A", "…")
    assert told.tell(e.Answer("a", "socket")) == [Send("u2")]
    told.tell(e.Responded("u1", "", (citation,)), e.Answer("b", "socket"))
    assert [text for _, text, _ in told.said] == ["A", "B", "a", "b"]
    by_text = {message.text: message for message in told.conversation.messages}
    assert by_text["a"].citations == (citation,)
    assert by_text["b"].citations == ()


def test_pieces_by_two_ways_are_one_text() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "?"), e.Partial("Hello", 0, "socket"))
    told.tell(e.Partial("Hello", None, "channel"), e.Partial(" there", 1, "socket"))
    assert told.said[-1] == ("assistant", "Hello there", "streaming")


def test_an_agent_that_talks_can_be_stopped_while_a_question_waits() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "?"), e.Answer("Long.", "socket"), e.UtteranceStarted("v1"))
    told.tell(e.UserSaid("u2", "and?"))
    assert told.activity() == "talking"
    assert told.tell(e.InterruptAsked()) == [Interrupt("v1")]


def test_an_empty_answer_ends_the_waiting() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "?"))
    assert told.activity() == "loading"
    told.tell(e.Answer("", "socket"))
    assert told.activity() == "idle"


def test_a_message_whose_answer_is_arriving_did_arrive() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "?"), e.Partial("Yes", 0, "socket"), e.SendFailed("u1", "timeout"))
    assert told.said == [("user", "?", "sent"), ("assistant", "Yes", "streaming")]


def test_a_greeting_that_is_known_late_comes_before_the_question() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "?"), e.Greeted("Hi."), e.Answer("Yes.", "socket"))
    assert [text for _, text, _ in told.said] == ["Hi.", "?", "Yes."]


def test_half_characters_are_joined_or_replaced() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "\ud83d"), e.Partial("\ud83d", 0, "socket"))
    told.tell(e.Partial("\ude00!", 1, "socket"))
    assert [text for _, text, _ in told.said] == ["\ufffd", "😀!"]


def test_running_out_of_credits_is_said() -> None:
    told = connected()
    effects = told.tell(e.UserSaid("u1", "?"), e.Responded("u1", "Text.", (), "TextOnly"))
    assert any(isinstance(effect, Explain) and "credits" in effect.text for effect in effects)


def test_what_could_not_be_said_is_explained() -> None:
    effects = connected().tell(e.UtteranceFailed("no voice"))
    assert effects == [Explain("The agent could not say this: no voice")]


def test_an_answer_before_any_question_is_shown() -> None:
    told = connected()
    told.tell(e.Answer("Welcome.", "socket"))
    assert told.said == [("assistant", "Welcome.", "done")]


def test_citations_belong_to_the_answer_whichever_comes_first() -> None:
    citation = e.Citation("Manual", "page 4")
    early, late = connected(), connected()
    early.tell(e.UserSaid("u", "?"), e.Responded("u", "", (citation,)), e.Answer("A", "socket"))
    late.tell(e.UserSaid("u", "?"), e.Answer("A", "socket"), e.Responded("u", "", (citation,)))
    for told in (early, late):
        assert told.conversation.messages[-1].citations == (citation,)


def test_the_data_channels_done_ends_the_utterance_only() -> None:
    told = connected()
    told.tell(e.UtteranceStarted("v1"))
    assert told.activity() == "talking"
    told.tell(e.UtteranceDone())
    assert told.activity() == "idle"
    assert told.phase() == "connected"


def test_the_end_of_the_session_ends_the_conversation() -> None:
    told = connected()
    told.tell(e.SessionEnded("inactivity", "inactivity"))
    assert told.phase() == "disconnected"
    assert told.conversation.end_reason == "inactivity"


def test_interrupting_needs_a_fluent_stream_and_says_so() -> None:
    told = connected()
    assert told.tell(e.InterruptAsked()) == []
    told.tell(e.UserSaid("u", "?"), e.Answer("A long story", "socket"), e.UtteranceStarted("v1"))
    assert told.tell(e.InterruptAsked()) == [Interrupt("v1")]
    assert told.said[-1][2] == "interrupted"
    legacy = Told(e.Opening(), e.StreamGranted(False, False, False))
    legacy.tell(e.StepDone("chat"), e.StepDone("channel"), e.UtteranceStarted(""))
    effects = legacy.tell(e.InterruptAsked())
    assert len(effects) == 1
    assert isinstance(effects[0], Explain)


def test_a_message_that_could_not_be_sent_says_why() -> None:
    told = connected()
    told.tell(e.UserSaid("u", "hi"), e.SendFailed("u", "no network"))
    assert told.said == [("user", "hi", "failed")]
    assert told.conversation.messages[0].trouble == "no network"
    assert told.activity() == "idle"


def test_a_failed_message_is_not_part_of_the_transcript_that_is_sent() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "lost"), e.SendFailed("u1", "x"), e.UserSaid("u2", "again"))
    assert [m.text for m in told.conversation.transcript_until("u2")] == ["again"]


def test_failing_names_the_step_and_connecting_can_begin_again() -> None:
    told = Told(e.Opening(), e.StepBegun("stream"), e.Failed("stream", "too many", "wait"))
    assert told.phase() == "failed"
    assert told.conversation.steps["stream"].state == "failed"
    told.tell(e.UserSaid("u1", "kept"))
    told.tell(*CONNECT)
    assert told.phase() == "connected"
    assert told.conversation.trouble == ""
    assert told.said == [("user", "kept", "sent")]


def test_steps_are_timed() -> None:
    conversation = Conversation()
    conversation.apply(e.Opening(), 10)
    conversation.apply(e.StepBegun("chat"), 10.5)
    assert conversation.steps["chat"].seconds(11) == 0.5
    conversation.apply(e.StepDone("chat"), 12)
    conversation.apply(e.StepDone("chat"), 99)
    assert conversation.steps["chat"].seconds(100) == 1.5
    assert conversation.steps["picture"].seconds(100) is None


sources = st.sampled_from(["socket", "channel", "response"])
steps = st.sampled_from(e.STEPS)
texts = st.sampled_from(["", " ", "a", "ab", "abc", "Hello", "Hello you", "x" * 3000])
ids = st.sampled_from(["", "u1", "u2", "u3", "m1"])
any_event = st.one_of(
    st.just(e.Opening()),
    st.builds(e.StepBegun, steps),
    st.builds(e.StepDone, steps),
    st.builds(e.Failed, steps, texts),
    st.builds(e.StreamGranted, st.booleans(), st.booleans(), st.booleans()),
    st.just(e.WarmupEnded()),
    st.builds(e.UserSaid, ids, texts),
    st.builds(e.Greeted, texts),
    st.builds(e.SendFailed, ids, texts),
    st.builds(e.Responded, ids, texts),
    st.builds(e.Partial, texts, st.none() | st.integers(0, 5) | st.just(10**9), sources, ids),
    st.builds(e.Answer, texts, sources, ids),
    st.builds(e.UtteranceStarted, ids),
    st.just(e.UtteranceDone()),
    st.builds(e.UtteranceFailed, texts),
    st.just(e.InterruptAsked()),
    st.builds(e.SessionEnded, st.sampled_from(["user", "inactivity", "network", "service"])),
    st.just(e.Closing()),
    st.builds(e.Closed),
)


@given(st.lists(any_event, max_size=60))
@settings(max_examples=400)
def test_any_events_in_any_order(happenings: list[e.Event]) -> None:
    told = Told()
    sent: list[str] = []
    for happening in happenings:
        effects = told.tell(happening)
        sent += [effect.id for effect in effects if isinstance(effect, Send)]
        conversation = told.conversation
        assert len({message.id for message in conversation.messages}) == len(conversation.messages)
        assert sum(m.state == "streaming" for m in conversation.messages) <= 1
        if conversation.phase != "connected":
            assert conversation.activity == "idle" or conversation.phase == "disconnecting"
    assert len(sent) == len(set(sent)), "a message was sent twice"


@given(st.permutations(["socket", "channel", "response"]), st.integers(1, 4))
def test_no_word_is_shown_twice_whatever_the_order(order: list[str], pieces: int) -> None:
    words = [f"w{n} " for n in range(pieces)]
    whole = "".join(words).strip()
    told = connected()
    told.tell(e.UserSaid("u1", "?"))
    for source in order:
        if source == "socket":
            told.tell(*(e.Partial(word, n, "socket") for n, word in enumerate(words)))
        if source == "response":
            told.tell(e.Responded("u1", whole))
        else:
            told.tell(e.Answer(whole, source))  # type: ignore[arg-type]
    assert told.said == [("user", "?", "sent"), ("assistant", whole, "done")]
