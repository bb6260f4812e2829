"""Where sound goes by itself: a table of environments."""

from __future__ import annotations

import pytest

from did_tui.live.media.plan import HINT, Way, plan, ways_home

SSH = {"SSH_CONNECTION": "10.0.0.9 54122 10.0.0.5 22", "USER": "ada"}
TUNNEL = {"PULSE_SERVER": "unix:/run/user/1000/did-tui-54122.sock"}


@pytest.mark.parametrize(
    ("asked", "env", "sink", "hint"),
    [
        ("auto", {}, "auto", ""),
        ("auto", {"SSH_AUTH_SOCK": "/tmp/agent"}, "auto", ""),
        ("auto", {"PULSE_SERVER": "desk.example"}, "pulse", ""),
        ("auto", SSH, "none", HINT),
        ("auto", {"SSH_TTY": "/dev/pts/3"}, "none", HINT),
        ("auto", {"SSH_CLIENT": "10.0.0.9 54122 22"}, "none", HINT),
        ("auto", SSH | {"PULSE_SERVER": ""}, "none", HINT),
        ("auto", SSH | TUNNEL, "pulse", ""),
        ("none", SSH, "none", ""),
        ("pulse", SSH, "pulse", ""),
        ("sounddevice:3", SSH, "sounddevice:3", ""),
        ("web", SSH, "web", ""),
        ("wav:call.wav", SSH | TUNNEL, "wav:call.wav", ""),
    ],
)
def test_where_it_goes(asked: str, env: dict[str, str], sink: str, hint: str) -> None:
    decided = plan(asked, env)
    assert (decided.sink, decided.hint) == (sink, hint)


def test_the_commands_can_be_copied() -> None:
    assert ways_home(SSH | {"XDG_RUNTIME_DIR": "/run/user/1000"}) == (
        Way(
            "From a Linux desktop with PulseAudio or PipeWire",
            'ssh -R /run/user/1000/did-tui-54122.sock:"$XDG_RUNTIME_DIR"/pulse/native ada@10.0.0.5',
            "PULSE_SERVER=unix:/run/user/1000/did-tui-54122.sock did-tui",
        ),
        Way(
            "In a browser, from anywhere: open the address that did-tui then shows",
            "ssh -L 8765:127.0.0.1:8765 ada@10.0.0.5",
            "did-tui --audio web:8765",
        ),
    )


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (SSH | {"SSH_CONNECTION": "fe80::1 1 fe80::2 2222"}, "ssh -p 2222 -L"),
        (SSH | {"SSH_CONNECTION": "fe80::1 1 fe80::2 2222"}, "ada@fe80::2"),
        (SSH | {"SSH_CONNECTION": "what is this"}, "ada@HOST"),
        ({"SSH_TTY": "/dev/pts/3"}, "ssh -L 8765:127.0.0.1:8765 HOST"),
        (SSH | {"USER": "x; rm -rf ~"}, "'x; rm -rf ~@10.0.0.5'"),
        (SSH | {"XDG_RUNTIME_DIR": "/run/a b"}, "'/run/a b/did-tui-54122.sock':"),
    ],
)
def test_odd_sessions_give_commands_too(env: dict[str, str], words: str) -> None:
    assert any(words in way.at_home for way in ways_home(env))


def test_at_home_there_is_nothing_to_tell() -> None:
    assert ways_home({"PULSE_SERVER": "desk.example"}) == ()
