"""Long videos move up before the cut, in a bundle as in the evaluation."""

import dataclasses
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests import untrained
from tests.conftest import MadeOnce
from ytdnn import configs
from ytdnn.bundle import bundle as bundle_room
from ytdnn.bundle import export
from ytdnn.evaluation import bundles, composed_slates, lists, user_cases
from ytdnn.features import counter_sums
from ytdnn.log import events
from ytdnn.retrieval import impression_rates, seconds_order

WEIGHED = configs.CompositionConfig(3, (("popular", 0.0),), seconds_weight=2.0)


@pytest.fixture(scope="module")
def run(made_once: MadeOnce) -> untrained.Run:
    directory = made_once("small", untrained.make_small)
    return untrained.opened(directory, untrained.SMALL)


def test_the_longest_of_the_first_are_chosen(run: untrained.Run) -> None:
    moment = counter_sums.serving_moment(run.data)
    order = seconds_order.SecondsOrder(run.data, WEIGHED, moment)
    seconds = impression_rates.served(run.data, impression_rates.MEAN_SECONDS)
    ranked = np.zeros((2, 5), np.int32)
    ranked[0, :4] = np.argsort(seconds[1:11])[[0, 3, 6, 9]] + 1  # ever longer
    ranked[1, 0] = 3
    found = order(tf.constant(ranked)).numpy()
    by = 2.0 * seconds[ranked[0, :4]] - np.log(3.0 + np.arange(4))
    assert found[0].tolist() == ranked[0, np.argsort(-by)[:3]].tolist()
    assert found[0].tolist() != ranked[0, :3].tolist()
    assert found[1].tolist() == [3, 0, 0]
    unweighed = dataclasses.replace(WEIGHED, seconds_weight=0.0)
    plain = seconds_order.SecondsOrder(run.data, unweighed, moment)
    assert plain(tf.constant(ranked)).numpy()[0].tolist() == ranked[0, :3].tolist()
    # Nothing was shown before the first second: all videos are alike.
    early = seconds_order.SecondsOrder(run.data, WEIGHED, 0)
    assert early(tf.constant(ranked)).numpy()[0].tolist() == ranked[0, :3].tolist()


def test_a_bundle_proposes_what_is_evaluated(
    run: untrained.Run, tmp_path: pathlib.Path
) -> None:
    workdir = tmp_path / "run"
    shutil.copytree(run.workdir, workdir)
    config = dataclasses.replace(untrained.SMALL, composition=WEIGHED)
    bundle = bundle_room.load(export.export(workdir, config))
    cases = user_cases.cases(run.data, events.Split.TEST, config.evaluation)
    model = run.stage.candidates
    users = model.user_vectors(run.data, cases.users, cases.ends, cases.times)
    nearest = lists.rank_by_vectors(users, model.video_vectors())
    pages = []
    for composition in (WEIGHED, dataclasses.replace(WEIGHED, seconds_weight=0.0)):
        pooled = composed_slates.pooled(nearest, (), composition, run.data)
        make = lists.composed(run.data, pooled, run.ranker, 3)
        pages.append(make(cases, 3))
    served = bundles.makers(bundles.ServedLists(bundle, run.data), config.evaluation)
    np.testing.assert_array_equal(served[lists.SYSTEM](cases, 3), pages[0])
    assert (pages[0] != pages[1]).any()
