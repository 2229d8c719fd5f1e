"""The first pass: what it leaves out, and how it is distilled from the ranker."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.bundle.conftest import Run
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.bundle import (
    batches,
    bundle,
    export,
    first_pass,
    first_pass_distillation,
    user_requests,
)
from ytdnn.retrieval import pool

MODEL = bundle.RECOMMENDER + bundle.EXACT
SIZE = 12
RNG = np.random.default_rng(0)
LIGHT = first_pass.FirstPass(
    np.append(0.0, RNG.standard_normal(30)).astype(np.float32),
    -0.5,
    np.array([0.0, 0.3, -0.3], np.float32),
    keep=4,
)


def found_of(rows: int) -> tuple[pool.Candidates, tf.Tensor]:
    videos = np.stack([RNG.permutation(30)[:SIZE] + 1 for _ in range(rows)])
    videos[:, -1] = 0
    sources = np.where(videos > 0, 1 + np.arange(SIZE) % 2, 0)
    columns = [tf.constant(one, tf.int32) for one in (videos, sources, videos + 1)]
    return pool.Candidates(*columns), tf.constant(RNG.random(videos.shape), tf.float32)


def asked(k: list[int], **others: tf.Tensor) -> dict[str, tf.Tensor]:
    return {schema.K: tf.constant(k, tf.int32), **others}


def test_the_best_are_kept_in_their_order() -> None:
    found, scores = found_of(5)
    kept, their = LIGHT(asked([0] * 5), found, scores)
    values = LIGHT.values(found).numpy()
    for row in range(5):
        best = np.sort(np.argsort(-values[row])[:4])
        for whole, part in (
            (found.videos, kept.videos),
            (found.sources, kept.sources),
            (found.seeds, kept.seeds),
            (scores, their),
        ):
            np.testing.assert_array_equal(part[row], whole.numpy()[row, best])
    assert LIGHT(asked([0] * 5), found, None)[1] is None


@pytest.mark.parametrize(
    "own",
    [
        {schema.WEIGHT_NAMES: [["", ""], ["clicked", ""]]},
        {schema.POLICY: ["", "kids"]},
        {schema.MAX_PER_COLUMNS: [[""], ["topic"]]},
    ],
)
def test_a_request_with_its_own_order_keeps_all_and_no_other_does(own: dict) -> None:
    found, scores = found_of(2)
    raw = asked([0, 0], **{name: tf.constant(one) for name, one in own.items()})
    kept, _ = LIGHT(raw, found, scores)
    np.testing.assert_array_equal(kept.videos[1], found.videos[1])
    alone, _ = LIGHT(asked([0]), found.take([0]), scores[:1])
    first = kept.videos[0].numpy()
    np.testing.assert_array_equal(first[first > 0], alone.videos[0])


def test_the_fit_finds_what_made_the_order() -> None:
    of_coordinates = RNG.standard_normal(6)
    parts = []
    for _ in range(8):
        found, _ = found_of(4)
        coordinates = RNG.standard_normal((4, SIZE, 6)).astype(np.float32)
        order = coordinates @ of_coordinates - 2.0 * np.log(3.0 + np.arange(SIZE))
        order = order + np.array([0.0, 1.0, 3.0])[found.sources.numpy()] + 100.0
        order[:, 3] = -np.inf
        parts.append(
            first_pass_distillation.OrderedCandidates(
                found.videos.numpy(),
                found.sources.numpy(),
                order.astype(np.float32),
                coordinates,
            )
        )
    weights = first_pass_distillation.fitted(iter(parts), num_sources=2)
    assert weights is not None
    np.testing.assert_allclose(weights[:6], of_coordinates, atol=0.02)
    np.testing.assert_allclose(weights[6], -2.0, atol=0.02)
    np.testing.assert_allclose(weights[9] - weights[8], 2.0, atol=0.02)


@pytest.mark.parametrize(
    ("composition", "num_videos", "expected"),
    [
        (configs.CompositionConfig(), 49_999, 0),
        (configs.CompositionConfig(), 50_000, 100),
        (configs.CompositionConfig(num_candidates=100), 50_000, 0),
        (configs.CompositionConfig(first_pass=60), 10, 60),
        (configs.CompositionConfig(first_pass=0), 50_000, 0),
        (configs.CompositionConfig(first_pass=60, max_per_channel=2), 10, 0),
        (configs.CompositionConfig(first_pass=60, temperature=1.0), 10, 0),
    ],
)
def test_when_there_is_one(
    composition: configs.CompositionConfig, num_videos: int, expected: int
) -> None:
    assert first_pass_distillation.wanted(composition, num_videos) == expected


@pytest.fixture(scope="module")
def light_bundle(run: Run, tmp_path_factory: pytest.TempPathFactory) -> bundle.Bundle:
    """The run's bundle with a first pass that keeps half of ten candidates."""
    workdir = tmp_path_factory.mktemp("light")
    for name in ("data", "candidates", "index", "ranking"):
        (workdir / name).symlink_to(run.workdir / name)
    composition = dataclasses.replace(
        run.config.composition, num_candidates=10, first_pass=5
    )
    export.export(workdir, dataclasses.replace(run.config, composition=composition))
    return bundle.load(workdir / "bundle")


def test_a_bundle_serves_what_its_first_pass_keeps(
    run: Run, light_bundle: bundle.Bundle
) -> None:
    light = light_bundle
    fields = light.inputs(MODEL)
    users = run.data.users[schema.USER_ID].to_list()[:6]
    batch = [light.fitting(user_requests.at_end(run.data, u)) for u in users]
    inputs = batches.inputs(batch, fields)
    page = light.run(MODEL, inputs | {schema.K: np.full(len(users), 1, np.int32)})
    every = light.model(MODEL, bundle.CANDIDATES)(
        **batches.tensors(
            {name: one for name, one in inputs.items() if name != schema.K}, fields
        )
    )
    ranks = every[bundle.RANKS].numpy()
    assert (ranks > 0).sum(axis=1).max() == 5
    for row in range(len(users)):
        best = int(np.flatnonzero(ranks[row] == 1)[0])
        assert page[schema.IDS][row].numpy()[0] == every[schema.IDS][row].numpy()[best]
    found = light.manifest.facts[first_pass_distillation.FACT]
    assert found["keep"] == 5
    assert 0.0 < found["kept_of_best_20"] < 1.0
