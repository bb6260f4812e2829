"""Where the keys of profiles are: a file of mode 0600, a command, or the system's keyring."""

from __future__ import annotations

import shlex
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from did_tui.config import BadSetting, NoKey

SERVICE = "did-tui"  # the keyring's name for what is ours
COMMAND_SECONDS = 60.0  # somebody may have to type a passphrase
LARGEST_KEY = 64 * 1024  # bytes

Sort = Literal["file", "command", "keyring"]


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where the key of a profile is; never the key itself.

    ``value`` is the path of the file, the command, or the profile's name in the keyring.
    """

    sort: Sort
    value: str

    @property
    def words(self) -> str:
        """What it is called on the screen: of a command, in which a key may be, the program."""
        if self.sort == "keyring":
            return "the system's keyring"
        if self.sort == "file":
            return f"file {Path(self.value).name}"
        return f"command {_program(self.value)}".strip()

    @property
    def in_full(self) -> str:
        """The same with the whole path of a file."""
        return self.value if self.sort == "file" else self.words

    def read(self) -> str:
        """The key; raises ``NoKey`` or ``BadSetting`` with a sentence that says what is wrong.

        A command may take its time: not for the event loop.
        """
        if self.sort == "file":
            return _from_file(Path(self.value))
        if self.sort == "command":
            return _from_command(self.value)
        ring = _keyring()
        from keyring.errors import KeyringError

        try:
            key = ring.get_password(SERVICE, self.value)
        except KeyringError as error:
            raise NoKey(f"The system's keyring does not give the key away: {error}.") from error
        if not key:
            raise NoKey(f"The system's keyring has no key of the profile {self.value}.")
        return str(key)

    def forget(self) -> None:
        """Delete a key that is kept here; what a command knows is not ours to delete."""
        if self.sort == "file":
            Path(self.value).unlink(missing_ok=True)
        elif self.sort == "keyring" and _keyring().get_password(SERVICE, self.value):
            _keyring().delete_password(SERVICE, self.value)


def keep(key: str, profile: str, directory: Path) -> KeyPlace:
    """Keep a key in the system's keyring where there is one, else in a file of mode 0600.

    Raises ``OSError``.
    """
    from did_tui.files import write_private

    if has_keyring():
        from keyring.errors import KeyringError

        try:
            _keyring().set_password(SERVICE, profile, key)
        except KeyringError:
            pass  # it is locked or out of order: the file is as good a place
        else:
            return KeyPlace("keyring", profile)
    path = directory / "keys" / f"{profile}.key"
    write_private(path, key + "\n")
    return KeyPlace("file", str(path))


def has_keyring() -> bool:
    """Whether the ``keyring`` package is installed and has a place that is safe."""
    try:
        import keyring
    except ImportError:
        return False
    return float(getattr(keyring.get_keyring(), "priority", 0)) >= 1


def _keyring() -> Any:
    try:
        import keyring
    except ImportError:
        raise BadSetting(
            "This profile's key is in the system's keyring, which needs the package keyring:"
            " python3 -m pip install 'did-tui[keyring]'."
        ) from None
    return keyring


def _from_file(path: Path) -> str:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if sys.platform != "win32" and mode & 0o077:
            raise BadSetting(
                f"Others can read the key in {path} (its mode is {mode:04o}):"
                f" chmod 600 {shlex.quote(str(path))}"
            )
        with path.open(encoding="utf-8") as file:
            key = file.read(LARGEST_KEY).strip()
    except OSError as error:
        raise NoKey(f"The key file {path} cannot be read: {error.strerror}.") from error
    except UnicodeError:
        raise NoKey(f"The key file {path} holds no text.") from None
    if not key:
        raise NoKey(f"The key file {path} is empty.")
    return key


def _program(command: str) -> str:
    """What a command runs: a key may be among its arguments."""
    return Path(command.split()[0]).name if command.split() else ""


def _from_command(command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 (the user's own command, from the user's own file)
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except (OSError, ValueError) as error:
        raise NoKey(f"key_command {_program(command)!r} cannot be run: {error}.") from error
    except subprocess.TimeoutExpired:
        raise NoKey(
            f"key_command {_program(command)!r} gave no key within {COMMAND_SECONDS:.0f} s."
        ) from None
    key = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode or not key:
        # What it says may be anything but the key: that goes to its standard output.
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = f": {said[-1][:200]}" if said else f" (exit code {done.returncode})"
        raise NoKey(f"key_command {_program(command)!r} gave no key{why}")
    return key
