"""Reading word vectors from the files in which they are published."""

import gzip
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.parameters import check_choice, check_number
from landbridge.kits.text.vectors import WordVectors
from landbridge.saving import write_beside

FORMATS = ("auto", "word2vec", "word2vec-binary", "glove", "fasttext")
_SAMPLE_BYTES = 4096


def read_word_vectors(
    path: str | os.PathLike,
    *,
    vocabulary: Iterable[str] | None = None,
    max_words: int | None = None,
    format: str = "auto",
    encoding: str = "utf-8",
    cache: str | os.PathLike | None = None,
) -> WordVectors:
    """Read word vectors of word2vec (text or binary), GloVe or fastText (``.vec``).

    The file is gone through once, word by word: only the vectors that are kept are in memory, so
    a file of gigabytes takes what its part in ``vocabulary`` does. With ``cache`` all of them are
    laid down as numbers once, and from then on mapped into memory: the file opens at once, and
    vectors are only read where they are used. A word that comes a second time is passed over.

    Parameters
    ----------
    path : path
        A file, also with ``.gz``. Those of fastText that end in ``.bin`` hold a model: save its
        vectors as ``.vec``.
    vocabulary : iterable of str, optional
        Keep these words only, such as those of both domains' texts.
    max_words : int, optional
        Stop after so many kept ones; files begin with the most frequent words.
    format : {"auto", "word2vec", "word2vec-binary", "glove", "fasttext"}, default="auto"
        ``"auto"`` looks at the first line, and whether what follows it is text.
    encoding : str, default="utf-8"
        Of the words.
    cache : path, optional
        A folder to lay vectors down in, as float32; a file that has changed is laid down anew.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty or cut off, of another format or encoding, or no word is in the vocabulary.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from landbridge.kits.text import read_word_vectors
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "glove.txt"
    ...     size = path.write_text("the 0.1 0.2\\ncat 1.0 2.0\\ndog 1.5 2.5\\n")
    ...     vectors = read_word_vectors(path, vocabulary=["dog", "cat"])
    >>> vectors.words.tolist(), vectors.vectors.shape
    (['cat', 'dog'], (2, 2))
    """
    path = Path(path)
    check_choice("format", format, FORMATS)
    check_number("max_words", max_words, words=(None,), least=1, whole=True)
    wanted = None if vocabulary is None else set(vocabulary)
    if cache is None:
        words, vectors = _collected(path, format, encoding, wanted, max_words)
    else:
        words, vectors = _mapped(path, format, encoding, Path(cache))
        if wanted is not None:
            kept = np.flatnonzero([word in wanted for word in words.tolist()])
            words, vectors = words[kept], vectors[kept]
        words, vectors = words[:max_words], vectors[:max_words]
    if not len(words):
        raise ValueError(
            f"{path} has no word of the vocabulary of {len(wanted or ())} words: look at their "
            "case and spelling, or leave vocabulary out."
        )
    return WordVectors(words, vectors)


def _collected(
    path: Path, format: str, encoding: str, wanted: set[str] | None, max_words: int | None
) -> tuple[NDArray, NDArray]:
    """The words and vectors that are wanted, in memory."""
    with _opened(path) as file:
        entries = _once(_entries(file, path, format, encoding, wanted))
        kept = dict(islice(entries, max_words))
    return np.array(list(kept)), np.array(list(kept.values()))


def _mapped(path: Path, format: str, encoding: str, cache: Path) -> tuple[NDArray, NDArray]:
    """All words, and their vectors mapped from a file of float32, made where there is none."""
    name = _fingerprint(path, format, encoding)
    words_path, numbers_path = cache / f"{name}.json", cache / f"{name}.float32"
    if not words_path.exists():  # it is written last, so that what it belongs to is whole
        words = []
        with _opened(path) as file, write_beside(numbers_path) as numbers:
            for word, vector in _once(_entries(file, path, format, encoding, None)):
                words.append(word)
                numbers.write(vector.astype("<f4").tobytes())
        with write_beside(words_path) as beside:
            beside.write(json.dumps(words).encode())
    words = json.loads(words_path.read_bytes())
    numbers = np.memmap(numbers_path, dtype="<f4", mode="r")
    return np.array(words), np.asarray(numbers).reshape(len(words), -1)


def _fingerprint(path: Path, format: str, encoding: str) -> str:
    """A name for what would be read: the file by its place, size and time."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: check the path.")
    stat = path.stat()
    told = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns} {format} {encoding}"
    return f"{path.stem}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def _once(entries: Iterable[tuple[str, NDArray]]) -> Iterator[tuple[str, NDArray]]:
    """The entries whose word has not come before."""
    seen: set[str] = set()
    for word, vector in entries:
        if word not in seen:
            seen.add(word)
            yield word, vector


def _opened(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: check the path.")
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _entries(
    file: Any, path: Path, format: str, encoding: str, wanted: set[str] | None
) -> Iterator[tuple[str, NDArray]]:
    """The words of a file that are wanted, with their vectors, one after the other."""
    first = file.readline()
    if not first.strip():
        raise ValueError(f"{path} is empty, expected word vectors: fetch it once more.")
    header = _header(first)
    if format == "auto":
        format = _sniffed(file, path, header)
        file.seek(0)
        file.readline()
    if format == "glove":
        file.seek(0)
        return _text_entries(file, path, None, encoding, wanted)
    if header is None:
        raise ValueError(
            f"{path} is not of the format {format!r}: its first line must be the number of words "
            f"and of dimensions, found {first[:40]!r}. GloVe's files have no such line: "
            'format="glove".'
        )
    if format == "word2vec-binary":
        return _binary_entries(file, path, header, encoding, wanted)
    return _text_entries(file, path, header[1], encoding, wanted)


def _header(line: bytes) -> tuple[int, int] | None:
    """The two numbers of a first line that says how many words and dimensions there are."""
    fields = line.split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):
        return None
    return int(fields[0]), int(fields[1])


def _sniffed(file: Any, path: Path, header: tuple[int, int] | None) -> str:
    if header is None:
        file.seek(0)
        sample = file.read(_SAMPLE_BYTES)
        if b"\x00" in sample:
            raise ValueError(
                f"{path} is binary, but not of word2vec. A fastText model (.bin) must be saved as "
                ".vec first."
            )
        return "glove"
    fields = file.readline(64 * (header[1] + 2)).split()
    return (
        "word2vec" if len(fields) > header[1] and _are_numbers(fields[-2:]) else "word2vec-binary"
    )


def _are_numbers(fields: list[bytes]) -> bool:
    try:
        return all(np.isfinite(float(field)) for field in fields)
    except ValueError:
        return False


def _text_entries(
    file: Any, path: Path, n_dimensions: int | None, encoding: str, wanted: set[str] | None
) -> Iterator[tuple[str, NDArray]]:
    for number, line in enumerate(file, start=1):
        line = line.rstrip()
        if not line:
            continue
        if n_dimensions is None:
            n_dimensions = line.count(b" ")
        # Words may hold blanks (in GloVe's 840B some do): the numbers are the last fields.
        raw, *numbers = line.rsplit(b" ", n_dimensions)
        word = _decoded(raw.strip(), path, encoding)
        if len(numbers) < n_dimensions or n_dimensions < 1:
            raise ValueError(
                f"{path}: entry {number}, {word[:30]!r}, has {len(numbers)} numbers, expected "
                f"{n_dimensions}. The file may be cut off or of another format."
            )
        if wanted is None or word in wanted:
            yield word, _numbers(numbers, path, word)


def _numbers(fields: list[bytes], path: Path, word: str) -> NDArray[np.float32]:
    try:
        return np.array(fields, dtype=np.float32)
    except ValueError:
        raise ValueError(
            f"{path}: the entry {word[:30]!r} does not go on with numbers. The file is damaged or "
            "holds no word vectors."
        ) from None


def _binary_entries(
    file: BinaryIO, path: Path, header: tuple[int, int], encoding: str, wanted: set[str] | None
) -> Iterator[tuple[str, NDArray]]:
    n_words, n_dimensions = header
    size = 4 * n_dimensions
    for number in range(n_words):
        raw = _up_to_blank(file)
        numbers = file.read(size)
        if len(numbers) < size:
            raise ValueError(f"{path} is cut off after {number} of {n_words} words.")
        word = _decoded(raw.lstrip(b"\n"), path, encoding)
        if wanted is None or word in wanted:
            yield word, np.frombuffer(numbers, dtype="<f4").astype(np.float32)


def _up_to_blank(file: BinaryIO) -> bytes:
    found = bytearray()
    while (byte := file.read(1)) not in (b" ", b""):
        found += byte
    return bytes(found)


def _decoded(raw: bytes, path: Path, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except LookupError:
        raise ValueError(f"There is no encoding {encoding!r}: try utf-8 or latin-1.") from None
    except UnicodeDecodeError:
        if encoding.replace("-", "").lower() == "utf8":
            # word2vec cuts long words anywhere, in the middle of a letter too.
            return raw.decode(encoding, errors="replace")
        raise ValueError(
            f"{path}: the word {raw[:30]!r} is not {encoding}. Set encoding."
        ) from None
