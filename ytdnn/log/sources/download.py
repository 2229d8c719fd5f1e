"""Download of MovieLens from GroupLens and KuaiRand from Zenodo, with checksums.

Uses `pooch`, which writes a file only if it is complete and its checksum agrees.
"""

import pathlib
import re
from collections.abc import Collection

import pooch
import requests

from ytdnn.base import errors, progress
from ytdnn.log import raw_log
from ytdnn.log.sources import archives

BASE_URL = "https://files.grouplens.org/datasets/movielens/"

# As GroupLens publishes them in the `.md5` file beside each zip.
MD5: dict[str, str | None] = {
    "ml-100k": "0e33842e24a9c977be4e0107933c0723",
    "ml-latest-small": None,  # the edition changes: its `.md5` is fetched too
    "ml-1m": "c4d9eecfca2ab87c1945afe126590906",
    "ml-10m": "ce571fd55effeba0271552578f2648bd",
    "ml-20m": "cd245b17a1ae2cc31bb14903e1204af3",
    "ml-25m": "6b51fb2759a8657d3bfcbfc42b592ada",
    "ml-32m": "d472be332d4daa821edc399621853b57",
}

KUAIRAND_RECORD = "https://zenodo.org/records/10439422"
KUAIRAND_URL = f"{KUAIRAND_RECORD}/files/"
# Each archive with the MD5 that the record on Zenodo shows beside it.
KUAIRAND = {
    "1k": ("KuaiRand-1K.tar.gz", "6b0b9c8222d67fcd4c676218edca3f1f"),
    "pure": ("KuaiRand-Pure.tar.gz", "0820331067a3784d9691136f772b35a7"),
}


def fetch(name: str) -> pathlib.Path:
    """Returns the zip of a MovieLens edition, from the cache or from GroupLens.

    Args:
      name: A key of `MD5`.

    Raises:
      errors.UserError: The edition is unknown, there is no network, or the checksum of
        the download differs.
    """
    _require_edition("MovieLens", name, MD5)
    file = f"{name}.zip"
    return _retrieve(BASE_URL + file, f"md5:{MD5[name] or _published_md5(file)}")


def fetch_kuairand(name: str) -> pathlib.Path:
    """Returns the archive of a KuaiRand edition, from the cache or from Zenodo.

    Args:
      name: A key of `KUAIRAND`.

    Raises:
      errors.UserError: The edition is unknown, there is no network, or the checksum of
        the download differs.
    """
    _require_edition("KuaiRand", name, KUAIRAND)
    file, md5 = KUAIRAND[name]
    return _retrieve(KUAIRAND_URL + file, f"md5:{md5}")


def _require_edition(log: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        received = f"received {name!r}" if name else "received neither"
        raise errors.UserError(
            f"expected --data_dir, or a {log} edition to download in "
            f"--config.data.name (one of {', '.join(known)}), {received}"
        )


def _published_md5(file: str) -> str:
    """Returns the MD5 in the published `.md5` file, which is cached with the zip."""
    cached = archives.cache_directory() / f"{file}.md5"
    if not (cached.is_file() and (cached.parent / file).is_file()):
        cached.unlink(missing_ok=True)
        cached = _retrieve(BASE_URL + cached.name, None)
    match = re.search(r"\b[0-9a-f]{32}\b", cached.read_text(errors="replace").lower())
    if match is None:
        cached.unlink()
        raise errors.UserError(
            f"expected an MD5 in {BASE_URL}{file}.md5, found something else: fetch the "
            f"zip yourself and pass its path with --data_dir"
        )
    return match.group()


def _retrieve(url: str, known_hash: str | None) -> pathlib.Path:
    file = url.rpartition("/")[2]
    pooch.get_logger().setLevel("WARNING")
    if not (archives.cache_directory() / file).exists():
        progress.say(f"downloading {url}")
    try:
        path = pooch.retrieve(
            url,
            known_hash=known_hash,
            fname=file,
            path=archives.cache_directory(),
            downloader=pooch.HTTPDownloader(timeout=30),
        )
    except (requests.RequestException, OSError) as error:
        raise errors.UserError(
            f"could not download {url} ({raw_log.brief(_reason(error))}): fetch it "
            f"where there is a network and pass its path with --data_dir"
        ) from None
    except ValueError as error:
        if "hash" not in str(error):
            raise
        raise errors.UserError(
            f"expected {known_hash} of {url}, received a file with another checksum: "
            f"try again, or fetch it yourself and pass its path with --data_dir"
        ) from None
    return pathlib.Path(path)


def _reason(error: BaseException) -> str:
    """The name of the failure without the nested reports of urllib3."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    return type(error).__name__
