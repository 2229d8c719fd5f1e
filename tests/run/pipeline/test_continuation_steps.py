"""Models that go on learning: to the test, where they are measured, and to the end."""

import dataclasses
import json
import pathlib
import shutil
import types

import numpy as np
import polars as pl
import pytest

import ytdnn
from tests.run.pipeline import conftest
from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.bundle import bundle as bundles
from ytdnn.evaluation import continued_models, lists, report_files
from ytdnn.log import events, prepared
from ytdnn.run.pipeline import api, continuation_steps, external_evaluations
from ytdnn.training import continued_training

Made = conftest.Made
Path = pathlib.Path

SPLIT = events.Split


def _other(
    is_network: bool = True, rows_are_videos: bool = True
) -> types.SimpleNamespace:
    """Returns settings of candidates whose training cannot go on."""
    return types.SimpleNamespace(
        is_network=is_network,
        model=types.SimpleNamespace(kind="markov"),
        loss=types.SimpleNamespace(kind="tree", rows_are_videos=rows_are_videos),
    )


@pytest.fixture(scope="module")
def made(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The run of this folder, whose models go on learning."""
    workdir = tmp_path_factory.mktemp("learning") / "run"
    shutil.copytree(made.workdir, workdir)
    config = dataclasses.replace(made.config, advance="end")
    ytdnn.train(workdir, config)
    return Made(workdir, made.tables, config, ytdnn.export(workdir, config))


@pytest.fixture(scope="module")
def evaluated(made: Made) -> report_files.Evaluation:
    return api.evaluate_run(made.workdir)


def _set(made: Made, place: str) -> prepared.PreparedData:
    return prepared.load(made.workdir / place / "data")


def _facts(workdir: Path, place: str) -> dict:
    return artifacts.read_manifest(
        workdir / place / "models", continued_models.KIND
    ).facts


def test_the_first_set_trains_up_to_the_test_and_keeps_it(made: Made) -> None:
    plain, later = (
        prepared.load(made.workdir / "data"),
        _set(made, continued_models.TO_TEST),
    )
    test = plain.manifest.facts["windows"]["test"]
    before, after = (np.asarray(each.watches.splits) for each in (plain, later))
    times = np.asarray(plain.watches.times)
    assert (after[times >= test] == before[times >= test]).all()
    assert set(after[times < test]) == {SPLIT.TRAIN, SPLIT.VALIDATION}
    assert (before == SPLIT.CONTEXT).any()
    shown = np.asarray(plain.impressions.splits)
    assert (np.asarray(later.impressions.splits) == shown).all()


def test_the_last_set_trains_on_all(made: Made) -> None:
    later = _set(made, continued_models.TO_END)
    assert (np.asarray(later.watches.splits) == SPLIT.TRAIN).all()
    facts = [
        _facts(made.workdir, at)
        for at in (continued_models.TO_TEST, continued_models.TO_END)
    ]
    plain = prepared.load(made.workdir / "data")
    ends = [plain.manifest.facts["windows"]["test"], plain.windows.end_of_log + 1]
    assert [each["learned_to"] for each in facts] == ends


@pytest.mark.thorough
def test_nothing_of_the_test_is_learned_before_it(made: Made, tmp_path: Path) -> None:
    """With other events after the test begins, the first models are the same."""
    test = prepared.load(made.workdir / "data").manifest.facts["windows"]["test"]
    changed = dict(made.tables)
    for table in ("watches", "impressions"):
        frame, late = changed[table], pl.col("time") >= test
        videos = frame.filter(late)["video_id"].shuffle(0)
        known = frame.filter(~late)
        others = frame.filter(late).with_columns(video_id=videos)
        changed[table] = pl.concat([known, others])
    ytdnn.prepare(tmp_path / "run", made.config, tables=changed)
    ytdnn.train(tmp_path / "run", made.config)
    names = [
        sorted(p.name for p in (at / continued_models.TO_TEST / "candidates").iterdir())
        for at in (made.workdir, tmp_path / "run")
    ]
    assert names[0] == names[1]
    for part in ("candidates", "ranking"):
        weights = "weights.data-00000-of-00001"
        first, second = (
            (at / continued_models.TO_TEST / part / weights).read_bytes()
            for at in (made.workdir, tmp_path / "run")
        )
        assert first == second


def test_the_report_measures_what_learned_on(
    made: Made, evaluated: report_files.Evaluation
) -> None:
    report = evaluated.report
    learned_to = _facts(made.workdir, continued_models.TO_TEST)["learned_to"]
    assert report.protocol.learned_to == learned_to
    assert report.protocol.trains_on_validation is False
    own, before = (
        evaluated.value(name, "ndcg@10")
        for name in (lists.CANDIDATES, lists.AS_TRAINED)
    )
    assert own != before
    assert f"{lists.AS_TRAINED}/ndcg@10" in evaluated.users.columns
    assert f"requests/{lists.AS_TRAINED}/ndcg@10" not in evaluated.users.columns


@pytest.mark.thorough
def test_as_trained_is_what_a_run_measures_that_does_not_go_on(
    made: Made, evaluated: report_files.Evaluation, tmp_path: Path
) -> None:
    """In another order of the catalogue the same lists have the same numbers."""
    shutil.copytree(made.workdir, tmp_path / "run")
    config = dataclasses.replace(made.config, advance="none")
    plain = api.evaluate_run(tmp_path / "run", config)
    assert lists.AS_TRAINED not in plain.report.lists
    assert plain.report.protocol.learned_to is None
    for metric in ("ndcg@10", "recall@10", "hit_rate@10"):
        value = plain.value(lists.CANDIDATES, metric)
        assert evaluated.value(lists.AS_TRAINED, metric) == pytest.approx(value)


def test_the_bundle_says_what_it_learned(made: Made) -> None:
    bundle = bundles.load(made.bundle)
    end = prepared.load(made.workdir / "data").windows.end_of_log + 1
    assert bundle.manifest.facts[bundles.REFIT]["trained_to"]["seconds"] == end
    assert {"to_test/models", "to_end/models"} <= bundle.manifest.inputs.keys()
    with pytest.raises(errors.UserError, match="advance=test"):
        external_evaluations.evaluate(
            "bundle",
            made.bundle,
            made.workdir / "data",
            configs.EvaluationConfig(),
            "test",
            made.workdir / "never",
        )


@pytest.mark.thorough
def test_held_out_last_watches_are_learned_in_the_end(
    made: Made, tmp_path: Path
) -> None:
    """Served models learn each user's last watches, measured ones do not."""
    run = tmp_path / "run"
    data = dataclasses.replace(made.config.data, protocol="leave_one_out")
    config = dataclasses.replace(made.config, data=data)
    ytdnn.prepare(run, config, tables=made.tables)
    ytdnn.train(run, config)
    bundle = bundles.load(ytdnn.export(run, config))
    assert "to_end/models" in bundle.manifest.inputs
    assert "to_test/models" not in bundle.manifest.inputs
    whole = prepared.load(run / continued_models.TO_END / "data")
    assert (np.asarray(whole.watches.splits) == SPLIT.TRAIN).all()
    assert len(bundle.answer([{"k": 5}])[0].video_ids) == 5
    learned = dict(zip(bundle.videos["video_id"], bundle.video_vectors(), strict=False))
    with pytest.raises(errors.UserError, match="advance=test"):
        external_evaluations.evaluate(
            "bundle",
            run / "bundle",
            run / "data",
            config.evaluation,
            "test",
            tmp_path / "never",
        )
    config = dataclasses.replace(config, advance="test")
    bundle = bundles.load(api.export(run, config))
    assert "to_end/models" not in bundle.manifest.inputs
    for video, vector in zip(
        bundle.videos["video_id"], bundle.video_vectors(), strict=False
    ):
        assert not np.allclose(learned[video], vector)


@pytest.mark.thorough
def test_a_bundle_may_have_the_measured_models(
    made: Made, evaluated: report_files.Evaluation, tmp_path: Path
) -> None:
    shutil.copytree(made.workdir, tmp_path / "run")
    config = dataclasses.replace(made.config, advance="test")
    bundle = api.export(tmp_path / "run", config)
    assert "to_end/models" not in bundles.load(bundle).manifest.inputs
    measured = external_evaluations.evaluate(
        "bundle",
        bundle,
        tmp_path / "run/data",
        config.evaluation,
        "test",
        tmp_path / "out",
    )
    for metric in ("ndcg@10", "recall@10"):
        value = evaluated.value(lists.CANDIDATES, metric)
        assert measured.value(lists.CANDIDATES, metric) == pytest.approx(value)


@pytest.mark.thorough
def test_a_killed_step_goes_on_where_it_was(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    shutil.copytree(made.workdir, run)
    shutil.rmtree(run / continued_models.TO_TEST / "models")
    shutil.rmtree(run / continued_models.TO_TEST / "candidates")
    stamp = (
        (run / continued_models.TO_TEST / "data" / artifacts.MANIFEST)
        .stat()
        .st_mtime_ns
    )
    whole = continued_training.carry_candidates

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(continued_training, "carry_candidates", killed)
    with pytest.raises(KeyboardInterrupt):
        ytdnn.train(run)
    with pytest.raises(errors.UserError, match="ytdnn train"):
        api.evaluate_run(run)
    monkeypatch.setattr(continued_training, "carry_candidates", whole)
    ytdnn.train(run)
    weights = f"{continued_models.TO_TEST}/candidates/weights.data-00000-of-00001"
    assert (run / weights).read_bytes() == (made.workdir / weights).read_bytes()
    path = run / continued_models.TO_TEST / "data" / artifacts.MANIFEST
    assert path.stat().st_mtime_ns == stamp


@pytest.mark.thorough
def test_other_models_go_on_anew(made: Made, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(made.workdir, run)
    config = configs.changed(made.config, {"index.search": configs.IvfConfig()})
    lines: list[str] = []
    ytdnn.train(run, config, verbose=lines.append)
    (started,) = [line for line in lines if "to_test/models: started" in line]
    assert "config.index.search" in started
    assert any("went on learning up to" in line for line in lines)
    record = json.loads((run / continued_models.TO_TEST / "made_from.json").read_text())
    assert record["settings"]["index"]["search"]["kind"] == "ivf"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"advance": "none"}, "advance is none"),
        ({"data.protocol": "leave_one_out"}, "no later watches"),
        ({"candidates": _other(is_network=False)}, "markov is no network"),
        ({"candidates": _other(rows_are_videos=False)}, "tree cannot grow"),
    ],
)
def test_some_runs_do_not_go_on(made: Made, settings: dict, words: str) -> None:
    changed = {k: v for k, v in settings.items() if k != "candidates"}
    config = configs.changed(made.config, changed)
    if "candidates" in settings:
        config = types.SimpleNamespace(**vars(config) | settings)
    assert words in continued_models.left_out(config, made.workdir)


def test_the_end_is_left_out_after_a_sure_loss(tmp_path: Path) -> None:
    (tmp_path / "evaluation").mkdir()
    path = tmp_path / "evaluation" / report_files.USERS
    rng = np.random.default_rng(0)
    before = rng.uniform(0.0, 0.5, 200)

    def lost(gain: float, name: str = lists.CANDIDATES) -> str:
        now = before + gain + rng.normal(0.0, 0.02, 200)
        columns = {f"{name}/ndcg@5": now, f"{lists.AS_TRAINED}/ndcg@5": before}
        pl.DataFrame(columns).write_parquet(path)
        return continued_models._lost(tmp_path)

    assert continued_models._lost(tmp_path) == ""
    assert "lowered ndcg@5 of the candidates by 0.05" in lost(-0.05)
    assert "lowered" in lost(-0.05, lists.NETWORK)
    assert lost(0.05) == lost(0.002) == ""


def test_a_refreshed_run_has_learned_all(made: Made) -> None:
    """Its set is one of a refit, which trains up to the end of the log."""
    home = made.workdir / continued_models.TO_END
    assert "to the end of the log" in continued_models.left_out(made.config, home)


def test_it_takes_two_passes_or_a_third_of_the_training_at_most(made: Made) -> None:
    trained = artifacts.peek(made.workdir / "candidates" / artifacts.MANIFEST)["epochs"]
    steps = trained * prepared.load(made.workdir / "data").num_training_watches
    epochs = [
        continuation_steps._epochs(made.workdir, num_new)
        for num_new in (1, steps // 6 - 1, steps // 3 - 1, steps)
    ]
    assert epochs == [2, 2, 1, 1]
