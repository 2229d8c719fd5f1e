"""What trained encoders know is read back as it was written."""

import pathlib

import pytest
import tensorflow as tf

from ytdnn.features import base_feature, columns, reading

_SEGMENT = columns.TextColumn("users.segment", "users.segment")


@pytest.mark.parametrize(
    "found",
    [
        base_feature.Measured(num_values=40, dim=6),
        base_feature.Measured(quantiles=(0.5, 1.0)),
        base_feature.Measured(num_values=2, numbers=(3.0, 4.0)),
    ],
)
def test_what_was_measured_comes_back_whole(
    tmp_path: pathlib.Path, found: base_feature.Measured
) -> None:
    reading.write(tmp_path / "features.json", {"country": found})
    assert reading.read_file(tmp_path / "features.json") == {"country": found}


def test_an_embedding_keeps_its_width_after_its_vocabulary_grew(
    tmp_path: pathlib.Path,
) -> None:
    """A refresh keeps the width of the weights it carries over.

    The width follows the number of values, by powers of two: 3,000 values beside the
    width of 10 ask for another one.
    """

    def width(measured: base_feature.Measured) -> int:
        layer = _SEGMENT.encoder(measured, 0.1, base_feature.QUANTILES)
        return int(layer(tf.constant([1])).shape[-1])

    before = width(base_feature.Measured(num_values=10))
    grown = base_feature.Measured(num_values=3000, dim=before)
    assert width(base_feature.Measured(num_values=3000)) != before
    reading.write(tmp_path / "features.json", {"country": grown})
    assert width(reading.read_file(tmp_path / "features.json")["country"]) == before
