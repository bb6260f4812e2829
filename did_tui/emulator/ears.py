"""Whether somebody has said something: by loudness alone, for words need a recogniser. No I/O."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

LOUD = 0.02  # root mean square, of 1, from which sound counts as speech
LEAST = 0.4  # seconds of it that are something said, and no click
PAUSE = 0.8  # seconds of silence that end it


class Ears:
    """Listens to one microphone."""

    def __init__(self) -> None:
        self._loud = self._quiet = 0.0

    def take(self, samples: npt.NDArray[Any], seconds: float) -> bool:
        """Take 16-bit sound of so many seconds; whether something has been said to its end."""
        level = float(np.sqrt(np.mean(np.square(samples / 32768)))) if samples.size else 0.0
        if level >= LOUD:
            self._loud, self._quiet = self._loud + seconds, 0.0
            return False
        self._quiet += seconds
        if not self._loud or self._quiet < PAUSE:
            return False
        said, self._loud = self._loud >= LEAST, 0.0
        return said
