"""The layers of CONTRIBUTING.md, proved: who imports whom, and what is loaded when."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import did_tui

ROOT = Path(did_tui.__file__).parent

#: Which rooms a room may import from. The front door may import every room.
MAY_IMPORT = {
    "api": {"api", ""},
    "live": {"live", "api", ""},
    "picture": {"picture", ""},
    "emulator": {"emulator", ""},
    "verbs": {"verbs", "api", "config", ""},
    "ui": {"ui", "live", "api", "picture", "config", "configfile", "keystore", "demo", ""},
}
FRONT_DOOR = ("config", "configfile", "keystore", "demo")

#: Libraries that live in one room or one module.
ONLY_IN = {
    "textual": ("ui/",),
    "rich": ("ui/",),
    "httpx": ("api/http.py", "emulator/"),
    "aiortc": ("live/", "emulator/peer.py", "emulator/roompeer.py"),
    "aioice": ("live/rtc.py", "live/reach.py", "emulator/"),
    "starlette": ("emulator/",),
    "uvicorn": ("emulator/",),
    "websockets": ("live/streams.py", "live/media/web.py", "emulator/worker.py"),
    "sounddevice": ("live/media/portaudio.py",),
    "espeakng_loader": ("emulator/voiced.py",),
    "tomlkit": ("configfile.py",),
    "keyring": ("keystore.py",),
    "livekit": ("live/room", "emulator/"),
    "jsonschema": ("live/tools.py",),
    "textual_serve": ("serve.py",),
    "aiohttp": ("serve.py",),
}


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            if node.module == "did_tui":
                yield from (f"did_tui.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    here = path.relative_to(ROOT)
    room = here.parts[0] if len(here.parts) > 1 else ""
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "did_tui":
            target = parts[1] if len(parts) > 1 else ""
            if room:
                known = target if (ROOT / target).is_dir() or target in FRONT_DOOR else ""
                assert known in MAY_IMPORT[room], f"{here} imports {name}"
        elif parts[0] in ONLY_IN:
            allowed = ONLY_IN[parts[0]]
            assert str(here.as_posix()).startswith(allowed), f"{here} imports {name}"


def test_no_module_has_grown_out_of_hand() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {str(path): length for path, length in lengths.items() if length > 520} == {}


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh process has loaded after this code."""
    script = (
        f"import sys\n{code}\nprint(' '.join(sorted({{m.split('.')[0] for m in sys.modules}})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split("\n")[-2].split())


HEAVY = {"aiortc", "av", "numpy", "PIL", "livekit", "jsonschema"}


def test_version_loads_nothing() -> None:
    code = "from did_tui.__main__ import main\ntry: main(['--version'])\nexcept SystemExit: pass\n"
    assert not loaded_by(code) & {*HEAVY, "textual", "httpx", "pydantic", "asyncio"}


def test_the_first_paint_loads_no_media() -> None:
    code = """
import asyncio
from did_tui.config import Settings
from did_tui.ui.app import DidTui
async def never():
    await asyncio.Event().wait()
async def main():
    app = DidTui(Settings(), never)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        assert 'Agents' in app.export_screenshot()
        print(' '.join(sorted({m.split('.')[0] for m in sys.modules})), file=sys.__stdout__)
asyncio.run(main())
"""
    loaded = loaded_by(code)
    assert "textual" in loaded
    assert not loaded & HEAVY
