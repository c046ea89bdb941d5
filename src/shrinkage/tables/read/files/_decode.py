"""From a path to text: the file system's, the compression's and the encoding's ways to go wrong."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import stat
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from shrinkage._errors import RequestError, called, shown

__all__ = [
    "LARGEST",
    "bytes_of",
    "decode",
    "decompress",
    "file_bytes",
    "is_workbook",
    "open_bytes",
    "plain_utf8",
]

LARGEST = 4 * 2**30
"""Bytes that a compressed file may grow to: beyond it a small file could fill the memory."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is a prefix of it
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MACS = re.compile(r"^__MACOSX/|(^|/)\.(DS_Store|_[^/]*)$")
"""What macOS adds to an archive."""
_TABLE = re.compile(r"\.(csv|tsv|tab|xlsx|parquet|pq)(\.(gz|bz2|xz))?$", re.IGNORECASE)
"""The end of a table's name; a .txt beside it is more likely an explanation."""
_HTML = re.compile(r"\s*<(!doctype|html|head|body|table)\b", re.IGNORECASE)
_XML = re.compile(r"\s*<\?xml\b", re.IGNORECASE)
_JSON = re.compile(r"""\s*(\{\s*("|\}|$)|\[\s*([\[{"\]]|-?\d|$))""")


def file_bytes(path: str) -> bytes:
    """The bytes of a regular file, or the reason in a sentence why there are none."""
    with open_bytes(path) as stream:
        return bytes_of(stream, path)


def bytes_of(stream: IO[bytes], path: str, size: int = -1) -> bytes:
    """The first bytes of a file, all by default; a file without any is refused."""
    try:
        data = stream.read(size)
    except OSError as error:
        raise RequestError(f"{shown(path)} cannot be read: {error.strerror or error}.") from error
    if not data:
        what = "standard input" if path == "-" else shown(path)
        raise RequestError(f"{what} is empty (0 bytes).")
    return data


@contextmanager
def open_bytes(path: str) -> Iterator[IO[bytes]]:
    """A regular file, or standard input for `-`, to read from."""
    if re.match(r"[a-z][a-z0-9+.-]+://", path, re.IGNORECASE):
        raise RequestError(
            f"{shown(path)} is a web address: download the file first, nothing is fetched here."
        )
    if path == "-":
        yield sys.stdin.buffer
        return
    file = Path(path)
    try:
        mode = file.stat().st_mode
        stream = file.open("rb") if stat.S_ISREG(mode) else None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RequestError(f"{shown(path)} cannot be read: {reason}.") from error
    if stat.S_ISDIR(mode):
        raise RequestError(f"{shown(path)} is a folder: name a CSV or Parquet file in it.")
    if stream is None:
        raise RequestError(f"{shown(path)} is not a regular file: save the table to a file first.")
    with stream:
        yield stream


def decompress(data: bytes, name: str) -> bytes:
    """`data` decompressed if its first bytes say gzip, bzip2, xz, zstandard, zip or tar (with one table).

    What is compressed more than once, such as a gzip file in a zip file, is decompressed to the end; an Excel sheet is
    left as it is.
    """
    for _ in range(3):
        open_ = _opener(data, name)
        if open_ is None:
            break
        try:
            with open_() as stream:
                content = stream.read(LARGEST + 1)
        except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError) as error:
            raise RequestError(f"{name}: the compressed file is damaged or cut off ({error}).") from error
        if len(content) > LARGEST:
            raise RequestError(
                f"{name} grows beyond {LARGEST // 2**30} GiB when decompressed: decompress it first."
            )
        if not content.strip():
            raise RequestError(f"{name} is empty: the compressed file holds no text.")
        data = content
    return data


def is_workbook(data: bytes) -> bool:
    """Whether the bytes are those of an Excel file (.xlsx)."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _opener(data: bytes, name: str) -> Callable[[], IO[bytes]] | None:
    if data.startswith(b"\x1f\x8b"):
        return lambda: gzip.open(io.BytesIO(data), "rb")  # pyright: ignore[reportReturnType] (a GzipFile reads bytes)
    if data.startswith(b"BZh"):
        return lambda: bz2.open(io.BytesIO(data), "rb")
    if data.startswith(b"\xfd7zXZ\x00"):
        return lambda: lzma.open(io.BytesIO(data), "rb")
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise RequestError(f"{name} is an old Excel or Office file: save it as .xlsx or CSV.")
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        return lambda: pa.CompressedInputStream(pa.BufferReader(data), "zstd")  # pyright: ignore[reportReturnType] (it reads bytes)
    if data.startswith((b"7z\xbc\xaf'\x1c", b"Rar!")):
        raise RequestError(f"{name} is a 7-Zip or RAR archive, which is not read here: unpack it first.")
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")) and not is_workbook(data):
        return lambda: _of_zip(data, name)
    if data[257:262] == b"ustar":
        return lambda: _of_tar(data, name)
    return None


def _of_zip(data: bytes, name: str) -> IO[bytes]:
    """The table of a zip file."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    files = [info.filename for info in archive.infolist() if not info.is_dir()]
    if "[Content_Types].xml" in files:
        raise RequestError(f"{name} is an Office file but not an Excel sheet: save the table as CSV.")
    return archive.open(_only_table(files, name, "zip"))


def _of_tar(data: bytes, name: str) -> IO[bytes]:
    """The table of a tar file."""
    try:
        archive = tarfile.open(fileobj=io.BytesIO(data))  # noqa: SIM115 (the member that is returned reads from it)
        members = {info.name: info for info in archive.getmembers() if info.isfile()}
        stream = archive.extractfile(members[_only_table(list(members), name, "tar")])
    except tarfile.TarError as error:
        raise OSError(str(error)) from error
    assert stream is not None  # a regular file has bytes
    return stream


def _only_table(files: Sequence[str], name: str, kind: str) -> str:
    """The only file of an archive, or the only one that its name says is a table."""
    files = [file for file in files if not _MACS.search(file)]
    tables = [file for file in files if _TABLE.search(file)]
    if len(tables) != 1:
        tables = files
    if len(tables) != 1:
        held = ", ".join(map(shown, files[:5])) + (", …" if files[5:] else "")
        raise RequestError(
            f"{name} holds {len(files)} files{f' ({held})' if held else ''}: give a {kind} file with one table, or the "
            "table itself."
        )
    return tables[0]


def decode(data: bytes, name: str, encoding: str | None) -> tuple[str, list[str]]:
    """The text of `data` and what was noticed; the encoding is given, marked in the file, or UTF-8: never guessed."""
    notes: list[str] = []
    if encoding is None:
        encoding = next((codec for mark, codec in _BOMS if data.startswith(mark)), "utf-8")
        if encoding.startswith(("utf-16", "utf-32")):
            notes.append(f"The file declares the encoding {encoding.upper()} and was read with it.")
    elif encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    if encoding.startswith("utf-8") and b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise RequestError(
            f"{name}, line {line}: a NUL byte, so this is not plain text. If it is UTF-16: --encoding {_wide(data)}."
        )
    text = _strictly(data, name, encoding)
    if not text.strip():
        raise RequestError(f"{name} is empty: it contains only blank lines.")
    kinds = {"HTML": _HTML, "XML": _XML, "JSON": _JSON}
    if kind := next((kind for kind, start in kinds.items() if start.match(text)), ""):
        raise RequestError(
            f"{name} looks like {kind}, not CSV: its first line is {shown(_first_line(text), 60)}. "
            f"{_conversion(kind, text, name)}"
        )
    return text, notes


def _conversion(kind: str, text: str, name: str) -> str:
    """How a file of another kind becomes CSV."""
    lines = [line for line in text.splitlines()[:3] if line.strip()]
    options = ""
    if (
        kind == "JSON"
        and len(lines) > 1
        and all(line.strip()[0] in "{[" and line.strip()[-1] in "}]" for line in lines)
    ):
        options = ", lines=True"
    reads = f"read_{kind.lower()}({name}{options}){'[0]' if kind == 'HTML' else ''}"
    if name == "standard input":
        return "Convert it with pandas first."
    return f"Convert it: `python -c \"import pandas; pandas.{reads}.to_csv('table.csv', index=False)\"`."


def _wide(data: bytes) -> str:
    """The UTF-16 that text may be in by where its zeros are: a mark would say so."""
    even, odd = data[:1000:2].count(0), data[1:1000:2].count(0)
    return "utf-16-be" if even > odd else "utf-16-le"


def plain_utf8(data: bytes) -> bytes | None:
    """The bytes without their mark if they may be read as they are: UTF-8 that looks like CSV. Else None."""
    if data.startswith(codecs.BOM_UTF8):
        data = data[len(codecs.BOM_UTF8) :]
    if data.startswith(tuple(mark for mark, _ in _BOMS)) or b"\0" in data:
        return None
    head = data[:10_000].decode("utf-8", errors="ignore")
    if not head.strip() or any(start.match(head) for start in (_HTML, _XML, _JSON)):
        return None
    try:
        offsets = pa.py_buffer(np.array([0, len(data)], dtype=np.int64))
        whole = pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(data)])
        whole.cast(pa.large_string())  # checks the bytes without a copy of the text
    except pa.ArrowException:
        return None
    return data


def _strictly(data: bytes, name: str, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except LookupError as error:
        raise RequestError(
            f"{called('encoding', encoding)} is not known. Common ones: utf-8, latin-1, utf-16."
        ) from error
    except UnicodeDecodeError as error:
        start = data.rfind(b"\n", 0, error.start) + 1
        line = data.count(b"\n", 0, error.start) + 1
        place = f"line {line}, byte {error.start - start + 1}"
        western = "cp1252" if re.search(rb"[\x80-\x9f]", data) else "latin-1"
        hint = (
            "" if "utf-8" not in encoding else f" If the file is in a Western encoding: --encoding {western}."
        )
        wrong = f"0x{data[error.start]:02X} is not {encoding.removesuffix('-sig').upper()}"
        raise RequestError(f"{name}, {place}: {wrong}.{hint}") from error


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0]
