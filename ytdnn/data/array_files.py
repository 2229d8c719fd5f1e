"""Arrays written to .npy files piece by piece, for what does not fit in memory."""

import pathlib
from collections.abc import Mapping

import numpy as np


class Appender:
    """Writes one array to a .npy file piece by piece."""

    def __init__(self, path: pathlib.Path, dtype: np.dtype) -> None:
        """Opens a raw file beside `path`.

        Args:
          path: Ends in `.npy`.
          dtype: Of the array.
        """
        self._path = path
        self._dtype = dtype
        self._rows = 0
        self._raw = open(path.with_suffix(".raw"), "wb")  # noqa: SIM115

    def append(self, values: np.ndarray) -> None:
        """Appends values, made the array's type."""
        self._raw.write(np.ascontiguousarray(values, self._dtype).tobytes())
        self._rows += len(values)

    def close(self) -> int:
        """Writes the final file and returns the number of rows."""
        self._raw.close()
        raw = pathlib.Path(self._raw.name)
        target = np.lib.format.open_memmap(
            self._path, mode="w+", dtype=self._dtype, shape=(self._rows,)
        )
        if self._rows:
            target[:] = np.memmap(raw, self._dtype, mode="r")
            target.flush()
        raw.unlink()
        return self._rows


class Appenders:
    """One `Appender` for each array of a directory, made when first appended to."""

    def __init__(self, directory: pathlib.Path) -> None:
        """Writes to `directory/NAME.npy`."""
        self._directory = directory
        self._writers: dict[str, Appender] = {}

    def append(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Appends to each array by name; the first piece sets the type."""
        for name, values in arrays.items():
            if name not in self._writers:
                path = self._directory / f"{name}.npy"
                self._writers[name] = Appender(path, values.dtype)
            self._writers[name].append(values)

    def close(self) -> dict[str, int]:
        """Writes the final files and returns the number of rows of each."""
        return {name: writer.close() for name, writer in self._writers.items()}
