"""A batch far larger than the data is cut to what an epoch fills, and said."""

import pytest

from ytdnn import configs
from ytdnn.training import loop


@pytest.mark.parametrize(
    ("asked", "examples", "used"),
    [
        (1_024, 10, 1_024),
        (2_000_000, 10, 1_024),
        (2_000_000, 1_025, 2_048),
        (4_096, 5_000, 4_096),
        (2_000_000, 0, 1_024),
    ],
)
def test_the_batch_is_about_the_data(
    capsys: pytest.CaptureFixture[str], asked: int, examples: int, used: int
) -> None:
    training = configs.TrainingConfig(batch_size=asked)
    assert loop.capped_batches(training, examples, "ranking").batch_size == used
    said = capsys.readouterr().err
    if asked == used:
        assert said == ""
    else:
        assert said == (
            f"note: ranking: training.batch_size is {asked:,}, but there are only "
            f"{examples:,} examples: {used:,} is used\n"
        )
