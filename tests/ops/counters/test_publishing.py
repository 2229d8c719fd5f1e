"""Published counters: the answers of a server that has counted the same events."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest
from starlette import testclient

from tests import untrained
from tests.ops.server import conftest
from ytdnn.base import errors
from ytdnn.bundle import bundle, versions
from ytdnn.ops.counters import publishing
from ytdnn.ops.server import app
from ytdnn.ops.state import posted_events, sqlite_store
from ytdnn.run.cli import main
from ytdnn.run.pipeline import workdir as run_workdir

NOW = 1_603_600_000  # a day after the log's end
STOCK = """
import json, sys
import tensorflow as tf

call = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
given = json.load(sys.stdin)
inputs = call.structured_input_signature[1]
found = call(**{k: tf.constant([given[k]], of.dtype) for k, of in inputs.items()})
assert not any(name.startswith("ytdnn") for name in sys.modules)
print(json.dumps({k: v.numpy()[0].astype(str).tolist() for k, v in found.items()}))
"""


def shown(number: int, **more: object) -> dict[str, object]:
    told = {"kind": "impression", "user_id": "counted", "video_id": f"v{number % 9}"}
    return {**told, "time": NOW - 9 - number, "clicked": number % 3 > 0} | more


def test_stock_loading_answers_as_a_server_that_has_counted(
    untrained_run: untrained.Run, workdir: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    home, state = tmp_path / "run", tmp_path / "state.db"
    shutil.copytree(workdir, home)
    parts = app.Server(conftest.made(home, state=state, log=None, inspect=False))
    assert parts.state is not None
    assert parts.counters is not None
    parts.state.clock = lambda: NOW
    with testclient.TestClient(app.application(parts), conftest.ADDRESS) as client:
        server = conftest.Server(client, parts, untrained_run)
        request = server.filled()
        before = server.predict({"instances": [request]}).json()["predictions"][0]
        posted = server.post("/events", [shown(number) for number in range(60)])
        assert posted.status_code == 200, posted.text
        parts.counters.count(parts.served.current)
        live = server.predict({"instances": [request]}).json()["predictions"][0]
    assert live["scores"] != before["scores"]
    publisher = publishing.CountersPublisher(home, str(state), 2, lambda: NOW)
    assert publisher.publish() == 2
    process = subprocess.run(
        [sys.executable, "-c", STOCK, str(home / "bundle" / conftest.MODEL / "2")],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    stock = json.loads(process.stdout.splitlines()[-1])
    assert stock.keys() == live.keys()
    for name, values in live.items():
        if isinstance(np.ravel(values)[0], float):
            found = np.array(stock[name], float)
            np.testing.assert_allclose(found, values, rtol=1e-5, err_msg=name)
        else:
            assert stock[name] == np.array(values).astype(str).tolist(), name
    facts = bundle.load(home / "bundle", 2).manifest.facts
    assert facts["counted_to"] == facts["statistics_as_of"]["seconds"] == NOW + 1
    same, new = set(), set()
    for path in (home / "bundle" / "ranker" / "1").rglob("*"):
        if path.is_file():
            twin = pathlib.Path(str(path).replace("ranker/1", "ranker/2"))
            (same if os.path.samefile(path, twin) else new).add(path.name)
    assert "saved_model.pb" in same
    assert "variables.index" in new
    assert all(name.startswith("variables.") for name in new)
    assert publisher.publish() == 3
    assert versions.numbers(home / "bundle") == [2, 3]


def test_a_busy_run_gets_its_version_at_the_next_time(
    untrained_run: untrained.Run,
    workdir: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home, state = tmp_path / "run", tmp_path / "state.db"
    shutil.copytree(workdir, home)
    app.Server(conftest.made(home, state=state, log=None, inspect=False))
    said: list[str] = []
    busy = contextlib.ExitStack()
    busy.enter_context(run_workdir.lock(home))
    with pytest.raises(errors.BusyError, match=f"process {os.getpid()}"):
        publishing.publish_counters(home, str(state))

    def sleep(seconds: float) -> None:
        assert 0 < seconds <= 60
        if len(said) == 2:
            raise KeyboardInterrupt
        busy.close()

    monkeypatch.setattr(time, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        publishing.publish_counters(home, str(state), every=60, verbose=said.append)
    assert said[0].startswith("no version this time: another ytdnn")
    assert said[1].startswith("version 2: counters as of now")


def test_mistakes_are_one_line(
    workdir: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(errors.UserError, match="expected --keep to be 2 or more"):
        publishing.CountersPublisher(workdir, "state.db", 1)
    flags = [f"--workdir={workdir}", f"--state={tmp_path / 'none.db'}"]
    assert main.main(["counters", *flags]) == 2
    assert "expected the state of a server in" in capsys.readouterr().err
    state = sqlite_store.Database(tmp_path / "other.db")
    reader = posted_events.EventReader(pl.String())
    foreign = [shown(n, video_id=f"other {n}") for n in range(10)]
    state.add([reader.read(event, NOW) for event in foreign]).result()
    state.close()
    publisher = publishing.CountersPublisher(workdir, str(tmp_path / "other.db"), 2)
    with pytest.raises(errors.UserError, match='of this run, received "10 videos that'):
        publisher.publish()
    assert main.main(["counters", *flags, "--every=often"]) == 2
    assert "expected --every to be a whole number" in capsys.readouterr().err
