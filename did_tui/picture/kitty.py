"""A picture -> the bytes of the Kitty graphics protocol, which some terminals draw as pixels.

Protocol: https://sw.kovidgoyal.net/kitty/graphics-protocol/. A command is ``ESC _ G``, keys, ``;``,
base64 and ST. The picture goes as 24-bit RGB, not as 32: it is opaque, so that nothing is blended,
smaller, and quicker to deflate. zlib's quickest level takes 11 ms for 640 x 640 pixels of a talking
head and leaves a third of the bytes.

Video without flicker needs two image ids. The protocol says that data sent again for an id deletes
the image and all its placements first, and data of more than one chunk arrives in more than one
read: between them there would be nothing. So each frame is a new image, placed over the one before,
which is deleted when the new one is complete::

    number = kitty.other(number)
    write(cursor + kitty.frame(picture, cols, rows, image_id=number, replaces=kitty.other(number)))

The terminal places the picture where the cursor is when the last chunk arrives, and no other
graphics command may come between the chunks: a frame is written in one piece.

Clearing the screen (``CSI 2 J``), resetting the terminal and entering the alternate screen delete
images; writing text over them does not, whatever is below the text stays there. A picture with the
default ``z`` shows only where cells have the default background.
"""

from __future__ import annotations

import re
import zlib
from binascii import b2a_base64

import numpy as np

from did_tui.picture.cells import Words

#: Below INT32_MIN / 2: drawn under cells that have a background colour of their own.
BEHIND = -(1 << 30) - 1
#: The longest payload of one command, in bytes of base64; all but the last are a multiple of 4.
CHUNK = 4096

_START = b"\x1b_G"
_END = b"\x1b\\"
_QUERY_ID = 3121
_PIXEL = b2a_base64(zlib.compress(b"\0\0\0"), newline=False)

#: Asks whether a picture like ours can be read; it is neither kept nor shown. Every terminal
#: answers ``CSI c`` (DA1), so send that after it: an answer to that alone means no.
QUERY = _START + b"i=%d,a=q,t=d,f=24,o=z,s=1,v=1;" % _QUERY_ID + _PIXEL + _END

_ANSWER = re.compile(rb"\x1b_G(?:[^;\x1b]*,)?i=%d(?:,[^;\x1b]*)?;([^\x1b]*)\x1b\\" % _QUERY_ID)
_DA1 = re.compile(rb"\x1b\[\?[\d;]*c")


def supported(answers: bytes) -> bool | None:
    """What the answers to ``QUERY`` and DA1 say; None if neither has come yet."""
    if found := _ANSWER.search(answers):
        return found[1] == b"OK"
    return False if _DA1.search(answers) else None


def other(image_id: int) -> int:
    """The id to alternate with: 1 and 2 belong together, 3 and 4, and so on."""
    return image_id + 1 if image_id & 1 else image_id - 1


def frame(
    picture: Words,
    cols: int,
    rows: int,
    *,
    image_id: int,
    replaces: int = 0,
    placement: int = 1,
    z: int = BEHIND,
) -> bytes:
    """Show a picture on cols x rows cells, from the cursor on, which stays where it is.

    ``picture`` is (height, width) pixels of any size: the terminal scales it to the cells. The ids
    are 1 to 2**32 - 1; an image with the id ``replaces`` is deleted once this one is there. The
    terminal answers nothing.
    """
    if not picture.size or cols < 1 or rows < 1:
        return b""
    height, width = picture.shape
    keys = b"a=T,q=2,f=24,o=z,s=%d,v=%d,i=%d,p=%d,c=%d,r=%d,C=1,z=%d" % (
        width, height, image_id, placement, cols, rows, z,
    )  # fmt: skip
    data = b2a_base64(zlib.compress(_rgb(picture), 1), newline=False)
    parts: list[bytes] = []
    for start in range(0, len(data), CHUNK):
        more = start + CHUNK < len(data)
        # Later chunks may repeat only q, without which some terminals answer each of them.
        parts += _START, keys if not start else b"q=2", b",m=%d;" % more
        parts += data[start : start + CHUNK], _END
    if replaces:
        parts.append(delete(replaces))
    return b"".join(parts)


def delete(image_id: int) -> bytes:
    """Take an image off the screen and out of the terminal's memory."""
    return _START + b"a=d,d=I,i=%d,q=2" % image_id + _END


def _rgb(picture: Words) -> bytes:
    """(height, width) words -> height x width x 3 bytes of red, green, blue."""
    # Four words to three: five times as quick as copying three bytes of each four.
    words = np.zeros((picture.size + 3) // 4 * 4, np.uint32)
    np.bitwise_and(picture.ravel(), np.uint32(0x00FFFFFF), out=words[: picture.size])
    one, two, three, four = words.reshape(-1, 4).T
    threes = np.empty((len(one), 3), "<u4")
    threes[:, 0] = one | two << np.uint32(24)
    threes[:, 1] = two >> np.uint32(8) | three << np.uint32(16)
    threes[:, 2] = three >> np.uint32(16) | four << np.uint32(8)
    return threes.tobytes()[: picture.size * 3]
