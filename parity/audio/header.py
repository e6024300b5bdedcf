"""What a file's header says of its length, and whether that can be true.

Task: the bytes of a WAV or an MP3 -> samples declared and samples there, and, where the header is wrong but the samples
are whole, the bytes of a right one in its place. libsndfile believes both headers: of a WAV that declares nothing it
reads nothing, of an MP3 that declares half it reads half, and says nothing of either.

Source: Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" (RIFF), EBU Tech 3306 (RF64), ISO
11172-3 (MPEG audio frames); the frame of an MP3 that holds its length is Xing's, of which LAME's is a copy.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

UNKNOWN_LENGTH = 0x7FFF_F000
"""Bytes; programs that write a WAV into a pipe declare this or more, not knowing how long it will be."""

BLOCK = 1 << 22
"""Bytes of an MP3 that are looked through at a time."""

_BIT_RATES = {  # kbit/s by MPEG 1 or not, layer III
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # by version


@dataclass(frozen=True)
class Length:
    """What a header declares, against what follows it.

    Attributes
    ----------
    unit : `bytes` of samples, or `frames` of compressed audio
    declared : so many; None where it leaves it open, as a WAV that was written into a pipe does
    there : so many follow
    place, patch : where in the file a right header has other bytes, and which; none where it need not be mended
    """

    unit: str
    declared: int | None
    there: int
    place: int = 0
    patch: bytes = b""

    @property
    def truncated(self) -> bool:
        """Whether samples are missing."""
        return self.declared is not None and self.there < self.declared

    @property
    def mended(self) -> bool:
        """Whether the header was wrong of samples that are all there."""
        return bool(self.patch)


def find_length(file: BinaryIO) -> Length | None:
    """What the header of a WAV, an RF64 or an MP3 declares; None of anything else. The file is at its beginning after.

    Parameters
    ----------
    file : seekable, at any place
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    start = file.read(12)
    found = None
    if start[:4] in (b"RIFF", b"RF64", b"BW64") and start[8:] == b"WAVE":
        found = _wav_length(file, size)
    elif len(start) == 12 and (start[:3] == b"ID3" or start[0] == 0xFF):
        found = _mp3_length(file, start)
    file.seek(0)
    return found


def _wav_length(file: BinaryIO, size: int) -> Length | None:
    long_size = None
    while len(chunk := file.read(8)) == 8:
        declared = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"ds64":  # riff size, data size, samples: 64 bits each
            long_size = struct.unpack("<Q", file.read(16)[8:].ljust(8, b"\0"))[0]
            file.seek(declared - 16, io.SEEK_CUR)
        elif chunk[:4] == b"data":
            place, rest = file.tell() - 4, size - file.tell()
            if long_size is not None and declared == 0xFFFF_FFFF:
                return Length("bytes", long_size, rest)
            if declared >= UNKNOWN_LENGTH and rest < declared:
                return Length("bytes", None, rest)
            if declared == 0 and rest and not _only_chunks(file, rest):
                return Length("bytes", None, rest, place, b"\xff\xff\xff\xff")
            return Length("bytes", declared, rest)
        else:
            file.seek(declared + declared % 2, io.SEEK_CUR)
    return None


def _only_chunks(file: BinaryIO, rest: int) -> bool:
    """Whether what is left are further chunks, one after the other to the last byte: then there are no samples."""
    while rest >= 8:
        chunk = file.read(8)
        size = int.from_bytes(chunk[4:], "little")
        size += size % 2
        rest -= 8 + size
        if not chunk[:4].isascii() or not chunk[:4].decode().isprintable():
            return False
        file.seek(size, io.SEEK_CUR)
    return rest == 0


def _mp3_length(file: BinaryIO, start: bytes) -> Length | None:
    first = 0
    if start[:3] == b"ID3":  # ten bytes, and a size of seven bits in each of four bytes
        first = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(start[6:10], (21, 14, 7, 0), strict=True))
    file.seek(first)
    head = file.read(2_000)
    place = max(head.find(b"Xing"), head.find(b"Info"))
    length = _frame_bytes(head[:4])
    if length is None or not 0 < place <= 40 or len(head) < place + 12:
        return None
    if not head[place + 7] & 1:  # the flag of a number of frames
        return None
    declared = int.from_bytes(head[place + 8 : place + 12], "big")
    file.seek(first + length)
    there = sum(1 for _ in _frames(file))
    wrong = declared != there
    patch = there.to_bytes(4, "big") if wrong else b""
    return Length("frames", declared, there, first + place + 8 if wrong else 0, patch)


def _frames(file: BinaryIO) -> Iterator[None]:
    """One for every frame of MPEG audio from here, as far as they follow each other."""
    data, at = file.read(BLOCK), 0
    while True:
        if len(data) - at < 4:
            data, at = data[at:] + file.read(BLOCK), 0
        length = _frame_bytes(data[at : at + 4])
        if length is None:
            return
        if len(data) - at < length:
            data, at = data[at:] + file.read(BLOCK), 0
            if len(data) < length:
                return
        yield
        at += length


def _frame_bytes(head: bytes) -> int | None:
    """How long a frame of layer III is, its header of four bytes included; None where no such frame begins."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or head[1] >> 1 & 3 != 1:
        return None
    version, bit_rate, rate, padding = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or bit_rate in (0, 15) or rate == 3:
        return None
    first = version == 3
    return (144 if first else 72) * _BIT_RATES[first][bit_rate] * 1000 // _RATES[version][rate] + padding


class Mended(io.RawIOBase):
    """A file that reads as if other bytes stood at one place of it; sent before its beginning, it stays where it is.

    libsndfile is sent there by damaged headers, and asks where it is afterwards; what Python raises would be printed.

    Parameters
    ----------
    file : seekable, read only
    place, patch : as in `Length`
    """

    def __init__(self, file: BinaryIO, place: int, patch: bytes) -> None:
        self._file, self._place, self._patch = file, place, patch

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of the file; where it is now if there is no such place."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return self._file.tell()

    def tell(self) -> int:
        """As of the file."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """The file's bytes, but where the others stand."""
        if not self._patch:
            return self._file.read(size)
        start = self._file.tell()
        data = bytearray(self._file.read(size))
        for index, byte in enumerate(self._patch):
            if 0 <= (at := self._place + index - start) < len(data):
                data[at] = byte
        return bytes(data)

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """As `read`, into a buffer."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
