"""Targets of watch time, on clicks that no feature tells apart."""

import numpy as np
import pytest
import tensorflow as tf

from ytdnn.ranking import click_times_watch_time, watch_statistics

N = 4_000
KINDS = ("fraction", "seconds")


def clicks(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns watch seconds, some of them replays, and durations, some unknown."""
    rng = np.random.default_rng(seed)
    durations = np.where(rng.random(N) < 0.9, rng.uniform(10, 300, N), 0.0)
    scales = np.where(durations > 0.0, durations, 60.0)
    replays = np.where(rng.random(N) < 0.02, rng.uniform(2, 60, N), 1.0)
    return scales * rng.beta(1.0, 1.5, N) * replays, durations


def make(
    kind: str, seconds: np.ndarray, durations: np.ndarray
) -> click_times_watch_time.Target:
    sample, mean = watch_statistics.Sample(), float(seconds.mean())
    for part in np.array_split(np.arange(len(seconds)), 3):
        sample.add(seconds[part], durations[part])
    return click_times_watch_time.make(kind, mean, sample.observed(mean))


def outputs_at(target: click_times_watch_time.Target, size: int) -> tf.Tensor:
    return tf.broadcast_to(tf.constant(target.biases), [size, len(target.biases)])


def tensors(*arrays: np.ndarray) -> list[tf.Tensor]:
    return [tf.constant(values, tf.float32) for values in arrays]


@pytest.mark.parametrize("kind", ["fraction", "seconds"])
def test_where_it_starts_it_says_the_mean(kind: str) -> None:
    seconds, durations = clicks()
    target = make(kind, seconds, durations)
    _, known = tensors(seconds, durations)
    found = np.exp(target.log_seconds(outputs_at(target, N), known))
    # By rows it is a part of the duration, so the mean is near, not equal.
    assert found.mean() == pytest.approx(seconds.mean(), rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_more_output_is_more_watch_time(kind: str) -> None:
    seconds, durations = clicks()
    target = make(kind, seconds, durations)
    _, known = tensors(seconds[:50], durations[:50])
    start = outputs_at(target, 50)
    low, high = (target.log_seconds(start + step, known) for step in (-1.0, 1.0))
    assert (high > low).numpy().all()
    for extreme in (-1e9, 1e9):
        values = target.log_seconds(tf.fill(start.shape, extreme), known)
        assert np.isfinite(values).all()


@pytest.mark.parametrize("kind", KINDS)
def test_no_replay_has_a_gradient_without_bound(kind: str) -> None:
    seconds, durations = clicks()
    target = make(kind, seconds, durations)
    start = outputs_at(target, 1)
    with tf.GradientTape() as tape:
        tape.watch(start)
        loss = target.losses(start, *tensors(np.array([1e6]), np.array([10.0])))
    most = 10.0 * target.observed.seconds_restored if kind == "seconds" else 2.0
    assert np.abs(tape.gradient(loss, start)).max() <= most


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", ["equal", "two", "milliseconds"])
def test_odd_watch_times_make_a_target_all_the_same(kind: str, case: str) -> None:
    seconds, durations = clicks()
    if case == "equal":
        seconds = np.full(N, 30.0)
    elif case == "two":
        seconds, durations = seconds[:2], durations[:2]
    else:
        seconds = seconds * 1_000.0
    target = make(kind, seconds, durations)
    watched, known = tensors(seconds, durations)
    start = outputs_at(target, len(seconds))
    losses = target.losses(start, watched, known)
    assert losses.shape == [len(seconds)]
    assert np.isfinite(losses).all()
    assert np.isfinite(target.log_seconds(start, known)).all()


def test_a_large_sample_is_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_statistics, "_MOST_SAMPLED", 100)
    sample = watch_statistics.Sample()
    for start in range(0, 1_000, 10):
        sample.add(np.arange(start, start + 10) + 1.0, np.ones(10))
    kept = np.concatenate(sample._parts)[:, 0]
    assert 25 <= len(kept) <= 100
    assert len(set(np.diff(kept))) == 1


@pytest.mark.parametrize(
    ("kind", "chosen"),
    [
        ("of the duration", click_times_watch_time.Fraction),
        ("of the duration, some by accident", click_times_watch_time.Fraction),
        ("replays", click_times_watch_time.Seconds),
        ("of its own", click_times_watch_time.Seconds),
        ("unknown durations", click_times_watch_time.Seconds),
    ],
)
def test_durations_are_used_where_they_tell_of_watch_times(
    kind: str, chosen: type[click_times_watch_time.Target]
) -> None:
    rng = np.random.default_rng(0)
    durations = rng.lognormal(4.0, 1.0, N)
    seconds = durations * rng.uniform(0.3, 1.0, N)
    if kind == "of the duration, some by accident":
        seconds = np.where(rng.random(N) < 0.4, rng.uniform(1.0, 4.0, N), seconds)
    elif kind == "replays":
        seconds = rng.lognormal(3.0, 1.0, N) * durations**0.5
    elif kind == "of its own":
        seconds = rng.lognormal(3.0, 1.0, N)
    elif kind == "unknown durations":
        durations = np.where(rng.random(N) < 0.3, durations, 0.0)
    assert isinstance(make("auto", seconds, durations), chosen)
