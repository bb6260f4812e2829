"""What the doctor says of what it finds, and that it never says a key."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import KEY, RunningEmulator
from ptyrun import PtyProgram

from did_tui.live.ice import Server
from did_tui.live.reach import seen_as
from did_tui.ui import checks
from did_tui.ui.checks import Check, Knocked, Speed, Tmux, lines

TMUX = Tmux((3, 3), rgb=False, clipboard="off")
HOST = Knocked("api.d-id.com", 0.1, 200, "TLSv1.3", "Amazon")

CASES: list[tuple[Check, str, str]] = [
    (checks.terminal("xterm-256color", (120, 36), (9, 18)), "good", ""),
    (checks.terminal("xterm-256color", (60, 20), None), "fair", "80×24"),
    (checks.terminal("dumb", (120, 36), None), "bad", "Set TERM"),
    (checks.terminal("", None, None), "unknown", ""),
    (checks.colours("half", "true", {}, None), "good", ""),
    (checks.colours("half", "true", {}, TMUX), "fair", "terminal-features"),
    (checks.colours("half", "256", {"SSH_CONNECTION": "x"}, None), "fair", "ssh does not pass"),
    (checks.colours("ascii", "none", {"NO_COLOR": "1"}, None), "fair", "unset it"),
    (checks.glyphs({"●": 1, "✗": 1}, utf8=True, plain=False), "good", ""),
    (checks.glyphs({"●": 2}, utf8=True, plain=False), "bad", "ambiguous"),
    (checks.glyphs({"●": 1, "🬞": 2}, utf8=True, plain=False), "fair", "sextant"),
    (checks.glyphs(None, utf8=True, plain=False), "unknown", ""),
    (checks.glyphs(None, utf8=False, plain=False), "bad", "UTF-8"),
    (checks.glyphs(None, utf8=False, plain=True), "good", ""),
    (checks.picture_speed(Speed(6_000_000, 40, 0.6, 0.001), None), "good", ""),
    (checks.picture_speed(Speed(6_000_000, 40, 0.6, 0.001), TMUX), "good", "--max-kbps"),
    (checks.picture_speed(Speed(60_000, 1, 0.6, 0.02), None), "fair", "coarser"),
    (checks.picture_speed(Speed(10_000, 1, 0.6, 0.02), None), "bad", "coarser"),
    (checks.picture_speed(Speed(6_000_000, 40, 0.6, 0.4), None), "fair", "slow"),
    (checks.picture_speed(None, None), "unknown", ""),
    (checks.copying("wl-copy", "program", None), "good", ""),
    (checks.copying("tmux", "tmux", TMUX), "fair", "set-clipboard"),
    (checks.copying("a file", "file", None), "fair", "osc52"),
    (checks.sound("auto", "auto", ["Headset"], ""), "good", ""),
    (checks.sound("auto", "auto", [], ""), "bad", "--audio web"),
    (checks.sound("none", "auto", [], "hint"), "fair", "hint"),
    (checks.sound("none", "none", [], ""), "fair", ""),
    (checks.microphone([], remote=True), "fair", "did-tui devices"),
    (checks.microphone(["Headset"], remote=False), "good", ""),
    (checks.network(HOST, 2, ""), "good", ""),
    (checks.network(HOST, 0, "no such name"), "bad", "HTTPS_PROXY"),
    (checks.network(Knocked("h", proxy="p:1"), 0, "no such name"), "good", ""),
    (checks.tls(HOST, checked=True), "good", ""),
    (checks.tls(Knocked("h", trouble="The certificate of h is not trusted"), checked=True), "bad",
     "SSL_CERT_FILE"),
    (checks.tls(HOST, checked=False), "unknown", ""),
    (checks.service("D-ID", HOST), "good", ""),
    (checks.service("D-ID", Knocked("h", status=503)), "bad", "later"),
    (checks.service("D-ID", Knocked("h", trouble="h cannot be reached")), "bad", "address"),
    (checks.key("", "", "", ""), "unknown", "demo"),
    (checks.key("from the file", "The key works", "", ""), "good", ""),
    (checks.key("from the file", "", "refused", "Ask"), "bad", "Ask"),
    (checks.udp("s:1", 0.05, "", translated=True), "good", ""),
    (checks.udp("s:1", 0.0, "no answer", translated=False), "fair", "TCP or TLS"),
    (checks.udp("", 0.0, "", translated=False), "unknown", ""),
    (checks.relays(None, "", ""), "unknown", "--agent"),
    (checks.relays([], "agt", ""), "good", ""),
    (checks.relays([("turn a", ""), ("turn b", "no answer")], "agt", ""), "fair", "One that works"),
    (checks.relays([("turn b", "no answer")], "agt", ""), "bad", "firewall"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "mark", "advice"), CASES)
def test_what_is_made_of_it(check: Check, mark: str, advice: str) -> None:
    assert check.mark == mark
    assert advice in check.advice
    assert bool(check.advice) or mark != "bad", "a trouble has advice"
    for line in lines(check, 80):
        assert len(line) <= 80
    assert json.dumps(checks.as_json([check]))


async def test_a_stun_server_is_asked_and_one_that_is_silent_is_waited_for() -> None:
    from aioice import stun

    class Answering(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            asked = stun.parse_message(data)
            answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, asked.transaction_id)
            answer.attributes["XOR-MAPPED-ADDRESS"] = addr
            self.transport.sendto(b"nonsense", addr)  # type: ignore[attr-defined]
            self.transport.sendto(bytes(answer), addr)  # type: ignore[attr-defined]

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Answering, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    host, _ = await seen_as(Server("stun", "127.0.0.1", port, "udp"))
    assert host == "127.0.0.1"
    transport.close()
    with pytest.raises(ConnectionRefusedError):
        await seen_as(Server("stun", "127.0.0.1", port, "udp"))


def test_it_works_without_a_terminal_and_tells_no_secret(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    env = emulator.env | {"DID_TUI_HOME": str(tmp_path), "PULSE_SERVER": "unix:/nowhere"}
    program = [sys.executable, "-m", "did_tui", "doctor", "--json", "--agent"]
    agents = json.loads(
        subprocess.run(
            [sys.executable, "-m", "did_tui", "agents", "list", "--json"],
            capture_output=True,
            check=True,
            env=env,
        ).stdout
    )
    done = subprocess.run(
        [*program, agents[0]["id"]],
        capture_output=True,
        text=True,
        env=env,
        timeout=60,
        check=False,
    )
    found = {check["check"]: check for check in json.loads(done.stdout)}
    assert found["terminal"]["result"] == "unknown"
    assert found["D-ID"]["result"] == "good"
    assert found["key"]["result"] == "good"
    assert found["relays"]["result"] == "good"
    assert KEY not in done.stdout + done.stderr
    assert not list((tmp_path / "state").glob("streams/*"))
    refused = env | {"DID_API_KEY": "planted:s3cr3t-value", "DID_API_URL": "http://127.0.0.1:9"}
    done = subprocess.run(
        [*program[:-1]], capture_output=True, text=True, env=refused, timeout=60, check=False
    )
    found = {check["check"]: check for check in json.loads(done.stdout)}
    assert done.returncode == 1
    assert found["D-ID"]["result"] == found["key"]["result"] == "bad"
    assert "s3cr3t" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_in_a_terminal_it_measures(emulator: RunningEmulator, tmp_path: Path) -> None:
    env = emulator.env | {"DID_TUI_HOME": str(tmp_path), "PULSE_SERVER": "unix:/nowhere"}
    with PtyProgram(["doctor", "--no-faces"], env=env, cols=100, rows=40, answer=None) as program:
        program.until(lambda terminal: "relays" in terminal.text, 40)
        assert program.wait(20) in (0, 1)  # there may be no network
        text = program.terminal.text
        assert program.modes == program.modes_before
        assert program.terminal.modes[1049] is False
    assert "MB/s" in text
    assert "24-bit colours" in text
    assert "signs are one cell wide" in text


def test_faces_are_shown_side_by_side() -> None:
    from did_tui.ui.doctor import show_faces

    out = io.StringIO()
    show_faces("half", "256", 120, "f5", out)
    assert "Shape half, colours 256." in out.getvalue()
    assert "braille" in out.getvalue()
    assert os.linesep in out.getvalue()
