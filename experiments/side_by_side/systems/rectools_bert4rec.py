"""RecTools: BERT4Rec."""

from typing import Any

import polars as pl
import rectools_frames
from pytorch_lightning import seed_everything
from rectools.models import BERT4RecModel

REQUIREMENTS = "rectools"
LACKS = "watch seconds, ranker, serving; new videos only after a fit"
# The first is RecTools' default: 2 blocks, 256 factors, 3 epochs, full softmax.
GRID: list[dict[str, Any]] = [{}, {"epochs": 10}, {"epochs": 30}]


def fit(watches: pl.DataFrame, **settings: Any) -> Any:
    """Returns the data set and the model fitted to it."""
    seed_everything(0)
    return rectools_frames.fit(watches, BERT4RecModel(**settings))


recommend = rectools_frames.recommend
