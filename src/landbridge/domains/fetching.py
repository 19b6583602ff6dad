"""Finding a data set's files: in ``LANDBRIDGE_DATA``, in the cache, or at their address."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

FOLDER_VARIABLE = "LANDBRIDGE_DATA"


@dataclass(frozen=True)
class DataFile:
    """A file of a data set: where it lies in the data folder, its checksum and its address.

    Without an address it is to be fetched by hand.
    """

    path: str
    sha256: str
    address: str | None = None


def find_file(file: DataFile, how: str) -> Path:
    """The file on this machine, its checksum verified, downloaded if it is not there.

    Looked for in the folder that the environment variable ``LANDBRIDGE_DATA`` names, then in
    the user's cache; then fetched from its address into the cache.

    Parameters
    ----------
    file : DataFile
        What to find.
    how : str
        How to get it by hand, for messages.

    Raises
    ------
    FileNotFoundError
        If it is not there and has no address.
    OSError
        If it cannot be downloaded.
    ValueError
        If the file found is not the one expected, by its SHA-256.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    places = [Path(folder) / file.path] if folder else []
    places.append(cache_folder() / file.path)
    for place in places:
        if place.exists():
            return _verified(place, file)
    if file.address is None:
        raise FileNotFoundError(
            f"{file.path} has to be fetched by hand: {how} Then put it at {places[0]}; its "
            "checksum is verified."
        )
    return _download(file, file.address, places[-1], how)


def cache_folder() -> Path:
    """Where downloaded data sets are kept for this user."""
    import pooch

    return Path(pooch.os_cache("landbridge"))


def _verified(place: Path, file: DataFile) -> Path:
    found = hashlib.sha256(place.read_bytes()).hexdigest()
    if found != file.sha256:
        raise ValueError(
            f"{place} is not the file expected: its SHA-256 is {found[:12]}…, expected "
            f"{file.sha256[:12]}…. Remove it and fetch it once more."
        )
    return place


def _download(file: DataFile, address: str, place: Path, how: str) -> Path:
    import pooch

    try:
        pooch.retrieve(
            address, known_hash=f"sha256:{file.sha256}", fname=place.name, path=place.parent
        )
    except OSError as error:
        raise OSError(
            f"{file.path} cannot be downloaded from {address} ({type(error).__name__}). Try "
            f"again, or set {FOLDER_VARIABLE} to a folder that holds it. {how}"
        ) from error
    return place
