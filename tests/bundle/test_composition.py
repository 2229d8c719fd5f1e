"""A page of several sources, capped, is the library's and the bundle's."""

import collections
import dataclasses
import pathlib
import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from tests import untrained
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.bundle import batches, export, requests, user_requests
from ytdnn.bundle import bundle as bundle_room
from ytdnn.evaluation import bundles, composed_slates, lists, models, user_cases
from ytdnn.lab.off_policy import judged_systems, logged_pages, page_choices
from ytdnn.log import events
from ytdnn.ops.catalogue import remove_videos
from ytdnn.retrieval import slate

Cases = user_cases.Cases
Path = pathlib.Path

Run = untrained.Run
Bundle = bundle_room.Bundle

K = 7
CONFIG = untrained.CONFIG


@pytest.fixture(scope="module")
def run(untrained_run: Run) -> Run:
    return untrained_run


@pytest.fixture(scope="module")
def cases(run: Run) -> Cases:
    return user_cases.cases(run.data, events.Split.TEST, CONFIG.evaluation)


def library(
    run: Run, config: configs.CompositionConfig, cases: Cases, k: int
) -> lists.Lists:
    """Returns the pages of both stages as the evaluation makes them."""
    trained = run.stage.candidates
    vectors = trained.user_vectors(run.data, cases.users, cases.ends, cases.times)
    nearest = lists.rank_by_vectors(vectors, trained.video_vectors())
    make = lists.composed(
        run.data,
        composed_slates.pooled(nearest, run.stage.other_sources, config, run.data),
        run.ranker,
        config.num_candidates,
        composed_slates.order(run.data, config),
    )
    return make(cases, k)


@pytest.mark.thorough
def test_a_bundles_page_is_the_librarys(run: Run, cases: Cases) -> None:
    served = bundles.makers(
        bundles.ServedLists(run.bundle, run.data), CONFIG.evaluation
    )
    found = served[lists.SYSTEM](cases, K)
    expected = library(run, CONFIG.composition, cases, K)
    np.testing.assert_array_equal(found, expected)
    assert (expected > 0).sum() > len(cases) * K / 2
    other = dataclasses.replace(CONFIG.composition, max_per_channel=0)
    assert (library(run, other, cases, K) != expected).any()
    channels = run.data.videos[schema.CHANNEL_ID].to_list()
    for row in expected.tolist():
        counts = collections.Counter(channels[v - 1] for v in row if v)
        assert all(n <= 2 for channel, n in counts.items() if channel is not None)


@pytest.mark.thorough
def test_a_bundle_predicts_what_the_ranker_does(run: Run, cases: Cases) -> None:
    served = bundles.ServedLists(run.bundle, run.data)
    part = np.arange(len(cases))
    name = bundle_room.RECOMMENDER + bundle_room.EXACT
    inputs = bundles._inputs(served, cases, part, name)
    inputs[schema.K] = np.full(len(part), K, np.int32)
    answer = run.bundle.run(name, inputs)
    width = answer[schema.IDS].shape[1]
    videos = bundles._lists(served, answer, width)
    logits = run.ranker.score_candidates(
        run.data, cases.users, cases.ends, cases.times, videos
    )
    expected = np.where(videos > 0, np.exp(logits), 0.0)
    seconds = answer[schema.EXPECTED_WATCH_SECONDS]
    np.testing.assert_allclose(seconds, expected, rtol=1e-5)
    scores = answer[schema.SCORES].numpy()
    assert (np.diff(scores) <= 0.0).all()
    np.testing.assert_allclose(scores, seconds, rtol=1e-5)
    placed = set(answer[schema.PLACED_BY].numpy()[videos > 0].tolist())
    assert {slate.NAMES[code] for code in placed} == {"score", "cap"}
    ranked = bundles._inputs(served, cases, part, bundle_room.RANKER)
    ranked |= {schema.VIDEO_IDS: answer[schema.IDS].numpy()}
    alone = run.bundle.run(bundle_room.RANKER, ranked)[schema.SCORES]
    np.testing.assert_allclose(alone, expected, rtol=1e-5)


@pytest.mark.thorough
def test_no_source_proposes_what_is_not_permitted(run: Run, tmp_path: Path) -> None:
    """Excluded, removed and not on the list: by any of the four sources."""
    users = [f"u{i}" for i in range(8)]
    batch = [user_requests.at_end(run.data, user, k=12) for user in users]
    batch = [run.bundle.fitting(request) for request in batch]
    pages = [answer.video_ids for answer in run.bundle.answer(batch)]
    removed = sorted({page[0] for page in pages} | {page[-1] for page in pages})
    shutil.copytree(run.bundle.directory, tmp_path / "bundle")
    remove_videos.change(tmp_path, removed)
    without = bundle_room.load(tmp_path / "bundle")
    for request, page, left in zip(batch, pages, without.answer(batch), strict=True):
        assert page
        assert left.video_ids
        assert not set(left.video_ids) & set(removed)
        changed = request | {schema.EXCLUDE_IDS: page[::2]}
        allowed = request | {schema.ALLOW_IDS: [*page[::2], "nonsense"]}
        excluding, allowing = run.bundle.answer([changed, allowed])
        assert not set(excluding.video_ids) & set(page[::2])
        assert set(allowing.video_ids) <= set(page[::2])
        assert allowing.video_ids


@pytest.fixture(scope="module", autouse=True)
def _few_are_drawn_and_many_are_young() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(configs.CompositionConfig, "explore_top", 9)
        patch.setattr(configs.CompositionConfig, "young_days", 40.0)
        yield


EXPLORES = dataclasses.replace(CONFIG.composition, max_per_channel=0, temperature=0.8)
# A young video on each page, and rounded products of the ranker.
RESERVES = dataclasses.replace(
    CONFIG.composition,
    young_every=3,
    ranker_precision="bfloat16",
)


def exported(run: Run, workdir: Path, composition: configs.CompositionConfig) -> Bundle:
    shutil.copytree(run.workdir, workdir)
    config = dataclasses.replace(CONFIG, composition=composition)
    return bundle_room.load(export.export(workdir, config))


@pytest.fixture(scope="module")
def explores(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle that draws the page's first places."""
    return exported(run, tmp_path_factory.mktemp("explores") / "run", EXPLORES)


@pytest.fixture(scope="module")
def reserves(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle with places for young videos, in bfloat16."""
    return exported(run, tmp_path_factory.mktemp("reserves") / "run", RESERVES)


@pytest.mark.thorough
def test_a_bundle_explores_as_the_library_does(
    run: Run, cases: Cases, explores: Bundle
) -> None:
    """Off by default; a request gets one page, and answers tell the chances."""
    served = bundles.makers(bundles.ServedLists(explores, run.data), CONFIG.evaluation)
    found = served[lists.SYSTEM](cases, K)
    np.testing.assert_array_equal(found, library(run, EXPLORES, cases, K))
    greedy = dataclasses.replace(EXPLORES, temperature=0.0)
    assert (found != library(run, greedy, cases, K)).any()
    for bundle, tells in ((explores, True), (run.bundle, False)):
        outputs = bundle.manifest.facts["models"]["recommender_exact"]["outputs"]
        assert (schema.PROPENSITIES in outputs) == tells
    request = explores.fitting(user_requests.at_end(run.data, "u3", k=K))
    name = explores.recommender(exact=True)
    batch = batches.inputs([request] * 2, explores.inputs(name))
    answers = explores.run(name, batch)
    size = int(answers[schema.NUM_RESULTS][0])
    chances = answers[schema.PROPENSITIES].numpy()[:, :size]
    assert size > 3
    assert ((chances > 0.0) & (chances <= 1.0)).all()
    np.testing.assert_array_equal(chances[0], chances[1])
    ids = answers[schema.IDS].numpy()
    np.testing.assert_array_equal(ids[0], ids[1])
    # The same candidates, by the signature that the server asks.
    fields = {n: f for n, f in explores.inputs(name).items() if n != schema.K}
    listed = explores.model(name, bundle_room.CANDIDATES)(
        **batches.tensors(batches.inputs([_without_k(request)], fields), fields)
    )
    ranks = listed[bundle_room.RANKS].numpy()[0]
    first = [int(np.flatnonzero(ranks == place)[0]) for place in range(1, size + 1)]
    assert listed[schema.IDS].numpy()[0, first].tolist() == ids[0, :size].tolist()
    np.testing.assert_allclose(
        listed[schema.PROPENSITIES].numpy()[0, first], chances[0], rtol=1e-5
    )


def _without_k(request: requests.Request) -> requests.Request:
    return {name: value for name, value in request.items() if name != schema.K}


@pytest.mark.thorough
def test_a_bundle_is_judged_by_its_own_pages_with_weights_of_one(
    run: Run, explores: Bundle
) -> None:
    """Its pages at logged requests are weighed by what it answered: the same page."""
    bundle = explores
    config = dataclasses.replace(CONFIG, composition=EXPLORES)
    shown, trained = run.data.impressions, run.stage.candidates
    rows = np.flatnonzero(np.asarray(shown.splits) == events.Split.TEST)[::3]
    pages = logged_pages.LoggedPages(run.data, rows[:, np.newaxis], len(rows), 0)
    asked = models.RunModels(
        run.data,
        trained,
        trained.video_vectors(),
        run.ranker,
        run.stage.other_sources,
        config,
    )
    ordered = judged_systems.ordered(asked, pages)[lists.SYSTEM]
    name = bundle.recommender(exact=True)
    fields = bundle.inputs(name)
    devices = ["", *run.data.catalogue.vocabularies[schema.DEVICE]]
    batch = []
    for row, *place in zip(rows, *pages.requests, strict=True):
        request = user_requests.at_position(run.data, *(int(value) for value in place))
        request |= {schema.DEVICE: devices[shown.devices[row]], schema.K: K}
        request.pop(schema.LOGGED_IN, None)  # the last watch's: impressions do not say
        if request[schema.WATCHED_VIDEO_IDS]:
            state = run.data.watches.logged_in[place[1] - 1]
            request[schema.LOGGED_IN] = int(state)
        batch.append({k: v for k, v in request.items() if k in fields})
    answer = bundle.run(name, batches.inputs(batch, fields))
    videos = bundles._lists(bundles.ServedLists(bundle, run.data), answer, K)
    chances = np.where(videos > 0, answer[schema.PROPENSITIES].numpy(), 0.0)
    target = page_choices.choices_on_pages(ordered, videos).target
    assert len(rows) > 20
    assert (videos > 0).mean() > 0.6
    np.testing.assert_allclose(target, chances, rtol=1e-3)
    assert 0.0 < chances[videos > 0].min() < 0.5
    # What the log had shown in truth is predicted as an impression of it.
    alike = run.ranker.predict_at(
        run.data, rows, np.asarray(shown.videos)[rows][:, np.newaxis]
    )
    of_rows = run.ranker.predictions(run.data, rows)
    np.testing.assert_allclose(alike.order[:, 0], of_rows.order, rtol=1e-4, atol=1e-5)
