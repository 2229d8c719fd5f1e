"""`counters`: versions of a bundle in which only the counters are new.

TensorFlow Serving takes no events; it loads a version when its number grows. So the
counters and the live terms are counted to now from the state of `ytdnn serve`, and
published in a version whose other files are links to those of the one before.

The model is not loaded. TensorFlow keeps variables in files of data and one index: a
table of LevelDB, from each key to a `BundleEntryProto`. Only the index and the files
that hold a changed variable are made anew; the large ones hold one each.
"""

import dataclasses
import pathlib
import re
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.protobuf import tensor_bundle_pb2, trackable_object_graph_pb2

from ytdnn.base import errors, formats, user_paths
from ytdnn.bundle import bundle, versions
from ytdnn.ops.state import counter_state
from ytdnn.run.pipeline import graph, runner
from ytdnn.run.pipeline import workdir as run_workdir

_VARIABLES = "variables"
_AS_OF = "statistics_as_of"
_INDEX = "variables.index"
_GRAPH = b"_CHECKPOINTABLE_OBJECT_GRAPH"
_COPY = re.compile(r"_\d+$")
_FOOTER = 48  # bytes
_MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
_PLAIN = b"\0"  # kind of a block that is not compressed

Entries = dict[bytes, tensor_bundle_pb2.BundleEntryProto]


class CountersPublisher:
    """Publishes the counters of a run's bundle; the log is counted once a version."""

    def __init__(
        self,
        workdir: runner.Path,
        state: str,
        keep: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Opens the state.

        Args:
          workdir: Directory of the run.
          state: File or address of the state.
          keep: Number of versions to keep.
          clock: Function that returns the time, seconds since 1970.

        Raises:
          errors.UserError: There is no state, or fewer than two versions are kept.
        """
        self._workdir = user_paths.expanded(workdir)
        # A server still reads the one before.
        errors.require(keep >= 2, "--keep", "2 or more", keep)
        self._state = counter_state.CountedState(state, is_known=True)
        self._keep, self._clock = keep, clock
        self._number = 0

    def publish(self) -> int:
        """Publishes a version, and returns its number.

        Raises:
          errors.UserError: The bundle has no counters, or is not that of its run.
        """
        directory, moment = self._workdir / graph.BUNDLE.name, int(self._clock()) + 1
        with run_workdir.lock(self._workdir):
            known = bundle.load(directory)
            if known.version != self._number:
                self._state.open(self._workdir, known, moment)
            values = self._state.at(moment)
            changed: dict[str, bytes] = {}
            for name in known.manifest.facts["models"]:
                home = known.path(name) / _VARIABLES
                files = changed_files(home, values)
                place = home.relative_to(directory).as_posix()
                changed |= {f"{place}/{file}": text for file, text in files.items()}
            facts = known.manifest.facts | {bundle.COUNTED_TO: moment}
            if facts[_AS_OF]:
                facts[_AS_OF] = {"seconds": moment, "utc": formats.utc(moment)}
            manifest = dataclasses.replace(known.manifest, facts=facts)
            self._number = versions.revise(
                directory, manifest, lambda path: changed.get(path.as_posix())
            )
            versions.prune(directory, self._keep)
        return self._number


def publish_counters(
    workdir: runner.Path,
    state: str,
    *,
    every: float = 0.0,
    keep: int = 2,
    verbose: runner.Verbose = False,
) -> int:
    """Publishes versions of a run's bundle in which only the counters are new.

    Args:
      workdir: Directory of the run.
      state: File or address of the state of `ytdnn serve`.
      every: Seconds from one version to the next; 0: one version.
      keep: Number of versions to keep.
      verbose: As for all functions of `api`.

    Returns:
      The number of the last version.

    Raises:
      errors.BusyError: Another process works on the run, and `every` is 0; else the
        next version comes at its time.
      errors.UserError: See `CountersPublisher`.
    """
    say, publisher = runner.speaker(verbose), CountersPublisher(workdir, state, keep)
    while True:
        begin = time.monotonic()
        try:
            number = publisher.publish()
        except errors.BusyError as error:
            if not every:
                raise
            say(f"no version this time: {error}")
        else:
            used = time.monotonic() - begin
            say(f"version {number}: counters as of now, in {used:.1f} s")
            if not every:
                return number
        time.sleep(max(0.0, begin + every - time.monotonic()))


def changed_files(
    directory: pathlib.Path, values: Mapping[str, npt.NDArray]
) -> dict[str, bytes]:
    """Returns the new content of the files of variables that change, by their names.

    Args:
      directory: Directory `variables` of a SavedModel.
      values: Value of each variable by the name that it was made with; those that the
        model lacks are ignored.

    Raises:
      errors.UserError: The files are not those of a SavedModel.
    """
    header, entries = _read(directory / _INDEX)
    reader = tf.train.load_checkpoint(str(directory / "variables"))
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
        reader.get_tensor(_GRAPH.decode())
    )
    every = (each for node in graph.nodes for each in node.attributes)
    named = {each.checkpoint_key: _COPY.sub("", each.full_name) for each in every}
    given = {
        key: np.ascontiguousarray(values[name])
        for key in entries
        if (name := named.get(key.decode(), "")) in values
    }
    if not given:
        return {}
    total, files = tensor_bundle_pb2.BundleHeaderProto.FromString(header).num_shards, {}
    for number in {entries[key].shard_id for key in given}:
        name = f"variables.data-{number:05d}-of-{total:05d}"
        files[name] = _shard((directory / name).read_bytes(), number, entries, given)
    items = [(key, entries[key].SerializeToString()) for key in sorted(entries)]
    return files | {_INDEX: _table([(b"", header), *items])}


def _shard(
    data: bytes, number: int, entries: Entries, given: Mapping[bytes, npt.NDArray]
) -> bytes:
    """Returns the content of a file of data, and sets its entries."""
    own = [(e.offset, key) for key, e in entries.items() if e.shard_id == number]
    content = bytearray()
    for offset, key in sorted(own):
        entry = entries[key]
        value = data[offset : offset + entry.size]
        if key in given:
            value = given[key].tobytes()
            entry.size, (entry.crc32c,) = len(value), struct.unpack("<I", _crc(value))
            del entry.shape.dim[:]
            for size in given[key].shape:
                entry.shape.dim.add(size=size)
        entry.offset = len(content)
        content += value
    return bytes(content)


def _crc(data: bytes) -> bytes:
    """Returns the masked CRC-32C of bytes, which a TFRecord has after them."""
    with tempfile.TemporaryDirectory() as place:
        with tf.io.TFRecordWriter(f"{place}/record") as writer:
            writer.write(data)
        with open(f"{place}/record", "rb") as file:
            file.seek(-4, 2)
            return file.read()


def _read(path: pathlib.Path) -> tuple[bytes, Entries]:
    """Returns the header of an index, and its entries by key."""
    content = path.read_bytes()
    if content[-8:] != _MAGIC:
        raise errors.UserError(
            f"expected the index of a SavedModel's variables in {path}, found another "
            f"file: export the run again"
        )
    place = _varints(content, len(content) - _FOOTER, 2)[1]
    handle, _ = _varints(content, place, 2)
    values: dict[bytes, bytes] = {}
    for _, block in _items(content, *handle):
        values |= dict(_items(content, *_varints(block, 0, 2)[0]))
    header = values.pop(b"")
    of_key = tensor_bundle_pb2.BundleEntryProto.FromString
    return header, {key: of_key(value) for key, value in values.items()}


def _varints(data: bytes, place: int, number: int) -> tuple[list[int], int]:
    """Returns some integers of variable length, and the place after them."""
    values = []
    for _ in range(number):
        value = shift = 0
        while True:
            byte = data[place]
            value |= (byte & 127) << shift
            place, shift = place + 1, shift + 7
            if byte < 128:
                break
        values.append(value)
    return values, place


def _items(content: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yields the keys and values of a block."""
    if content[offset + size : offset + size + 1] != _PLAIN:
        raise errors.UserError(
            "expected an index of variables that is not compressed, found one that is"
        )
    block, key, place = content[offset : offset + size], b"", 0
    end = size - 4 - 4 * struct.unpack("<I", block[-4:])[0]
    while place < end:
        (shared, rest, length), place = _varints(block, place, 3)
        key = key[:shared] + block[place : place + rest]
        place += rest + length
        yield key, block[place - length : place]


def _table(items: list[tuple[bytes, bytes]]) -> bytes:
    """Returns a table of one block, with an index of that block."""
    content, handles, rows = b"", list[bytes](), items
    for following in ([], items[-1:], []):
        cells = (_bytes(0, len(key), len(value)) + key + value for key, value in rows)
        block = b"".join(cells) + struct.pack("<II", 0, 1)  # one restart, at its begin
        handles.append(_bytes(len(content), len(block)))
        content += block + _PLAIN + _crc(block + _PLAIN)
        rows = [(key, handles[0]) for key, _ in following]
    return content + b"".join(handles[1:]).ljust(_FOOTER - len(_MAGIC), b"\0") + _MAGIC


def _bytes(*values: int) -> bytes:
    """Returns integers in the form that `_varints` reads."""
    written = bytearray()
    for value in values:
        while value > 127:
            written.append(value & 127 | 128)
            value >>= 7
        written.append(value)
    return bytes(written)
