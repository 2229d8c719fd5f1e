"""Downloads from a server on this machine; nothing here needs a network."""

import functools
import hashlib
import http.server
import socket
import threading

import pytest

from tests import refusals
from ytdnn.base import errors
from ytdnn.log.sources import download


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a directory without a word, noting what was asked."""

    asked: list[str] = []  # noqa: RUF012 (one server a test)

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Returns the directory that stands in for GroupLens."""
    directory = tmp_path / "upstream"
    directory.mkdir()
    _Quiet.asked.clear()
    handler = functools.partial(_Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{running.server_address[1]}/"
        monkeypatch.setattr(download, "BASE_URL", url)
        monkeypatch.setenv("YTDNN_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield directory
        running.shutdown()


def _publish(directory, monkeypatch, content=b"a zip", md5=None):
    (directory / "ml-1m.zip").write_bytes(content)
    monkeypatch.setitem(download.MD5, "ml-1m", md5 or hashlib.md5(content).hexdigest())


def _line(name="ml-1m"):
    return refusals.line(download.fetch, name)


def test_good_checksum_is_kept_and_not_asked_for_again(server, monkeypatch, tmp_path):
    _publish(server, monkeypatch, b"x" * 100_000)
    path = download.fetch("ml-1m")
    assert path == tmp_path / "cache/ml-1m.zip"
    assert path.read_bytes() == b"x" * 100_000
    assert download.fetch("ml-1m") == path
    assert _Quiet.asked == ["/ml-1m.zip"]


def test_bad_checksum_is_refused_and_not_kept(server, monkeypatch, tmp_path):
    _publish(server, monkeypatch, b"tampered", md5="0" * 32)
    assert _line() == (
        f"expected md5:{'0' * 32} of {download.BASE_URL}ml-1m.zip, received a file "
        f"with another checksum: try again, or fetch it yourself and pass its path "
        f"with --data_dir"
    )
    assert not (tmp_path / "cache/ml-1m.zip").exists()


def test_refused_connection_names_the_url_and_the_flag(monkeypatch, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    monkeypatch.setattr(download, "BASE_URL", url)
    monkeypatch.setenv("YTDNN_CACHE", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert _line() == (
        f"could not download {url}ml-1m.zip (ConnectionError): fetch it where there is "
        f"a network and pass its path with --data_dir"
    )


def test_absent_file_upstream(server):
    assert "ml-32m.zip (HTTP status 404): fetch it" in _line("ml-32m")


@pytest.mark.parametrize("form", ["{md5}  {file}\n", "MD5 ({file}) = {md5}\n"])
def test_latest_small_is_checked_against_the_md5_beside_it(server, form):
    content = b"this year's edition"
    md5 = hashlib.md5(content).hexdigest()
    (server / "ml-latest-small.zip").write_bytes(content)
    (server / "ml-latest-small.zip.md5").write_text(
        form.format(md5=md5, file="ml-latest-small.zip")
    )
    path = download.fetch("ml-latest-small")
    assert path.read_bytes() == content
    assert download.fetch("ml-latest-small") == path
    assert sorted(_Quiet.asked) == ["/ml-latest-small.zip", "/ml-latest-small.zip.md5"]


def test_unknown_edition_lists_the_known():
    line = _line("ml-2m")
    assert "one of ml-100k, ml-latest-small, ml-1m, ml-10m, ml-20m, ml-25m" in line
    assert line.endswith("received 'ml-2m'")
    assert _line("").endswith("received neither")


def test_kuairand_comes_with_its_checksum(server, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "KUAIRAND_URL", download.BASE_URL)
    content = b"an archive"
    (server / "KuaiRand-Pure.tar.gz").write_bytes(content)
    with pytest.raises(errors.UserError, match="a file with another checksum"):
        download.fetch_kuairand("pure")
    known = ("KuaiRand-Pure.tar.gz", hashlib.md5(content).hexdigest())
    monkeypatch.setitem(download.KUAIRAND, "pure", known)
    path = download.fetch_kuairand("pure")
    assert path == tmp_path / "cache/KuaiRand-Pure.tar.gz"
    assert path.read_bytes() == content
    with pytest.raises(errors.UserError, match=r"1K.tar.gz \(HTTP status 404\): fetch"):
        download.fetch_kuairand("1k")


def test_unknown_edition_of_kuairand_lists_the_known():
    assert refusals.line(download.fetch_kuairand, "") == (
        "expected --data_dir, or a KuaiRand edition to download in --config.data.name "
        "(one of 1k, pure), received neither"
    )
