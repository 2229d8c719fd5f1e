"""torch-rechub's YoutubeDNN, as its example for MovieLens writes it.

List-wise training (`mode=2`) of `MatchTrainer` with its own negatives, so many for each
example, drawn before training by its `negative_sample` (popularity to the power 0.75),
cosine over temperature 0.02, one table for watched and scored videos, Adam. The user
features of the example are left out but for the history. `DataLoader` reads in the
process itself (`num_workers=0`), since there is one thread for all. In its release 0.9
the trainer's negatives out of the batch do not take this model.
"""

import itertools
from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch_rechub.basic.features import SequenceFeature, SparseFeature
from torch_rechub.models.matching import YoutubeDNN
from torch_rechub.trainers import MatchTrainer
from torch_rechub.utils.data import MatchDataGenerator
from torch_rechub.utils.match import negative_sample

from experiments.benchmarks.peers import pace

_ROWS = 1 << 14  # examples whose negatives are drawn at a time
_LEARNING_RATE = 1e-3  # the trainer's default; the example has 1e-4 for ten epochs


def make_model(task: pace.Task, num_videos: int) -> YoutubeDNN:
    """Returns the model; `user_params` are the hidden layers and the user vector."""
    sizes = {"vocab_size": num_videos + 1, "embed_dim": task.dim}
    shared = {**sizes, "shared_with": "movie_id"}
    history = SequenceFeature("hist_movie_id", pooling="mean", padding_idx=0, **shared)
    negatives = SequenceFeature("neg_items", pooling="concat", **shared)
    return YoutubeDNN(
        [history],
        [SparseFeature("movie_id", **sizes)],
        [negatives],
        user_params={"dims": [*task.hidden, task.dim]},
        temperature=0.02,
    )


def draw_negatives(events: pace.Events, rows: int, number: int) -> np.ndarray:
    """Returns `[rows, number] int32` by the library's own way."""
    counts = Counter(events.videos.tolist())
    ordered = OrderedDict(counts.most_common())
    result = np.empty((rows, number), np.int32)
    for start in range(0, rows, _ROWS):
        part = result[start : start + _ROWS]
        drawn = negative_sample(ordered, part.size, method_id=1)
        part[:] = np.asarray(drawn).reshape(part.shape)
    return result


class Paced:
    """The batches of a loader, each asked for when the step before is done."""

    def __init__(self, loader: Any, run: pace.Pace) -> None:
        """Takes the trainer's own loader."""
        self.loader, self.run = loader, run

    def __iter__(self) -> Iterator[Any]:
        """Yields until the epoch or the training is over."""
        for inputs, labels in self.loader:
            yield inputs, labels
            if self.run.step(len(labels)):
                return


def train(task: pace.Task, events: pace.Events) -> pace.Pace:
    """Trains epoch after epoch by `MatchTrainer`."""
    torch.manual_seed(0)
    np.random.seed(0)
    contexts, labels = events.examples(task.history, task.examples)
    inputs = {
        "hist_movie_id": contexts,
        "movie_id": labels,
        "neg_items": draw_negatives(events, len(labels), task.negatives),
    }
    asked = {"hist_movie_id": events.of_asked(task.history)}
    everything = {"movie_id": np.arange(1, events.num_videos + 1)}
    generator = MatchDataGenerator(x=inputs, y=np.zeros(len(labels), np.int64))
    loader, of_users, of_videos = generator.generate_dataloader(
        asked, everything, batch_size=task.batch, num_workers=0
    )
    model = make_model(task, events.num_videos)
    rates = {"lr": _LEARNING_RATE, "weight_decay": 1e-6}
    trainer = MatchTrainer(model, mode=2, optimizer_params=rates, device="cpu")

    def vectors(mode: str, batches: Any) -> np.ndarray:
        model.mode = mode
        with torch.no_grad():
            found = torch.cat([model(batch) for batch in batches])
        model.mode = None
        return np.asarray(found)

    def hand_over() -> pace.Arrays:
        model.eval()
        found = {"users": vectors("user", of_users)}
        found["videos"] = vectors("item", of_videos)
        model.train()
        return found

    run = pace.Pace(task, hand_over, warm_up=3)
    for _ in itertools.count():
        trainer.train_one_epoch(Paced(loader, run))
        if run.is_over or run.epoch():
            return run
    return run


if __name__ == "__main__":
    pace.main(train)
