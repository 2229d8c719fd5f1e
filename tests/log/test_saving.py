"""Arrays in files: the bytes of NumPy, and a full disk is noticed."""

import errno
import io
import pathlib
import resource

import numpy as np
import pytest

from ytdnn.log import events


@pytest.mark.parametrize(
    "values",
    [
        np.arange(7, dtype=np.int32),
        np.zeros(0, np.int64),
        np.array([[1.5, np.nan], [0.0, -1.0]], np.float32),
        np.array([True, False]),
        np.arange(12)[::2],
    ],
)
def test_files_are_those_of_numpy(tmp_path: pathlib.Path, values: np.ndarray) -> None:
    events.save(tmp_path / "a.npy", values)
    wanted = io.BytesIO()
    np.save(wanted, values)
    assert (tmp_path / "a.npy").read_bytes() == wanted.getvalue()


def test_a_limit_is_an_error_also_for_the_last_bytes(tmp_path: pathlib.Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_024, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            events.save(tmp_path / "a.npy", np.arange(130))  # 1,168 bytes
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
