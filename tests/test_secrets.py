"""A key is planted, everything is tried, failures and a crash included; then it is looked for."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from ptyrun import PtyProgram, children

SECRET = "Zq7pLanTed9xK3yW"
KEY = f"planted@example.com:{SECRET}"
ENCODED = base64.b64encode(KEY.encode()).decode()
#: The key in every form in which it may be written somewhere, and its parts.
FORMS = (SECRET, ENCODED, quote(KEY, safe=""), quote(ENCODED, safe=""), ENCODED[8:-6])

EMULATOR = """
import sys
from did_tui import __main__ as front
from did_tui.emulator import command
command.ACCOUNT = sys.stdin.readline().strip()
sys.exit(front.main(["emulator", "--port", "0", "--until-eof"]))
"""

CRASH = """
import asyncio, sys
from did_tui import __main__ as front
from did_tui.ui.app import DidTui
def loaded(self):
    key, client = self.settings.key, self._client.result()
    header = client.credentials.header()
    raise RuntimeError(f"crashed with {key} and {header} at {client.notifications_url('c')}")
DidTui.loaded = loaded
sys.exit(front.main(sys.argv[1:]))
"""


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of somebody whose key is the planted one."""
    process = subprocess.Popen(
        [sys.executable, "-c", EMULATOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{KEY}\n")
    process.stdin.flush()
    found = re.search(r"http://[\d.:]+", process.stdout.readline())
    assert found
    yield os.environ | {
        "DID_TUI_HOME": str(tmp_path / "home"),
        "DID_TUI_COPY": "file",
        "DID_API_URL": found[0],
        "DID_API_KEY": KEY,
        "PULSE_SERVER": "unix:/nowhere",
    }
    process.stdin.close()
    process.stdout.close()
    assert process.wait(10) == 0


def run(env: dict[str, str], *arguments: str, program: tuple[str, ...] = ("-m", "did_tui")) -> str:
    """All that a command says."""
    command = [sys.executable, *program, *arguments]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
    )
    return done.stdout + done.stderr


def argv_of(pid: int) -> str:
    found = [Path(f"/proc/{one}/cmdline") for one in (pid, *children(pid))]
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in found)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_planted_key_is_nowhere(env: dict[str, str], tmp_path: Path) -> None:
    told: dict[str, str] = {}
    nowhere = env | {"DID_API_URL": f"http://{quote(KEY, safe=':')}@127.0.0.1:9"}
    home = Path(env["DID_TUI_HOME"])
    home.mkdir()
    key_file = home / "filed.key"
    key_file.touch(mode=0o600)
    key_file.write_text(KEY)
    (home / "config.toml").write_text(
        f'[profiles.filed]\napi_url = "{env["DID_API_URL"]}"\nkey_file = "filed.key"\n'
        f'[profiles.failing]\nkey_command = "false {KEY}"\n'
        f'[profiles.told]\napi_url = "{env["DID_API_URL"]}"\nkey_command = "echo {KEY}"\n'
    )
    for name, arguments, where in (
        ("list", ("agents", "list", "--json"), env),
        ("unknown", ("agents", "show", "agt_nobody"), env),
        ("refused", ("agents", "list"), env | {"DID_API_KEY": f"{SECRET} is no key"}),
        ("down", ("agents", "list"), nowhere),
        ("doctor", ("doctor", "--json", "--stun", "none"), env),
        ("doctor down", ("doctor", "--stun", "none"), nowhere),
        ("profile", ("-P", "filed", "doctor", "--stun", "none"), env),
        ("config", ("config", "show"), env),
        ("config of a profile", ("config", "show", "-P", "filed"), env),
        ("no key", ("agents", "list", "-P", "failing"), env),
        ("config of a command", ("config", "show", "-P", "told"), env),
    ):
        told[name] = run(where, *arguments)
    report = tmp_path / "report.json"
    with PtyProgram(["--theme", "contrast"], env=env, cols=120, rows=36) as program:
        program.until(lambda terminal: "online" in terminal.text or "ready" in terminal.text)
        for keys, shows in (
            ("L", "Terminal"), ("[", "did-tui doctor measures"), ("Y", "reports"),
            ("\x1b", "PRESENTER"), ("6", "ACCOUNT"), ("p", "Switch"), ("\x1b", ""),
            (",", "SETTING"), ("K", "ACTION"), ("\x1b", ""), ("-", ""),
        ):  # fmt: skip
            program.type(keys)
            program.until(lambda t, shows=shows: shows.lower() in t.text.lower())  # type: ignore[misc]
            program.read(0.2)
            told[f"screen {keys!r}"] = program.terminal.text
        told["argv"] = argv_of(program.process.pid)
        program.process.send_signal(signal.SIGTERM)
        program.wait()
        told["left"] = program.terminal.text
    call = ["chat", "Mira", "--audio", "none", "--report", str(report)]
    with PtyProgram(call, env=env) as program:
        program.until(lambda terminal: "fps" in terminal.text, 40)
        told["argv in a call"] = argv_of(program.process.pid)
        told["call"] = program.terminal.text
        os.kill(program.process.pid, signal.SIGHUP)
        program.wait()
    with PtyProgram([], env=env, program=("-c", CRASH)) as program:
        assert program.wait(40) == 1
        told["crash"] = program.terminal.text
    assert "crashed" in told["crash"]
    crashes = list((home / "log").glob("crash-*.txt"))
    assert crashes, "there is a report of the crash"
    assert "crashed with … and " in crashes[0].read_text()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != key_file]
    assert any("support-" in path.name for path in files)
    told |= {
        str(path.relative_to(tmp_path)): path.read_bytes().decode("utf-8", "replace")
        for path in files
        if path.name != "config.toml"  # where the user has written a command with a key
    }
    found = {
        (name, form) for name, text in told.items() for form in FORMS if form in squeezed(text)
    }
    assert found == set()


def squeezed(text: str) -> str:
    """A text without the ends of its lines: a screen may have broken a key over two."""
    return "".join(line.strip() for line in text.splitlines())
