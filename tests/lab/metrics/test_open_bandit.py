"""Off-policy estimates on real decisions with known propensities (Open Bandit).

Two policies were run side by side, so what the log of one says of the other can be held
against what the other's own log has.
"""

import pathlib
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from ytdnn.lab.metrics import off_policy

PLACE = ["position", "item_id"]


@pytest.fixture(scope="module")
def shown(shared_data: Callable[[str], pathlib.Path]) -> pl.DataFrame:
    return pl.read_parquet(shared_data("open-bandit-sample") / "impressions.parquet")


@pytest.mark.parametrize("campaign", ["all", "men", "women"])
@pytest.mark.parametrize(("logged", "judged"), [("bts", "random"), ("random", "bts")])
def test_what_the_other_policy_had_is_within_the_interval(
    shown: pl.DataFrame, campaign: str, logged: str, judged: str
) -> None:
    of_campaign = shown.filter(pl.col("campaign") == campaign)
    log, other = (
        of_campaign.filter(pl.col("policy") == policy) for policy in (logged, judged)
    )
    # The sampled policy's own probabilities differ from hour to hour: their mean.
    target = other.group_by(PLACE).agg(pl.col("propensity_score").mean())
    chances = log.select(PLACE).join(
        target, on=PLACE, how="left", maintain_order="left"
    )
    decisions = off_policy.Decisions(
        np.arange(log.height),  # no user is known
        log["clicked"].cast(pl.Float64).to_numpy(),
        log["propensity_score"].to_numpy(),
        chances["propensity_score"].fill_null(0.0).to_numpy(),
    )
    found = off_policy.self_normalised(decisions)
    assert found.low < other["clicked"].mean() < found.high
    assert found.effective_size < log.height
