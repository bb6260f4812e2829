"""The second door, against the emulator: what goes out, what is said, how it ends."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from did_tui.__main__ import main

KEY = "demo:emulator"


@dataclass
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Say = Callable[..., Said]


@pytest.fixture
def say(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Say:
    """Run a command as from a script: no terminal is there."""
    monkeypatch.setenv("DID_API_URL", url)
    monkeypatch.setenv("DID_API_KEY", KEY)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("VISUAL", raising=False)

    def run(*words: str, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = main(words)
        return Said(code, *capsys.readouterr())

    return run


def file_of(path: Path, **fields: object) -> str:
    agent = {"presenter": {"type": "clip", "presenter_id": "v2_public_otto@emulator"}, **fields}
    path.write_text(json.dumps(agent), encoding="utf-8")
    return str(path)


def test_a_list_is_a_table_or_json(say: Say) -> None:
    table = say("agents", "list")
    assert table.code == 0
    assert table.err == ""
    head, *lines = table.out.splitlines()
    assert head.split() == ["ID", "NAME", "STATE", "TYPE", "MODEL", "MODIFIED"]
    assert any(line.split()[1] == "Mira" for line in lines)
    whole = say("agents", "list", "--json").json
    assert {agent["preview_name"] for agent in whole} >= {"Mira", "Kai"}
    assert len(say("agents", "list", "--json", "--limit", "2").json) == 2
    assert len(say("agents", "list", "--bare", "--json").json) == len(whole)
    assert say("agents").out == table.out
    assert say("agents", "--json").json == whole
    assert say("agents", "list").out == table.out


def test_an_agent_is_created_applied_and_deleted(say: Say, tmp_path: Path) -> None:
    file = file_of(tmp_path / "ada.json", preview_name="Ada", greetings=["Hello."])
    assert say("agents", "apply", file, "--dry-run").out.startswith("would create\n")
    made = say("agents", "apply", file, "--json").json
    assert made["action"] == "created"
    assert say("agents", "apply", file).out == f"unchanged {made['id']}\n"
    file_of(tmp_path / "ada.json", preview_name="Ada", greetings=["Good morning."])
    dry = say("agents", "apply", file, "--dry-run")
    assert dry.out.startswith(f"would update {made['id']}\n")
    assert '-    "Hello."' in dry.out
    assert '+    "Good morning."' in dry.out
    assert say("agents", "show", "Ada").json["greetings"] == ["Hello."], "a dry run changes nothing"
    wet = say("agents", "apply", file)
    assert wet.out == f"updated {made['id']}\n"
    assert '+    "Good morning."' in wet.err
    kept = tmp_path / "kept.json"
    assert say("agents", "export", "Ada", "-o", str(kept)).code == 0
    assert set(json.loads(kept.read_text())) == {
        "preview_name",
        "greetings",
        "presenter",
        "embed",
    }
    assert say("agents", "apply", str(kept)).out.startswith("unchanged")
    refused = say("agents", "delete", "Ada")
    assert (refused.code, refused.out) == (2, "")
    assert "--yes" in refused.err
    assert say("agents", "delete", "Ada", "--yes").out == f"{made['id']}\n"
    gone = say("agents", "show", made["id"])
    assert (gone.code, gone.out) == (3, "")


def test_two_of_the_same_name_are_never_mixed_up(say: Say, tmp_path: Path) -> None:
    file = file_of(tmp_path / "twin.json", preview_name="Twin")
    ids = [say("agents", "create", file).out.strip() for _ in range(2)]
    for words in (("agents", "apply", file), ("agents", "delete", "Twin", "--yes")):
        refused = say(*words)
        assert refused.code == 2
        assert all(agent_id in refused.err for agent_id in ids)
    assert say("agents", "apply", file, "--id", ids[1]).out == f"unchanged {ids[1]}\n"
    assert say("agents", "delete", *ids, "--yes").out.split() == ids


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON: "),
        ("[]", "no JSON object"),
        ('{"preview_name": "X"}', "presenter: An agent needs a presenter."),
        ('{"preview_name": "X", "presenter": {"type": "clip"}}', "presenter.presenter_id: "),
        ("[" * 100_000, "nested"),
    ],
)
def test_a_file_that_cannot_be_used(say: Say, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "agent.json"
    file.write_text(text)
    for verb in ("create", "apply"):
        refused = say("agents", verb, str(file))
        assert (refused.code, refused.out) == (2, "")
        assert said in refused.err
    assert "cannot be read" in say("agents", "create", str(tmp_path / "none")).err


def editor_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """An editor that is a Python program: ``text`` is the file's, then written back."""
    file = tmp_path / "editor.py"
    file.write_text(
        "import json, os, stat, sys\n"
        "path = sys.argv[1]\ntext = open(path).read()\n"
        f"{script}\n"
        "open(path, 'w').write(text)\n"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {file}")


def test_an_agent_in_the_editor(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor_of(
        tmp_path,
        monkeypatch,
        "assert stat.S_IMODE(os.stat(path).st_mode) == 0o600\n"
        "text = text.replace('A barista who', 'Somebody who')",
    )
    before = say("agents", "show", "Kai").json
    edited = say("agents", "edit", "Kai")
    assert edited.out == f"updated {before['id']}\n"
    after = say("agents", "show", "Kai").json
    assert after["preview_description"].startswith("Somebody who")
    assert {k for k in after if after[k] != before[k]} == {"preview_description", "modified"}
    assert say("agents", "edit", "Kai").out == f"unchanged {before['id']}\n"
    assert list(tmp_path.glob("did-tui-*")) == [], "nothing is left behind"


def test_what_is_wrong_is_said_in_the_editor_and_nothing_is_lost(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor_of(
        tmp_path,
        monkeypatch,
        "if '! ' not in text: text = text.replace('\"embed\": false', '\"embed\": \"maybe\"')\n"
        "elif 'embed: This is true or false.' in text: text = text.replace('\"maybe\"', 'oops')\n"
        "else:\n    assert 'no JSON' in text\n    text = text.replace('oops', 'true')",
    )
    assert say("agents", "edit", "Noor").out.startswith("updated ")
    assert say("agents", "show", "Noor").json["embed"] is True


def test_an_editor_that_gives_up_keeps_the_text(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor_of(tmp_path, monkeypatch, "text = text.replace('false', '1').replace('true', '1')")
    refused = say("agents", "edit", "Otto")
    assert refused.code == 2
    path = Path(refused.err.split(" It is in ")[1].strip().rstrip("."))
    assert '"embed": 1' in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setenv("EDITOR", "/none/such")
    assert "cannot be started" in say("agents", "edit", "Otto").err


def test_a_change_that_somebody_else_made_is_noticed(
    say: Say, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent_id = say("agents", "show", "Juno").json["id"]
    editor_of(
        tmp_path,
        monkeypatch,
        "import urllib.request\n"
        f"r = urllib.request.Request('{url}/agents/{agent_id}', method='PATCH',\n"
        "  data=b'{\"user_data\": \"other\"}', headers={'Authorization': 'Basic demo:emulator'})\n"
        "urllib.request.urlopen(r)\n"
        "text = text.replace('The night sky', 'The day sky')",
    )
    refused = say("agents", "edit", "Juno")
    assert refused.code == 1
    assert "changed meanwhile" in refused.err
    assert '+  "user_data": "other"' in refused.err
    assert say("agents", "show", "Juno").json["preview_description"].startswith("The night sky")


def test_knowledge_from_a_file_to_an_answer(say: Say, tmp_path: Path) -> None:
    base = say("knowledge", "create", "Tarts", "About tarts").out.strip()
    file = tmp_path / "tart.md"
    file.write_text("# Tart\n\n## Rhubarb\nThe tart needs three stalks.\n")
    made = say("documents", "create", "Tarts", str(file), "--wait")
    assert made.code == 0
    assert "created" in made.err
    assert "done" in made.err
    document = made.out.strip()
    assert document.startswith(f"{base}#doc_")
    [row] = say("documents", "list", base, "--json").json
    assert (row["title"], row["status"]) == ("tart.md", "done")
    found = say("knowledge", "query", "Tarts", "How much rhubarb?")
    assert "three stalks" in found.out
    assert float(found.out.splitlines()[1].split()[0]) > 0
    assert "Rhubarb" in say("documents", "records", base, document).out
    bad = say("documents", "create", base, "data:application/pdf,x", "--type", "pdf", "--wait")
    assert bad.code == 1
    assert "no readable PDF" in bad.err
    assert say("knowledge", "edit", base, "--name", "Pies").code == 0
    assert say("knowledge", "show", "Pies").json["name"] == "Pies"
    assert say("knowledge", "edit", base).code == 2
    assert say("documents", "delete", base, document, "--yes").code == 0
    assert say("knowledge", "delete", base, "--yes").code == 0
    assert say("knowledge", "show", base).code == 3
    assert say("knowledge", "show", "Pies").code == 3


def test_chats_are_said_exported_and_deleted(say: Say, tmp_path: Path) -> None:
    answer = say("chats", "say", "Kai", "What is an espresso?", "--persist")
    assert "ground coffee" in answer.out
    output = tmp_path / "kai.zip"
    exported = say("chats", "export", "Kai", "-o", str(output))
    assert exported.out == f"{output}\n"
    with zipfile.ZipFile(output) as archive:
        [name] = archive.namelist()
        assert "espresso" in archive.read(name).decode()
    assert say("chats", "export", "Kai", "--from", "soon").code == 2
    assert say("chats", "delete", "Kai", "--yes").code == 0
    empty = say("chats", "export", "Kai", "-o", str(output))
    assert empty.code == 1
    assert "No chats found" in empty.err


def test_keys(say: Say) -> None:
    key = say("keys", "create", "Kai", "--domain", "https://a.example", "--name", "shop")
    assert key.code == 0
    assert say("keys", "edit", "Kai", key.out.strip(), "--domain", "https://b.example").code == 0
    assert "https://b.example" in say("keys", "list", "Kai").out
    assert say("keys", "create", "Kai", "--domain", "nonsense").code == 2
    assert say("keys", "delete", "Kai", key.out.strip(), "--yes").code == 0
    assert say("keys", "delete", "Kai", key.out.strip(), "--yes").code == 3


def test_how_it_ends(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    assert say("sessions", "create", "Kai").code == 1
    monkeypatch.setenv("DID_API_KEY", "demo:wrong")
    assert say("agents", "list").code == 4
    monkeypatch.setenv("DID_API_KEY", "nonsense")
    assert say("agents", "list").code == 2
    monkeypatch.setenv("DID_API_KEY", "")
    assert "did-tui demo" in say("agents", "list").err
    monkeypatch.setenv("DID_API_KEY", KEY)
    monkeypatch.setenv("DID_API_URL", "http://127.0.0.1:9")
    refused = say("agents", "list")
    assert (refused.code, refused.out) == (5, "")
    with pytest.raises(SystemExit) as ended:
        say("documents")
    assert ended.value.code == 2


def test_nothing_that_a_service_sends_steers_the_terminal(say: Say, tmp_path: Path) -> None:
    evil = "a\x1b]0;owned\x07\x1b[2J\u202eb\x9b31m"
    file = file_of(tmp_path / "evil.json", preview_name=evil, greetings=[evil])
    agent_id = say("agents", "create", file).out.strip()
    for words in (("agents", "list"), ("agents", "show", agent_id), ("agents", "list", "--json")):
        out = say(*words).out
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out), words
    assert say("agents", "show", agent_id).json["preview_name"] == evil, "and nothing is lost"
    assert "\x1b" not in say("agents", "delete", agent_id).err
    say("agents", "delete", agent_id, "--yes")


def test_a_reader_that_has_seen_enough(url: str) -> None:
    env = os.environ | {"DID_API_URL": url, "DID_API_KEY": KEY}
    command = f"{sys.executable} -m did_tui voices list --json | head -c 1"
    done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, timeout=60)
    assert done.stdout == b"["
    assert done.stderr == b""


def test_a_profile_says_who_asks_and_may_only_read(
    say: Say, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DID_TUI_HOME", str(tmp_path))
    monkeypatch.setenv("DID_API_URL", "http://127.0.0.1:9")
    (tmp_path / "demo.key").write_text(KEY)
    (tmp_path / "demo.key").chmod(0o600)
    config = f'[profiles.demo]\napi_url = "{url}"\nkey_file = "demo.key"\n'
    (tmp_path / "config.toml").write_text(config)
    assert say("agents", "list").code == 5, "the environment's"
    assert say("-P", "demo", "agents", "list").code == 0
    assert say("agents", "list", "-P", "demo").code == 0
    assert "no profile has that name: there are demo" in say("agents", "-P", "dem").err
    refused = say("agents", "delete", "agt_x", "--yes", "-P", "demo", "--read-only")
    assert (refused.code, refused.out) == (6, "")
    assert "read-only" in refused.err
    (tmp_path / "config.toml").write_text(config + "read_only = true\n")
    presenter = {"type": "clip", "presenter_id": "v2_public_otto@emulator"}
    agent = file_of(tmp_path / "new.json", preview_name="New", presenter=presenter)
    assert say("agents", "apply", agent, "-P", "demo").code == 6
    assert "nothing was changed" in say("agents", "create", agent, "-P", "demo").err
    shown = say("config", "-P", "demo", "--fps", "12").out
    for line in (
        "profile +demo",
        "key +file demo.key",
        "fps +12 +--fps",
        "mode +Functional +default",
    ):
        assert re.search(f"(?m)^{line}$", shown), line
    assert re.search(r"(?m)^read_only +yes +.*config.toml, line 4$", shown)
    assert KEY not in shown
    assert say("config", "path").out == f"{tmp_path / 'config.toml'}\n"
    (tmp_path / "demo.key").chmod(0o644)
    refused = say("agents", "list", "-P", "demo")
    assert (refused.code, refused.out) == (2, "")
    assert "chmod 600" in refused.err
    (tmp_path / "config.toml").write_text("fpss = 3\n")
    wrong = say("agents", "list")
    assert wrong.code == 2
    assert "line 1: fpss is no setting; fps is one" in wrong.err
