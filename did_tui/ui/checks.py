"""What ``did-tui doctor`` makes of what it finds: a sign, a sentence, and advice. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Mark = Literal["good", "fair", "bad", "unknown"]
SIGNS: dict[Mark, str] = {"good": "✓", "fair": "!", "bad": "✗", "unknown": "–"}

WIDE, HIGH = 80, 24  # cells that everything is designed for
FRAME = 8_500  # bytes of a frame of a talking head at 120×40 cells, measured (README)
FPS = 25  # frames a second that D-ID sends
PLENTY = 20  # times the need: then nothing has to be said
FAR = 0.15  # seconds to the terminal and back from which on typing feels slow
OLD_TMUX = (3, 4)  # before it, pictures tear: no synchronized updates


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was looked at; ``advice`` is what helps where all is not well.

    ``facts`` are for programs: no secret, no address of the user's.
    """

    name: str
    mark: Mark
    says: str
    advice: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def as_json(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {"check": c.name, "result": c.mark, "says": c.says, "advice": c.advice, **c.facts}
        for c in checks
    ]


def lines(check: Check, width: int) -> list[str]:
    """The lines of a check for people, folded at ``width``."""
    from textwrap import wrap

    room = max(30, width - 16)
    said = wrap(check.says, room) or [""]
    told = [f"{SIGNS[check.mark]} {check.name:<12} {said[0]}"]
    told += [f"{'':<14} {line}" for line in said[1:]]
    if check.advice:
        told += [f"{'':<14} {line}" for line in wrap(f"→ {check.advice}", room)]
    return told


# The terminal


def terminal(term: str, size: tuple[int, int] | None, cell: tuple[int, int] | None) -> Check:
    """Which it is, and how large; no size where there is none."""
    if size is None:
        return Check("terminal", "unknown", f"none here; TERM={term or 'is not set'}")
    cols, rows = size
    pixels = f"cells of {cell[0]}×{cell[1]} pixels" if cell else "cells taken as 8×16 pixels"
    says = f"{term or 'TERM is not set'}, {cols}×{rows}, {pixels}"
    facts = {"term": term, "columns": cols, "rows": rows}
    if term in ("", "dumb"):
        return Check("terminal", "bad", says, "Set TERM to what it is, or use commands.", facts)
    if cols < WIDE or rows < HIGH:
        advice = f"Everything fits from {WIDE}×{HIGH} on: a larger window, or a smaller font."
        return Check("terminal", "fair", says, advice, facts)
    return Check("terminal", "good", says, "", facts)


@dataclass(frozen=True, slots=True)
class Tmux:
    """What tmux says of itself; empty where it does not tell."""

    version: tuple[int, int] = (0, 0)
    rgb: bool = False
    clipboard: str = ""  # its option set-clipboard


def colours(shape: str, depth: str, env: Mapping[str, str], tmux: Tmux | None) -> Check:
    """How many there are, and why."""
    words = {"true": "24-bit colours", "none": "no colours", "grey": "shades of grey"}
    says = f"{words.get(depth, f'{depth} colours')}, pictures of {shape}"
    facts = {"colours": depth, "shape": shape}
    if env.get("NO_COLOR"):
        return Check("colours", "fair", says, "NO_COLOR is set: unset it for colours.", facts)
    if depth == "true" and tmux is not None and not tmux.rgb:
        advice = (
            "tmux does not know that your terminal has 24-bit colours, and mixes them down:"
            " put set -as terminal-features ',*:RGB' into ~/.tmux.conf."
        )
        return Check("colours", "fair", says, advice, facts)
    if depth == "true":
        return Check("colours", "good", says, "", facts)
    advice = "If your terminal has 24-bit colours: export COLORTERM=truecolor"
    if env.get("SSH_CONNECTION"):
        advice += " (ssh does not pass it on), or --colours true"
    return Check("colours", "fair", says, f"{advice}.", facts)


def glyphs(widths: Mapping[str, int] | None, *, utf8: bool, plain: bool) -> Check:
    """Whether the signs take the cells that they should; ``widths`` where that was measured."""
    if plain:
        return Check("glyphs", "good", "ASCII only, as you wish or as this terminal needs it")
    if not utf8:
        advice = "Use a UTF-8 locale (LANG=C.UTF-8), or --glyphs ascii."
        return Check("glyphs", "bad", "the locale is not UTF-8", advice)
    if widths is None:
        return Check("glyphs", "unknown", "not measured: this terminal does not say")
    wrong = [sign for sign, width in widths.items() if width != 1]
    facts = {"measured": len(widths), "wrong": wrong}
    if not wrong:
        return Check("glyphs", "good", f"all {len(widths)} signs are one cell wide", "", facts)
    named = " ".join(f"{sign} (U+{ord(sign):04X})" for sign in wrong)
    says = f"not one cell wide here: {named}"
    advice = "Turn off “ambiguous characters are wide” in the terminal, or use --glyphs ascii."
    if all(sign in "🬞𜴀" for sign in wrong):
        advice = "They are only in --shape sextant and octant."
        return Check("glyphs", "fair", says, advice, facts)
    return Check("glyphs", "bad", says, advice, facts)


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a terminal takes pictures: bytes sent, seconds until they were all read, and back.

    ``frames`` so many of ``columns`` by ``rows`` cells, each drawn anew as a whole.
    """

    bytes: int
    frames: int
    seconds: float
    round_trip: float
    cells: int = 0


def picture_speed(speed: Speed | None, tmux: Tmux | None) -> Check:
    """Whether a face moves well here."""
    if speed is None or speed.seconds <= 0:
        return Check("picture", "unknown", "not measured: this terminal does not answer")
    rate = speed.bytes / speed.seconds
    fps = rate / FRAME
    says = (
        f"{rate / 1e6:,.1f} MB/s ({speed.frames} whole pictures in {speed.seconds:.2f} s),"
        f" {speed.round_trip * 1000:,.0f} ms there and back:"
        f" {'25' if fps >= FPS else f'about {fps:.0f}'} frames a second"
    )
    facts = {"bytes_per_second": round(rate), "round_trip_ms": round(speed.round_trip * 1000, 1)}
    if fps < FPS:
        advice = "It will get coarser by itself; a smaller window or --fps 12 helps."
        return Check("picture", "fair" if fps > 5 else "bad", says, advice, facts)
    if speed.round_trip > FAR:
        advice = "Typing will feel slow: the line is long."
        return Check("picture", "fair", says, advice, facts)
    if tmux is not None:
        advice = "Inside tmux it is tmux that answers: use --max-kbps where the line is slow."
        if tmux.version < OLD_TMUX and tmux.version != (0, 0):
            advice += " Pictures may tear before tmux 3.4."
        return Check("picture", "good", says, advice, facts)
    return Check("picture", "good", says, "", facts)


def copying(way: str, sort: str, tmux: Tmux | None) -> Check:
    """Which way copies go."""
    facts = {"way": sort}
    if sort == "file":
        advice = 'Set copy = "osc52" where your terminal does take copies.'
        return Check("copy", "fair", "into a file: this terminal takes no copies", advice, facts)
    says = f"goes to {way}"
    if sort == "tmux" and tmux is not None and tmux.clipboard == "off":
        advice = "tmux keeps it to itself: put set -s set-clipboard on into ~/.tmux.conf."
        return Check("copy", "fair", says, advice, facts)
    if sort in ("terminal", "tmux"):
        return Check("copy", "good", f"{says}; whether that takes it, no terminal tells", "", facts)
    return Check("copy", "good", says, "", facts)


# Sound


def sound(sink: str, wanted: str, devices: Sequence[str], hint: str) -> Check:
    """Where it will be heard; ``sink`` is what ``wanted`` comes to."""
    facts = {"sink": sink, "devices": len(devices)}
    if sink == "none" and wanted == "none":
        return Check("sound", "fair", "off, as you wish: captions instead", "", facts)
    if sink == "none":
        return Check("sound", "fair", "none over SSH: captions instead", hint, facts)
    if not devices and sink in ("auto", "pulse", "sounddevice"):
        advice = "Captions come instead. To hear it in a browser: --audio web"
        return Check("sound", "bad", "no device is found", advice, facts)
    where = devices[0] if devices and sink in ("auto", "pulse", "sounddevice") else sink
    return Check("sound", "good", where, "", facts)


def microphone(devices: Sequence[str], *, remote: bool) -> Check:
    """What could be spoken into; nothing is recorded to find out."""
    facts = {"devices": len(devices)}
    if devices:
        return Check("microphone", "good", devices[0], "", facts)
    advice = "You can write instead."
    if remote:
        advice += " did-tui devices has the command that brings yours here."
    return Check("microphone", "fair", "none is found", advice, facts)


# The network


@dataclass(frozen=True, slots=True)
class Knocked:
    """What became of asking a service for anything; ``trouble`` says why nothing came."""

    host: str
    seconds: float = 0.0
    status: int = 0
    tls: str = ""
    issuer: str = ""
    trouble: str = ""
    proxy: str = ""


def network(found: Knocked, addresses: int | None, trouble: str) -> Check:
    """Whether the name is known; ``addresses`` is None where it was not looked up."""
    by = f", by the proxy {found.proxy}" if found.proxy else ""
    if addresses:
        many = "1 address" if addresses == 1 else f"{addresses} addresses"
        return Check("network", "good", f"{found.host} has {many}{by}")
    if found.proxy:
        return Check("network", "good", f"{found.host} is left{by}")
    if addresses is None:
        return Check("network", "unknown", "not asked")
    advice = "Check the network and its DNS; behind a company proxy, set HTTPS_PROXY."
    return Check("network", "bad", f"{found.host} is not known: {trouble}", advice)


def tls(found: Knocked, *, checked: bool) -> Check:
    """Whether the connection is secret and with whom it should be."""
    if not checked:
        return Check("TLS", "unknown", f"{found.host} is plain HTTP")
    if found.tls:
        by = f", certified by {found.issuer}" if found.issuer else ""
        return Check("TLS", "good", f"{found.tls}{by}", "", {"version": found.tls})
    if "certificate" in found.trouble:
        advice = "Set SSL_CERT_FILE to the certificate of your company's proxy."
        return Check("TLS", "bad", found.trouble, advice)
    return Check("TLS", "unknown", "no connection to look at")


def service(name: str, found: Knocked) -> Check:
    """Whether it answers; what it answers without a key does not matter."""
    if found.trouble:
        advice = "Is its address right? status.d-id.com tells when D-ID is down."
        return Check(name, "bad", found.trouble, advice)
    facts = {"host": found.host, "ms": round(found.seconds * 1000), "status": found.status}
    says = f"{found.host} answers after {found.seconds * 1000:,.0f} ms"
    if found.status >= 500:
        return Check(name, "bad", f"{says}, with {found.status}", "Try again later.", facts)
    return Check(name, "good", says, "", facts)


def key(where: str, said: str, trouble: str, advice: str) -> Check:
    """Whether D-ID takes the key, which is never shown."""
    if not where:
        return Check("key", "unknown", "there is none", "did-tui asks for one, or did-tui demo.")
    if trouble:
        return Check("key", "bad", f"{where}: {trouble}", advice, {"where": where})
    return Check("key", "good", f"{where}: {said}", "", {"where": where})


def udp(server: str, seconds: float, trouble: str, *, translated: bool) -> Check:
    """Whether media comes through directly; ``server`` is who was asked, "" for nobody."""
    if not server:
        return Check("UDP", "unknown", "nobody was asked: --stun HOST:PORT asks a STUN server")
    if trouble:
        advice = (
            "Media then needs D-ID's relay over TCP or TLS, and comes later;"
            " --agent AGENT tries the relays."
        )
        return Check("UDP", "fair", f"{server} does not answer: {trouble}", advice)
    nat = "behind a router that translates" if translated else "with an address of its own"
    says = f"{server} answers after {seconds * 1000:,.0f} ms, {nat}"
    return Check("UDP", "good", says, "", {"ms": round(seconds * 1000), "nat": translated})


def relays(tried: Sequence[tuple[str, str]] | None, agent: str, trouble: str) -> Check:
    """Whether the servers that D-ID names do what they should: each with its trouble, or "".

    ``tried`` is None where no stream was opened to hear of them.
    """
    if trouble:
        return Check("relays", "bad", trouble, "Is the agent's id right?")
    if tried is None:
        says = "not tried: D-ID names them only with a stream"
        return Check("relays", "unknown", says, "--agent AGENT opens one for a moment.")
    if not tried:
        return Check("relays", "good", f"{agent} needs none")
    bad = [f"{name}: {why}" for name, why in tried if why]
    facts = {"tried": len(tried), "bad": len(bad)}
    if not bad:
        return Check("relays", "good", f"all {len(tried)} servers answer", "", facts)
    says = f"{len(tried) - len(bad)} of {len(tried)} servers answer. {'; '.join(bad)}"
    if len(bad) < len(tried):
        return Check("relays", "fair", says, "One that works is enough.", facts)
    advice = "A firewall lets no media out: ask for UDP 3478 or TCP 443 to D-ID's relays."
    return Check("relays", "bad", says, advice, facts)
