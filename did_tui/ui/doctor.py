"""``did-tui doctor``: what works here and what does not, with advice; and what faces look like."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TextIO

import numpy as np

from did_tui.api.credentials import Credentials
from did_tui.api.errors import BadCredentials, DidError
from did_tui.api.http import is_loopback
from did_tui.config import COLOURS, SHAPES, BadSetting, NoKey, Settings, log_directory
from did_tui.live import ice
from did_tui.live.media.plan import over_ssh, plan
from did_tui.picture.art import Art, Style
from did_tui.picture.cells import Words, packed
from did_tui.picture.encoder import row_text
from did_tui.ui import checks, clipboard, glyphs, keymap, probes, terminal
from did_tui.ui.checks import Check, Speed, Tmux
from did_tui.ui.keys import key_of
from did_tui.ui.stderr import kept_off_the_screen
from did_tui.ui.text import one_line

if TYPE_CHECKING:
    from did_tui.api.client import Client

FACE = (22, 11)  # columns and rows of one picture
GAP = 2
STUN = "stun.l.google.com:19302"
NOBODY = "none"
MOVES = 6  # pictures that are shown in turn to measure the speed


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be looked at, and how it is told.

    ``stun`` is a STUN server's HOST:PORT or "none"; ``agent`` one whose stream is opened for a
    moment, to hear of D-ID's relays.
    """

    json: bool = False
    faces: bool = True
    stun: str = STUN
    agent: str = ""


def examine(
    settings: Settings,
    wishes: Wishes = Wishes(),
    out: TextIO = sys.stdout,
    env: Mapping[str, str] = os.environ,
) -> int:
    """Look at everything and tell; 1 where something does not work, else 0."""
    inside = probes.tmux(env)
    trusted = terminal.capabilities(env)
    look = settings.look
    shape, colours = terminal.chosen(look.shape, look.colours, trusted)
    plain = look.glyphs == "ascii" or (look.glyphs == "auto" and glyphs.wants_ascii(env))
    width = shutil.get_terminal_size().columns
    shown = out.isatty() and not wishes.json
    if shown and wishes.faces and not plain and not env.get("NO_COLOR"):
        key = key_of("shape", keymap.read(settings.keys).keys)
        show_faces(shape, colours, width, key, out)
    found = _terminal(settings, shape, colours, inside, plain=plain, shown=shown, out=out, env=env)
    if shown:
        _tell(found, width, plain=plain, out=out)
    rest = _sound(settings, env)
    with kept_off_the_screen(log_directory(env)):
        rest += asyncio.run(_network(settings, wishes))
    if wishes.json:
        print(json.dumps(checks.as_json(found + rest), indent=2, ensure_ascii=False), file=out)
    else:
        _tell(rest if shown else found + rest, width, plain=plain, out=out)
    return 1 if any(check.mark == "bad" for check in found + rest) else 0


def _tell(found: list[Check], width: int, *, plain: bool, out: TextIO) -> None:
    for check in found:
        for line in checks.lines(_harmless(check), width):
            print(glyphs.as_ascii(line) if plain else line, file=out, flush=True)


def _harmless(check: Check) -> Check:
    return replace(check, says=one_line(check.says), advice=one_line(check.advice))


def _terminal(
    settings: Settings,
    shape: str,
    colours: str,
    inside: Tmux | None,
    *,
    plain: bool,
    shown: bool,
    out: TextIO,
    env: Mapping[str, str],
) -> list[Check]:
    size: tuple[int, int] | None = None
    cell: tuple[int, int] | None = None
    widths: dict[str, int] | None = None
    speed: Speed | None = None
    if out.isatty():
        size = terminal.grid_size(out.fileno())
        cell = terminal.cell_size(out.fileno())
    if shown and sys.stdin.isatty() and sys.platform != "win32":
        with probes.Line(sys.stdin.fileno(), out.fileno()).use() as line:
            out.flush()
            widths = line.widths() if not plain else None
            cols, rows = terminal.grid_size(out.fileno())
            pictures = _moving(shape, colours, cols - 1, rows - 1)
            speed = line.speed(pictures, (cols - 1) * (rows - 1))
    way = clipboard.ways(settings.copies, env)[0]
    utf8 = (out.encoding or "utf-8").lower().replace("-", "") == "utf8"
    return [
        checks.terminal(env.get("TERM", ""), size, cell),
        checks.colours(shape, colours, env, inside),
        checks.glyphs(widths, utf8=utf8, plain=plain),
        checks.picture_speed(speed, inside),
        checks.copying(way.words, way.sort, inside),
    ]


def _moving(shape: str, colours: str, cols: int, rows: int) -> list[str]:
    """Whole pictures of that size, which are not the same."""
    shape = shape if shape in SHAPES[1:] else "half"
    style = Style.named(shape, colours)
    face = _face(style, cols, rows)
    arts = [Art(np.roll(face, 2 * number, axis=1), style) for number in range(MOVES)]
    return ["\r\n".join(row_text(art, y, 0, cols) for y in range(rows)) for art in arts]


def _sound(settings: Settings, env: Mapping[str, str]) -> list[Check]:
    from did_tui.live.media.capture import microphones
    from did_tui.live.media.speaker import devices

    chosen = plan(settings.audio, env)
    with kept_off_the_screen(log_directory(env)):
        there = sorted(devices(env), key=lambda device: not device.default)
        heard = sorted(microphones(env), key=lambda device: not device.default)
    return [
        checks.sound(chosen.sink, settings.audio, [one.words for one in there], chosen.hint),
        checks.microphone([one.words for one in heard], remote=over_ssh(env)),
    ]


async def _network(settings: Settings, wishes: Wishes) -> list[Check]:
    """Everything about the network at once: each waits for something else."""
    client, where, trouble, advice = _client(settings)
    knocker = client or _nobody(settings)
    url = settings.api_url
    local = is_loopback(url)
    try:
        (count, why), door, bell, key, udp, relays = await asyncio.gather(
            probes.addresses(url),
            probes.knocked(knocker, url),
            probes.knocked(knocker, settings.ws_url.replace("ws", "http", 1)),
            _key(client, where, trouble, advice),
            _udp(wishes, local=local),
            _relays(client, wishes.agent),
        )
    finally:
        await knocker.close()
    return [
        checks.network(door, count, why),
        checks.tls(door, checked=url.startswith("https:")),
        checks.service("D-ID", door),
        checks.service("notices", bell),
        key,
        udp,
        relays,
    ]


def _client(settings: Settings) -> tuple[Client | None, str, str, str]:
    """A client with the key, where it is, and what is wrong with it: never the key."""
    place = settings.key_place
    where = f"from the {place.sort}" if place else "from the environment" if settings.key else ""
    try:
        return settings.client(), where, "", ""
    except (NoKey, BadSetting) as error:
        return None, where, str(error), "did-tui asks for a key when it starts."
    except (BadCredentials, DidError) as error:
        return None, where, str(error), getattr(error, "advice", "")


def _nobody(settings: Settings) -> Client:
    """A client that only knocks: its key is nobody's and never sent."""
    from did_tui.api.client import Client

    return Client(Credentials.parse("nobody:nothing"), settings.api_url, settings.ws_url)


async def _key(client: Client | None, where: str, trouble: str, advice: str) -> Check:
    from did_tui.ui.accounts import tried

    if client is None:
        return checks.key(where, "", trouble, advice)
    try:
        return checks.key(where, await tried(client), "", "")
    except DidError as error:
        return checks.key(where, "", str(error), error.advice)


async def _udp(wishes: Wishes, *, local: bool) -> Check:
    if local and wishes.stun == STUN:
        return Check("UDP", "good", "D-ID is on this machine: media stays here")
    if wishes.stun == NOBODY:
        return checks.udp("", 0.0, "", translated=False)
    server = ice.parse(f"stun:{wishes.stun}")
    if server is None:
        return checks.udp(wishes.stun, 0.0, "that is no HOST:PORT", translated=False)
    seconds, trouble, translated = await probes.stun(server)
    return checks.udp(wishes.stun, seconds, trouble, translated=translated)


async def _relays(client: Client | None, agent: str) -> Check:
    if not agent or client is None:
        return checks.relays(None, agent, "there is no key to ask with" if agent else "")
    try:
        return checks.relays(await probes.try_servers(client, agent), agent, "")
    except DidError as error:
        return checks.relays(None, agent, str(error))


# Faces


def show_faces(shape: str, colours: str, width: int, key: str, out: TextIO) -> None:
    """A drawn face in every shape and depth of colours; ``key`` changes it in a conversation."""
    depth = colours if colours != "none" else "true"
    _show([(name, Style.named(name, depth)) for name in SHAPES[1:]], width, out)
    _show([(name, Style.named("half", name)) for name in COLOURS[1:]], width, out)
    print(f"Shape {shape}, colours {colours}.", file=out)
    print(f"Choose what looks right: --shape, --colours, or {key} in a conversation.", file=out)
    print("--shape kitty and --shape sixel send pixels, to terminals that take them.\n", file=out)


def _show(styles: list[tuple[str, Style]], width: int, out: TextIO) -> None:
    cols, rows = FACE
    abreast = max(1, (width + GAP) // (cols + GAP))
    for start in range(0, len(styles), abreast):
        group = styles[start : start + abreast]
        print((" " * GAP).join(name.ljust(cols) for name, _ in group).rstrip(), file=out)
        arts = [Art(_face(style, cols, rows), style) for _, style in group]
        columns = [f"\x1b[{1 + (cols + GAP) * number}G" for number in range(len(arts))]
        for y in range(rows):  # by columns: not every terminal knows how wide each glyph is
            parts = (row_text(art, y, 0, cols) for art in arts)
            print("".join(map("".join, zip(columns, parts, strict=True))), file=out)
        print(file=out)


def _face(style: Style, cols: int, rows: int) -> Words:
    """A head with light from the upper left: enough to see edges, gradients and skin."""
    height, width = rows * style.shape.down, cols * style.shape.across
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x = (x + 0.5) / width * 2 - 1
    y = (y + 0.5) / height * 2 - 1
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = np.stack([86 + 20 * y, 92 + 14 * x, 104 - 20 * y], -1)

    def paint(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]], colour: object) -> None:
        picture[mask] = np.broadcast_to(np.asarray(colour, np.float32), picture.shape)[mask]

    light = (1.05 - 0.35 * x - 0.25 * y)[..., None]
    paint((x / 0.95) ** 2 + ((y - 1.35) / 0.75) ** 2 < 1, [45, 95, 120] * light)
    paint((x / 0.62) ** 2 + ((y + 0.12) / 0.86) ** 2 < 1, [58, 38, 30] * light)
    paint((x / 0.5) ** 2 + (y / 0.72) ** 2 < 1, [214, 164, 134] * light)
    for side in (-0.2, 0.2):
        paint(((x - side) / 0.11) ** 2 + ((y + 0.1) / 0.08) ** 2 < 1, [245, 245, 240])
        paint(((x - side) / 0.05) ** 2 + ((y + 0.1) / 0.07) ** 2 < 1, [50, 60, 70])
    paint((x / 0.2) ** 2 + ((y - 0.38) / 0.07) ** 2 < 1, [170, 70, 75])
    return packed(np.clip(picture, 0, 255).astype(np.uint8))
