"""A chat that goes on: what was said before goes out with the next message."""

from __future__ import annotations

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.live.conversation import Greet
from did_tui.live.events import UserSaid
from did_tui.live.media.playback import Playback
from did_tui.live.runner import Runner


async def test_what_was_said_before_goes_along_and_nobody_is_greeted_again() -> None:
    client = Client(Credentials.parse("user:secret"))
    runner = Runner(client, "agt_ada", Playback(sink="none"))
    runner.resume("cht_7", [("user", "A kettle?"), ("assistant", "Blue."), ("user", "")])
    assert runner.known.chat_id == "cht_7"
    runner._do(Greet())
    runner.conversation.apply(UserSaid("u1", "How much?"), 0.0)
    said = [(message.role, message.text) for message in runner.conversation.transcript.until("u1")]
    assert said == [("user", "A kettle?"), ("assistant", "Blue."), ("user", "How much?")]
    await client.close()
