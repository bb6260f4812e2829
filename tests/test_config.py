"""Settings: where they come from, and what they may be."""

from __future__ import annotations

import pytest

from did_tui.api.modes import MODES
from did_tui.config import BadSetting, Settings, Talk


def test_the_defaults_ask_for_a_fluent_vp8_stream() -> None:
    assert Talk.load({}, {}).options == {"compatibility_mode": "on", "fluent": True}


def test_a_flag_beats_the_environment() -> None:
    env = {"DID_TUI_MODE": "TextOnly", "DID_TUI_SESSION_TIMEOUT": "180", "DID_TUI_FLUENT": "no"}
    talk = Settings.load(env, {"mode": "Playground"}).talk
    assert talk.mode == "Playground"
    assert talk.options == {"compatibility_mode": "on", "fluent": False, "session_timeout": 180}


def test_every_option_of_a_stream() -> None:
    flags = {"stream_warmup": "yes", "output_resolution": "150", "compatibility_mode": "auto"}
    assert Talk.load({}, flags).options == {
        "compatibility_mode": "auto",
        "fluent": True,
        "stream_warmup": True,
        "output_resolution": 150,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"session_timeout": "0"},
        {"session_timeout": "301"},
        {"output_resolution": "149"},
        {"output_resolution": "1081"},
        {"output_resolution": "big"},
        {"compatibility_mode": "maybe"},
        {"mode": "functional"},
        {"fluent": "perhaps"},
        {"relay_only": "1"},
    ],
)
def test_what_makes_no_sense_is_refused_by_name(wrong: dict[str, str | None]) -> None:
    [name] = wrong
    with pytest.raises(BadSetting, match=name):
        Talk.load({}, wrong)


def test_the_modes_are_the_modes() -> None:
    for mode in MODES:
        assert Talk.load({}, {"mode": mode}).mode == mode
