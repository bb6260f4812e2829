"""Files of this computer as documents: no I/O.

D-ID fetches documents from the web and documents no upload for them (protocol 2.4); the emulator
takes what is in the address itself.
"""

from __future__ import annotations

import base64
import mimetypes
from pathlib import PurePath
from urllib.parse import urlsplit

#: What a person is told who gives a file to D-ID itself.
NEEDS_ADDRESS = "D-ID fetches documents from the web: put the file where it has an address."
_TYPES = {".pdf": "pdf", ".ppt": "powerpoint", ".pptx": "powerpoint"}


def is_address(source: str) -> bool:
    """Whether this is an address, and no file of this computer."""
    return "://" in source or source.startswith("data:")


def inline(name: str, content: bytes) -> str:
    """A file as an address that holds it."""
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def name_in(source: str) -> str:
    """What a document may be called: the end of its address, or of the path of a file."""
    if source.startswith("data:"):
        return source.partition(",")[0]
    try:
        path = urlsplit(source).path if "://" in source else source
    except ValueError:
        return source
    return path.rstrip("/").rpartition("/")[2] or source


def document_type(name: str) -> str:
    """``pdf``, ``powerpoint`` or ``text``, by the end of a name."""
    return _TYPES.get(PurePath(name).suffix.lower(), "text")


def is_image(name: str) -> bool | None:
    """Whether a file is a picture or a recording by its name; None where it is neither."""
    kind = (mimetypes.guess_type(name)[0] or "").partition("/")[0]
    return {"image": True, "audio": False}.get(kind)
