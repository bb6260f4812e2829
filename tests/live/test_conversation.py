"""The rules of a conversation, one test a rule, and random events against all of them."""

from __future__ import annotations

import pytest
from told import Told

from did_tui.live import events as e
from did_tui.live.conversation import (
    Conversation,
    DropStream,
    Explain,
    Greet,
    Interrupt,
    Send,
)

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


def test_an_answer_shows_that_a_message_arrived_of_which_only_the_receipt_was_lost() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "?"), e.SendFailed("u1", "timeout"), e.Partial("Y", 0, "socket"))
    assert told.said == [("user", "?", "sent"), ("assistant", "Y", "streaming")]
    assert told.conversation.messages[0].trouble == ""


def test_where_a_message_is_cut_follows_the_speed_of_this_voice() -> None:
    told = connected()
    told.tell(e.Greeted("word " * 4), e.UtteranceStarted("v1"))
    told.now += 3  # twenty letters in four seconds
    told.tell(e.UtteranceDone(), e.Spoke("s", "one two three four"), e.UtteranceStarted("v2"))
    told.tell(e.InterruptAsked())
    assert told.conversation.messages[-1].heard_text == "one two", "a second: some five letters"


def test_after_an_interrupt_only_what_is_new_is_spoken() -> None:
    told = connected()
    told.tell(e.Greeted("Hello there."), e.UtteranceStarted("v1"), e.UserSaid("u", "?"))
    told.tell(e.Answer("An answer that waits for the greeting.", "socket"), e.InterruptAsked())
    told.tell(e.UtteranceDone(), e.Spoke("s", "One."), e.UtteranceStarted("v2"))
    assert told.conversation.transcript.spoken is told.conversation.message("s")


def test_addresses_take_no_time_to_be_spoken() -> None:
    address = "http://pictures.example/" + "a" * 60
    told = connected()
    told.tell(e.Greeted(f"word word word ![word]({address})"), e.UtteranceStarted("v1"))
    told.now += 3  # twenty letters in four seconds
    said = f"[one]({address}) **two** three four"
    told.tell(e.UtteranceDone(), e.Spoke("s", said), e.UtteranceStarted("v2"))
    told.tell(e.InterruptAsked())
    assert told.conversation.messages[-1].heard_text == f"[one]({address}) **two**"


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


# What was added to the rules


def test_an_interrupted_greeting_is_marked_and_cut_where_its_speech_was() -> None:
    told = connected()
    told.tell(e.Greeted("Hello there, my friend, how are you today?"), e.UtteranceStarted("v0"))
    assert told.conversation.transcript.spoken is told.conversation.messages[0]
    assert told.tell(e.InterruptAsked()) == [Interrupt("v0")]
    greeting = told.conversation.messages[0]
    assert greeting.state == "interrupted"
    assert greeting.heard_text == "Hello there, my"  # one second: some 15 letters
    assert told.activity() == "interrupted"
    told.tell(e.UtteranceDone())
    assert told.activity() == "idle"


def test_the_message_that_is_spoken_knows_when_it_was_heard() -> None:
    told = connected()
    told.tell(e.Greeted("Hi."), e.UtteranceStarted("v0"), e.UtteranceDone())
    told.tell(e.UserSaid("u1", "?"), e.UtteranceStarted("v1"), e.Answer("Yes.", "socket"))
    hi, _, yes = told.conversation.messages
    assert hi.heard is not None
    assert yes.heard is not None
    assert hi.heard[1] == hi.heard[0] + 1
    assert yes.heard[1] is None
    told.tell(e.UtteranceDone())
    assert yes.heard[1] == told.now


def test_reconnecting_keeps_everything_and_sends_the_unanswered_message_once_more() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "first"), e.Answer("one", "socket"), e.UserSaid("u2", "second"))
    assert told.tell(e.Reconnecting("no packet for 5 s", 1, 3)) == []
    assert told.phase() == "connecting"
    assert told.conversation.in_words == "reconnecting (1 of 3): no packet for 5 s"
    effects = told.tell(*CONNECT[1:])
    assert effects == [Explain("Connected again."), Send("u2")]
    assert told.conversation.in_words == ""
    told.tell(e.Reconnecting("no packet for 5 s", 1, 3))
    assert Send("u2") not in told.tell(*CONNECT[1:])
    assert told.said[-1] == ("user", "second", "failed")
    assert told.said[0] == ("user", "first", "sent")


def test_a_torn_answer_is_replaced_by_the_answer_to_the_repeated_message() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "?"), e.Partial("Half an", 0, "socket", "m1"))
    told.tell(e.Reconnecting("the stream is gone", 1, 3))
    assert told.said == [("user", "?", "waiting"), ("assistant", "Half an", "interrupted")]
    told.tell(*CONNECT[1:], e.Partial(" answer", 1, "socket", "m1"), e.Partial("Ha", 0, "socket"))
    assert told.said == [("user", "?", "sent"), ("assistant", "Ha", "streaming")]
    told.tell(e.Answer("Half an answer.", "socket"))
    assert told.said[-1] == ("assistant", "Half an answer.", "done")
    assert len(told.said) == 2


def test_a_line_lost_for_good_keeps_the_message_for_the_next_try() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "?"), e.SessionEnded("network"))
    assert told.said == [("user", "?", "waiting")]
    assert Send("u1") in told.tell(*CONNECT)


def test_connectivity_is_unknown_without_a_connection() -> None:
    told = Told(e.Opening(), e.Measured("strong"))
    assert told.connectivity() == "unknown"
    told.tell(*CONNECT[1:], e.Measured("weak"))
    assert told.connectivity() == "weak"
    told.tell(e.SessionEnded("network"))
    assert told.connectivity() == "unknown"


@pytest.mark.parametrize(
    ("mode", "steps"),
    [
        ("Functional", ["chat", "channel"]),
        ("TextOnly", ["chat"]),
        ("Playground", ["chat"]),
        ("Maintenance", ["chat"]),
        ("Off", ["chat", "channel"]),
        ("DirectPlayback", ["channel"]),
    ],
)
def test_what_each_mode_needs_to_be_connected(mode: e.Mode, steps: list[e.Step]) -> None:
    conversation = Conversation(mode)
    conversation.apply(e.Opening(), 0)
    for step in steps:
        assert conversation.phase == "connecting"
        conversation.apply(e.StepDone(step), 1)
    assert conversation.phase == "connected"
    effects = conversation.apply(e.UserSaid("u1", "hello"), 2)
    if conversation.plan.asks:
        assert effects == (Send("u1"),)
    else:
        assert conversation.messages[0].state == "failed"
        assert conversation.messages[0].trouble == conversation.plan.refusal


def test_a_text_only_answer_is_explained_and_closes_the_stream() -> None:
    told = connected()
    effects = told.tell(e.UserSaid("u1", "?"), e.Responded("u1", "Text.", (), "TextOnly"))
    assert effects[0] == Send("u1")
    assert isinstance(effects[1], Explain)
    assert effects[2] == DropStream()
    assert told.phase() == "connected"
    assert told.said[-1] == ("assistant", "Text.", "done")
    assert told.tell(e.UserSaid("u2", "!")) == [Send("u2")]


def test_a_downgrade_while_connecting_needs_no_picture() -> None:
    told = Told(e.Opening(), e.StepDone("chat"), e.UserSaid("u1", "?"))
    effects = told.tell(e.ModeChanged("Maintenance"))
    assert DropStream() in effects
    assert told.phase() == "connected"
    assert told.said[0][2] == "failed"
    assert told.tell(e.ModeChanged("Anything"), e.ModeChanged("")) == []


def test_in_text_there_is_no_stream_that_could_end_it() -> None:
    told = Told(e.Opening(), e.StepDone("chat"), e.StepDone("channel"))
    told.tell(e.ModeChanged("TextOnly"), e.SessionEnded("inactivity", "inactivity"))
    told.tell(e.SessionEnded("network"), e.Failed("network", "No way.", ""))
    assert told.phase() == "connected"
    told.tell(e.ModeChanged("Functional"))
    assert told.conversation.mode == "TextOnly", "there is no stream to show"


def test_connecting_again_takes_the_steps_of_the_mode_that_is_wished() -> None:
    told = connected()
    told.tell(e.ModeChanged("TextOnly"), e.Closing(), e.Closed("user"), e.Opening())
    assert told.conversation.mode == "Functional"
    assert told.conversation.steps["stream"].state == "waiting"
    told.tell(e.Closing(), e.Closed("user"))
    told.conversation.wished_mode = "DirectPlayback"
    told.tell(e.Opening())
    assert told.conversation.steps["chat"].state == "skipped"


def test_the_idle_close_is_counted_down_and_a_message_resets_it() -> None:
    conversation = connected().conversation
    began = conversation._active_at
    assert began is not None
    assert conversation.closes_in(began + 89) is None
    assert conversation.closes_in(began + 95) == 25
    assert conversation.closes_in(began + 200) == 0
    conversation.apply(e.UserSaid("u1", "?"), began + 95)
    assert conversation.closes_in(began + 96) is None
    longer = Told(e.Opening(), e.StreamGranted(True, True, False, 300.0), *CONNECT[1:4])
    longer.tell(e.StepDone("chat"), e.StepDone("channel"))
    assert longer.conversation.closes_in(longer.now + 269) is None
    assert longer.conversation.closes_in(longer.now + 271) == pytest.approx(29)


def test_a_hindrance_has_a_time_and_is_forgotten_when_trying_again() -> None:
    told = Told(e.Opening(), e.Failed("stream", "slow down", "wait", "rate", 12.0))
    assert told.hindrance() == "rate"
    assert told.conversation.retry_at == told.now + 12
    told.tell(e.Opening())
    assert told.hindrance() == ""
    assert told.conversation.retry_at is None


def test_what_the_service_heard_the_user_say_is_a_message_and_is_not_sent() -> None:
    told = connected()
    assert told.tell(e.Transcribed("t1", "spoken words"), e.Transcribed("t1", "again")) == []
    assert told.said == [("user", "spoken words", "sent")]
    assert told.activity() == "loading"
    told.tell(e.Answer("Heard.", "socket"))
    assert told.said[-1] == ("assistant", "Heard.", "done")


def test_what_is_spoken_by_request_is_part_of_the_transcript_once() -> None:
    told = connected()
    told.tell(e.Spoke("s1", "Now hear this."), e.Spoke("s1", "Now hear this."))
    assert told.said == [("assistant", "Now hear this.", "done")]


def test_a_slow_ways_answer_is_not_taken_for_the_next_turns() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "a"), e.Answer("First.", "socket"), e.UserSaid("u2", "b"))
    told.tell(e.Answer("First.", "channel"), e.Answer("Second.", "channel"))
    assert [text for _, text, _ in told.said] == ["a", "First.", "b", "Second."]


def test_a_repeated_answer_is_shown_once() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "a"), *[e.Answer("First.", "socket")] * 3)
    assert [text for _, text, _ in told.said] == ["a", "First."]


def test_a_turn_is_answered_when_text_and_response_are_here() -> None:
    told = connected()
    transcript = told.conversation.transcript
    told.tell(e.UserSaid("u1", "a"))
    assert transcript.answers_to("u1") is None
    told.tell(e.Answer("First.", "socket"))
    assert transcript.answers_to("u1") is None
    told.tell(e.Responded("u1", ""))
    answers = transcript.answers_to("u1")
    assert answers is not None
    assert [answer.text for answer in answers] == ["First."]


def test_an_answer_whose_rest_does_not_come_is_kept_and_the_talk_goes_on() -> None:
    told = connected()
    told.tell(e.UserSaid("u1", "a"), e.Partial("Half", 0, "socket"), e.UserSaid("u2", "b"))
    assert told.tell(e.AnswerStalled()) == [Send("u2")]
    assert ("assistant", "Half", "interrupted") in told.said
    assert told.conversation.transcript.progress == ("u2", 0)


def test_an_answer_whose_receipt_alone_was_lost_ends_no_connection_that_stands() -> None:
    told = Told(*(event for event in CONNECT if event != e.StepDone("answer")))
    assert told.phase() == "connected"
    told.tell(e.Failed("answer", "D-ID's reply was cut off."))
    assert (told.phase(), told.conversation.steps["answer"].state) == ("connected", "done")
    told.tell(e.Failed("stream", "It is gone."))
    assert told.phase() == "failed"
