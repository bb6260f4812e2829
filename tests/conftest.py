"""What several test modules need."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from golden import check
from hypothesis import HealthCheck, settings
from nullsink import NullSink

KEY = "demo:emulator"

# A machine that is busy with something else takes its time over an example.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@dataclass
class RunningEmulator:
    """An emulator in a process of its own."""

    url: str
    process: subprocess.Popen[bytes]

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    @property
    def env(self) -> dict[str, str]:
        return os.environ | {
            "DID_API_URL": self.url,
            "DID_WS_URL": self.ws_url,
            "DID_API_KEY": KEY,
        }


@contextmanager
def running_emulator(*options: str) -> Iterator[RunningEmulator]:
    """An emulator that ends with the block."""
    command = [sys.executable, "-m", "did_tui", "emulator", "--port", "0", *options]
    process = subprocess.Popen(
        [*command, "--until-eof"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    found = re.search(r"(http://\S+)", line)
    assert found, line
    yield RunningEmulator(found[1], process)
    process.stdin.close()
    process.stdout.close()
    assert process.wait(10) == 0


@pytest.fixture(scope="session")
def emulator() -> Iterator[RunningEmulator]:
    """One emulator for the whole run, with the same ids each time."""
    with running_emulator("--seed", "7") as running:
        yield running


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where an emulator of the module's own is, for what is created and deleted."""
    with running_emulator("--seed", "9") as running:
        yield running.url


@pytest.fixture(scope="module")
def private_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what libpulse writes, a cookie, out of the home directory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture
def server(private_home: None) -> Iterator[NullSink]:
    """A sound server of the test's own, with a headset."""
    with NullSink(sinks=("headset",)) as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """With DID_TUI_NO_SKIPS=1, as in CI, a skipped test is a failed one.

    ``DID_TUI_MAY_SKIP`` is a word in the reason of those that may be skipped all the same.
    """
    report = yield
    allowed = os.environ.get("DID_TUI_MAY_SKIP", "\0")
    skipped = report.skipped and allowed not in str(report.longrepr)  # type: ignore[attr-defined]
    if os.environ.get("DID_TUI_NO_SKIPS") and skipped:
        report.outcome = "failed"  # type: ignore[attr-defined]
    return report


def pytest_configure(config: pytest.Config) -> None:
    """Nobody's own settings, keys and journals have a part in the tests."""
    if "DID_TUI_HOME" not in os.environ:
        home = tempfile.TemporaryDirectory(prefix="did-tui-tests-")
        os.environ["DID_TUI_HOME"] = home.name
        config.add_cleanup(home.cleanup)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write screenshots and tables anew"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a screenshot (SVG, name) with its golden file."""
    update = bool(request.config.getoption("--update-golden"))
    return lambda svg, name: check(svg, name, update=update)
