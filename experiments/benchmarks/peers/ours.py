"""Ours: a configuration, and the step and the batches of `ytdnn train`."""

import itertools
import pathlib
from collections.abc import Iterator

import numpy as np

from experiments.benchmarks.peers import pace
from ytdnn import configs
from ytdnn.candidates import model as candidate_model
from ytdnn.evaluation import protocol
from ytdnn.features import base_feature, registry
from ytdnn.layers import randomness
from ytdnn.log import events, prepared
from ytdnn.training import candidates, devices, loop


def config(task: pace.Task) -> configs.Config:
    """Returns the tower of the task: one averaged bag of watches and nothing else."""
    of_users = registry.of_network(base_feature.CANDIDATES)
    names = [f.name for f in of_users if base_feature.CANDIDATES in f.default_in]
    return configs.Config(
        candidates=configs.CandidatesConfig(
            embedding_dim=task.dim,
            history_length=task.history,
            decay_rates=(),
            tower=task.hidden,
            history_dropout=0.0,
            train_on_validation=True,
            features=configs.FeaturesConfig(remove=tuple(names)),
            content=configs.ContentConfig(enabled=False),
            loss=configs.SampledSoftmaxConfig(
                in_batch=task.in_batch, num_negatives=task.negatives
            ),
            precision=task.precision,
            training=configs.TrainingConfig(
                epochs=max(1, task.epochs),
                batch_size=task.batch,
                schedule="constant",
                steps_per_execution=task.steps,
            ),
        )
    )


def train(task: pace.Task, given: pace.Events) -> pace.Pace:
    """Trains as `ytdnn.training.loop` does, but for checkpoints."""
    del given
    chosen = config(task)
    randomness.set_seed(chosen.seed)
    data = prepared.load(pathlib.Path(task.prepared))
    cases = protocol.cases(data, events.Split.TEST, configs.EvaluationConfig())
    data = data.with_validation_in_training()
    model = candidate_model.build(chosen.candidates, data)
    stage = candidates.make_stage(chosen, data, model)
    training = chosen.candidates.training
    trainer = loop.Trainer(stage, training, chosen.seed, devices.make("none"))

    def hand_over() -> pace.Arrays:
        users = model.user_vectors(data, cases.users, cases.ends)
        return {"users": users, "videos": model.video_vectors()}

    run = pace.Pace(task, hand_over, warm_up=20)
    labels = int((np.asarray(data.watches.splits) == events.Split.TRAIN).sum())
    examples = round(labels / stage.steps_per_epoch)  # a mean: slices end at users
    for epoch in itertools.count():
        for number in _calls(trainer, epoch):
            if run.step(examples * number):
                return run
        if run.epoch():
            return run
    return run


def _calls(trainer: loop.Trainer, epoch: int) -> Iterator[int]:
    """Makes the steps of an epoch; yields how many each call made."""
    for losses, _ in trainer.calls(epoch, 0):
        float(losses[-1])
        yield len(losses)


if __name__ == "__main__":
    pace.main(train)
