"""Large variables of a session are pages of the SavedModel's files."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from ytdnn.bundle import mapped, saved_models, sessions

LARGE = np.random.default_rng(0).normal(size=(2**12, 2**7)).astype(np.float32)
CODES = np.random.default_rng(1).integers(-127, 127, (2**10, 2**11), np.int8)


class Sums(tf.Module):
    """A graph that reads two large variables, a small one and a table of texts."""

    def __init__(self) -> None:
        super().__init__()
        self._large, self._codes = tf.Variable(LARGE), tf.Variable(CODES)
        self._small = tf.Variable([2.0, 3.0])
        keys = tf.constant(["a", "b"])
        values = tf.Variable(np.arange(2**19, dtype=np.int64))
        self._values = values
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(keys, tf.constant([7, 8])), -1
        )

    def call(self, k: tf.Tensor) -> dict[str, tf.Tensor]:
        k = tf.cast(k, tf.int32)
        return {
            "large": tf.gather(self._large, k),
            "codes": tf.reduce_sum(tf.cast(self._codes, tf.int32)) + k,
            "small": tf.reduce_sum(self._small) + tf.cast(k, tf.float32),
            "values": tf.gather(self._values, k),
            "table": self._table.lookup(tf.fill(tf.shape(k), "b")),
        }


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("mapped") / "model"
    fields = (saved_models.signatures.k_field(),)
    saved_models.save(saved_models.Model(Sums(), fields, ()), path)
    return path


def maps(directory: pathlib.Path) -> set[str]:
    """Returns the names of files below a directory that this process has mapped."""
    lines = pathlib.Path("/proc/self/maps").read_text().splitlines()
    paths = [line.split(maxsplit=5)[-1] for line in lines]
    return {pathlib.Path(p).name for p in paths if str(directory) in p}


def test_large_variables_have_files_of_their_own(directory: pathlib.Path) -> None:
    found = mapped.whole_files(directory)
    sizes = sorted(file.path.stat().st_size for file in found.values())
    assert sizes == sorted([LARGE.nbytes, CODES.nbytes, 8 * 2**19])
    (codes,) = (one for one in found.values() if one.dtype == tf.int8.as_datatype_enum)
    assert [dim.size for dim in codes.shape.dim] == list(CODES.shape)
    assert codes.path.read_bytes() == CODES.tobytes()


def test_a_session_maps_them_and_answers_from_them(directory: pathlib.Path) -> None:
    assert not maps(directory)
    session = sessions.Session(directory, ())
    found = session.signature("serving_default")({"k": np.array([5, 9], np.int32)})
    files = {file.path.name for file in mapped.whole_files(directory).values()}
    assert maps(directory) == files
    np.testing.assert_array_equal(found["large"], LARGE[[5, 9]])
    assert found["codes"].tolist() == [int(CODES.sum()) + 5, int(CODES.sum()) + 9]
    assert found["small"].tolist() == [10.0, 14.0]
    assert found["values"].tolist() == [5, 9]
    assert found["table"].tolist() == [8, 8]
    session.close()
    assert not maps(directory)


def test_what_is_no_index_of_a_checkpoint_is_told(tmp_path: pathlib.Path) -> None:
    path = tmp_path / f"{mapped.VARIABLES}.index"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(100))
    with pytest.raises(ValueError, match="expected the index of a checkpoint"):
        mapped.whole_files(tmp_path)
