"""A crash says one sentence and shows no secret."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from scripted import ScriptedApp

from did_tui.config import Settings
from did_tui.ui import crash
from did_tui.ui.app import DidTui


def test_the_file_has_no_secret_and_is_private(tmp_path: Path) -> None:
    secret = "user:s3cr3t"
    forms = f"{secret} Basic%20user%3As3cr3t {base64.b64encode(secret.encode()).decode()}"
    try:
        raise ValueError(f"address ?authorization={forms}")
    except ValueError:
        sentence = crash.save(tmp_path / "log", f" Basic {secret}\n")
    path = Path(sentence.rpartition(": ")[2])
    text = path.read_text()
    assert "s3cr3t" not in text
    assert base64.b64encode(b"user:s3cr3t").decode() not in text
    assert "ValueError: address ?authorization=… " in text
    assert path.stat().st_mode & 0o777 == 0o600


async def test_an_exception_in_the_app_ends_it_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DID_TUI_HOME", str(tmp_path))
    app = ScriptedApp()
    app.settings = Settings(key="user:s3cr3t")
    seen: list[str] = []
    monkeypatch.setattr(
        DidTui,
        "_print_error_renderables",
        lambda self: seen.extend(str(text) for text in self._exit_renderables),
    )

    def burst() -> None:
        key = app.settings.key
        raise RuntimeError(f"with {key}")

    with pytest.raises(RuntimeError):
        async with app.run_test() as pilot:
            app.call_later(burst)
            await pilot.pause()
    assert app.return_code == 1
    assert len(seen) == 1
    assert seen[0].startswith("did-tui has crashed. Please report it with this file: ")
    assert "s3cr3t" not in next((tmp_path / "log").glob("crash-*.txt")).read_text()
