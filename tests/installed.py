"""Whether what is installed is all that there is in a source tree: ``installed.py did_tui``.

``.ci/run`` asks it in an environment that has a wheel and no source.
"""

from __future__ import annotations

import sys
from pathlib import Path

import did_tui

source, installed = Path(sys.argv[1]).resolve(), Path(did_tui.__file__).parent
assert installed != source, "the source itself was imported"


def files(root: Path) -> set[str]:
    """Every file, but what Python has made."""
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


missing = files(source) ^ files(installed)
assert not missing, f"not in both: {sorted(missing)}"
assert "py.typed" in files(installed)
print(f"{len(files(installed))} files are installed in {installed.parent.parent.parent.name}")
