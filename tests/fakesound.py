"""PortAudio as sounddevice shows it, without a device."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from did_tui.live.media.speaker import FRAME_BYTES


class FakeStream:
    """A device that asks for sound when the test says so."""

    def __init__(self, module: FakeSoundDevice, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.active = False
        self.closed = False
        self.device = 1
        self.latency = 0.1
        self._module = module

    def start(self) -> None:
        self.active = True

    def abort(self) -> None:
        self.active = False

    def close(self) -> None:
        self.closed = True

    def ask(self, frames: int, *, delay: float = 0.05, underflow: bool = False) -> bytes:
        out = bytearray(b"?" * frames * FRAME_BYTES)
        times = SimpleNamespace(currentTime=0.0, outputBufferDacTime=delay)
        flags = SimpleNamespace(output_underflow=underflow)
        self.settings["callback"](memoryview(out), frames, times, flags)
        return bytes(out)

    def bring(self, pcm: bytes) -> None:
        """The device has recorded something."""
        self.settings["callback"](memoryview(pcm), len(pcm) // 2, None, None)


class FakeSoundDevice:
    """The functions of sounddevice that are used, for a machine with one device."""

    class PortAudioError(Exception):
        pass

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.streams: list[FakeStream] = []
        self.looks: list[str] = []

    def RawInputStream(self, **settings: Any) -> FakeStream:
        return self.RawOutputStream(**settings)

    def RawOutputStream(self, **settings: Any) -> FakeStream:
        if self.fault is not None:
            raise self.fault
        self.streams.append(FakeStream(self, settings))
        return self.streams[-1]

    def fail(self, index: int | None = None) -> Any:
        raise self.PortAudioError("Error querying device 1")

    @staticmethod
    def _device(name: str, inputs: int, outputs: int) -> dict[str, Any]:
        channels = {"max_input_channels": inputs, "max_output_channels": outputs}
        return {"name": name, "hostapi": 0} | channels

    def query_devices(self, device: int | None = None) -> Any:
        if device is None:
            return [
                self._device("Microphone", 1, 0),
                self._device("Loudspeaker 1", 0, 2),
                self._device("Headset", 1, 2),
            ]
        return {"name": f"Loudspeaker {device}", "hostapi": 0}

    def query_hostapis(self, index: int | None = None) -> Any:
        api = {"name": "Core Audio", "default_output_device": 1, "default_input_device": 2}
        return (api,) if index is None else api

    def _terminate(self) -> None:
        self.looks.append("end")

    def _initialize(self) -> None:
        self.looks.append("begin")
