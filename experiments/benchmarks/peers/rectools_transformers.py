"""RecTools' SASRec and HSTU at their defaults: what users get without a setting.

Two blocks of 256 dims, the last 100 watches, full softmax over the catalogue, 128 users
a batch, Adam. Not the tower of the others: a user's sequence is trained on in one pass,
so an epoch has the last 100 labels of each user, and one label is an example here too.
HSTU attends by times, and so sees that of the request.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as lightning
from rectools import Columns
from rectools.dataset import Dataset
from rectools.dataset.context import get_context
from rectools.models import HSTUModel, SASRecModel

from experiments.benchmarks.peers import pace

_K = 10
_MODELS = {"SASRec": SASRecModel, "HSTU": HSTUModel}


class Paced(lightning.Callback):
    """Tells the pace each step and epoch.

    Attributes:
      run: The pace; given after the model, which hands over to it, is made.
    """

    run: pace.Pace

    def __deepcopy__(self, memo: object) -> "Paced":
        """Returns itself: the model copies its trainer, and the clock is one."""
        return self

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, index: int
    ) -> None:
        """Counts the labels of a batch; padding is none."""
        del module, outputs, index
        trainer.should_stop = self.run.step(int((batch["y"] != 0).sum()))

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """Stops the training where it is over."""
        del module
        if not self.run.is_over:
            trainer.should_stop = self.run.epoch()


def make_dataset(events: pace.Events) -> Dataset:
    """Returns the watches as RecTools wants them; its sort by time is stable."""
    users = np.repeat(np.arange(len(events.offsets) - 1), np.diff(events.offsets))
    return Dataset.construct(_frame(users, events.times, events.videos))


def _frame(users: np.ndarray, times: np.ndarray, videos: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            Columns.User: users,
            Columns.Item: videos,
            Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime(times, unit="s"),
        }
    )


def as_lists(frame: pd.DataFrame, asked: np.ndarray) -> np.ndarray:
    """Returns recommendations as `[cases, 10] int32`, 0 where there are fewer."""
    rows = pd.Series(np.arange(len(asked)), index=asked)
    lists = np.zeros((len(asked), _K), np.int32)
    places = rows[frame[Columns.User]].to_numpy(), frame[Columns.Rank].to_numpy() - 1
    lists[places] = frame[Columns.Item].to_numpy()
    return lists


def train(task: pace.Task, events: pace.Events) -> pace.Pace:
    """Trains by the model's own `fit`, without a bound on its epochs."""
    lightning.seed_everything(0)
    dataset, paced = make_dataset(events), Paced()
    model = _MODELS[task.model]()
    context = None
    if model.require_recommend_context:
        asked = _frame(events.asked, events.asked_times, np.zeros_like(events.asked))
        context = get_context(asked)
    # As the model's own, but for when it ends.
    model._trainer = lightning.Trainer(
        max_epochs=-1,
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
        enable_checkpointing=False,
        devices=1,
        accelerator="cpu",
        callbacks=[paced],
    )

    def hand_over() -> pace.Arrays:
        was_fitted, model.is_fitted = model.is_fitted, True
        found = model.recommend(
            events.asked, dataset, k=_K, filter_viewed=True, context=context
        )
        model.is_fitted = was_fitted
        model.lightning_model.train()
        return {"lists": as_lists(found, events.asked)}

    paced.run = pace.Pace(task, hand_over, warm_up=2)
    model.fit(dataset)
    return paced.run


if __name__ == "__main__":
    pace.main(train)
