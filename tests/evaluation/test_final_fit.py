"""A model trained on validation watches too keeps its last epoch, and says so."""

import dataclasses

import numpy as np
import pytest

from tests import planted
from ytdnn.base import artifacts, errors
from ytdnn.candidates import model, user_tower
from ytdnn.evaluation import evaluate_run, report_summary
from ytdnn.log import events, prepared
from ytdnn.training import candidates

EPOCHS = 3


@pytest.fixture(scope="module")
def config():
    plain = planted.tiny_config()
    # Patience is of no meaning here: there is nothing to wait for.
    training = dataclasses.replace(plain.candidates.training, epochs=EPOCHS, patience=1)
    settings = dataclasses.replace(
        plain.candidates, training=training, train_on_validation=True
    )
    return dataclasses.replace(plain, candidates=settings)


@pytest.fixture(scope="module")
def workdir(config, tmp_path_factory):
    directory = tmp_path_factory.mktemp("run")
    candidates.train(config, planted.prepared_data(directory), directory / "candidates")
    return directory


def test_validation_watches_are_labels_once_an_epoch(config, workdir):
    data = prepared.load(workdir / "data")
    splits = np.asarray(data.watches.splits)
    held_out = splits == events.Split.VALIDATION
    labels = np.asarray(data.watches.videos) <= data.vocabulary_size
    whole = data.with_validation_in_training()
    inputs = user_tower.measure_inputs(config.candidates, whole)
    batches = candidates.make_batches(config.candidates, inputs, whole, seed=0)
    drawn = sum(
        float(np.sum(batch["weights"])) for part in batches(0, 0) for batch in part
    )
    is_train = splits == events.Split.TRAIN
    assert held_out.any()
    assert drawn == np.sum((is_train | held_out) & labels)


def test_all_epochs_are_run_and_the_last_is_kept(workdir):
    facts = artifacts.read_manifest(workdir / "candidates", model.KIND).facts
    assert facts["epochs"] == facts["best_epoch"] == EPOCHS
    assert facts["validation"] == {}
    assert facts["trains_on_validation"] is True


def test_the_report_says_it(config, workdir):
    report = evaluate_run.evaluate(workdir, config, stage="candidates").report
    assert report.protocol.trains_on_validation is True
    assert "trained on training and validation" in " ".join(
        report_summary.notes(report)
    )


def test_what_was_trained_on_is_not_evaluated(config, workdir):
    with pytest.raises(errors.UserError, match="did not train on validation watches"):
        evaluate_run.evaluate(workdir, config, "validation", "candidates")
