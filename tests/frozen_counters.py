"""Counters that stand still at the serving moment, as those of a bundle do."""

import pytest
import tensorflow as tf

from ytdnn.features import counters
from ytdnn.log import log_tensors


def freeze(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every position of a log read the counters that are exported."""

    def open_log(
        self: counters.Counter, log: log_tensors.LogTensors
    ) -> log_tensors.Reader:
        table = self.open_request(log.data)
        return lambda at: tf.gather(table.rows, at.videos)

    monkeypatch.setattr(counters.Counter, "open_log", open_log)
