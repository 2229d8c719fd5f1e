"""`ytdnn serve` as a user starts, stops and kills it."""

import asyncio
import http.client
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
from typing import Any

import polars as pl
import pytest

from tests import untrained
from tests.ops.server import live
from ytdnn.ops.server import joined_log, settings, start
from ytdnn.run.cli import main

FLUSH_SECONDS = 0.5


@pytest.fixture
def workdir(small_run: untrained.Run, tmp_path: pathlib.Path) -> pathlib.Path:
    for name in ("bundle", "data"):
        shutil.copytree(small_run.workdir / name, tmp_path / name)
    return tmp_path


@pytest.mark.thorough
def test_what_it_says_and_how_it_ends(workdir: pathlib.Path) -> None:
    with live.in_process(workdir) as server:
        said = "\n".join(server.said)
        assert f"logged to {workdir}/served_log" in said
        assert f"POST /events         kept in {workdir}/state.db" in said
        assert "its users are not shown: see --inspect" in said
        assert "Traceback" not in said
        assert server.ask("/recommend", {"user_id": 7, "k": 2})[0] == 200
        taken = subprocess.run(
            live.command(f"--workdir={workdir}", f"--port={server.port}"),
            capture_output=True,
            text=True,
        )
        assert taken.returncode == 2
        assert taken.stderr.splitlines()[-1] == (
            f"ytdnn: error: could not listen on 127.0.0.1 port {server.port}: Address "
            f"already in use: choose another port with --port"
        )
        status, rest = server.end()
        assert status == 0
        assert "serving version 1, 30 videos: user_tower, ranker," in rest
        assert rest.splitlines()[-1] == "stopped"
        assert "Traceback" not in rest
    (part,) = (workdir / "served_log" / "answers").glob("*/*.parquet")
    assert pl.read_parquet(part)["user_id"].to_list() == ["7"]


def test_parts_of_an_answer_are_sent_without_delay(workdir: pathlib.Path) -> None:
    """Else a body would wait for the client to acknowledge the head before it."""

    async def options() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            taken = writer.get_extra_info("socket")
            found.set_result(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        bound = start.bound(settings.Settings(bundle=workdir / "bundle", port=0))
        async with await asyncio.start_server(accepted, sock=bound):
            await asyncio.open_connection(*bound.getsockname())
            return await found

    assert asyncio.run(options()) != 0


@pytest.mark.thorough
def test_a_kill_loses_no_more_than_the_last_flush_interval(
    workdir: pathlib.Path,
) -> None:
    """Under load, and it goes on where it was started again; no part is torn."""
    for _ in range(2):
        answered: list[tuple[float, str]] = []
        with live.in_process(workdir, f"--flush_seconds={FLUSH_SECONDS}") as server:
            stop = threading.Event()

            def load(
                server: live.Process = server,
                stop: Any = stop,
                answered: list[tuple[float, str]] = answered,
            ) -> None:
                while not stop.is_set():
                    try:
                        status, body = server.ask(
                            "/recommend", {"user_id": "u", "k": 3}
                        )
                    except (OSError, http.client.HTTPException, ValueError):
                        return  # killed, perhaps in the midst of an answer
                    assert status == 200
                    answered.append((time.time(), body["request_id"]))

            threads = [threading.Thread(target=load) for _ in range(3)]
            for thread in threads:
                thread.start()
            time.sleep(6 * FLUSH_SECONDS)
            killed = time.time()
            server.end(signal.SIGKILL)
            stop.set()
            for thread in threads:
                thread.join(30)
            parts = list(
                (workdir / "served_log" / joined_log.ANSWERS).glob("*/*.parquet")
            )
            logged = pl.concat([pl.read_parquet(path) for path in parts])
            # A part is named by the moment it was begun: what came before is in one.
            last = max(int(path.name.partition("-")[0]) for path in parts) / 1e9
            must = [i for at, i in answered if at < last - 0.1]
            assert killed - last < FLUSH_SECONDS + 10  # a busy machine writes late
            assert len(must) > 5
            assert set(must) <= set(logged["request_id"])
            assert logged["request_id"].is_unique().all()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], "expected --workdir or --bundle, one of them"),
        (["--workdir=a", "--bundle=b"], "expected --workdir or --bundle"),
        (["--workdir=nowhere"], "expected a bundle in nowhere/bundle, found none"),
        (["--bundle=x", "--port=70000"], "expected --port to be a number of 0"),
        (["--bundle=x", "--host=0.0.0.0"], "expected a token to listen on 0.0.0.0"),
        (["--bundle=x", "--token_file=nowhere"], "expected a token in nowhere"),
        (["--bundle=x", "--flush_seconds=0"], "expected --flush_seconds to be"),
        (["--bundle=x", "--batching=maybe"], "expected --batching to be one of on"),
        (["--bundle=x", "--traces=maybe"], "expected --traces to be one of on, off"),
        (["--bundle=x", "--processes=0"], "expected --processes to be a number of 1"),
        (["--bundle=x", "--queue_seconds=x"], "expected --queue_seconds to be"),
    ],
)
def test_mistakes_are_one_line(
    flags: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["serve", *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line


def test_an_address_that_is_not_here(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_text('{"facts": {"version": 1}}')
    token = tmp_path / "token"
    token.write_text("x" * 20)
    flags = [f"--bundle={tmp_path}", "--host=203.0.113.7", f"--token_file={token}"]
    assert main.main(["serve", *flags]) == 2
    assert "could not listen on 203.0.113.7" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main.main(["serve", f"--bundle={tmp_path}", f"--port={port}"]) == 2
    assert "choose another port with --port" in capsys.readouterr().err


def test_join_log_says_what_it_made(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [f"--log={tmp_path}", f"--out={tmp_path / 'out'}"]
    assert main.main(["join-log", *flags]) == 2
    assert "found no answers" in capsys.readouterr().err
    assert main.main(["join-log", *flags, "--wait=soon"]) == 2
    assert "expected --wait to be a number of seconds" in capsys.readouterr().err
