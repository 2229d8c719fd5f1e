"""Slates composed as in serving: the same sources, cap and diversity."""

import dataclasses

import numpy as np
import tensorflow as tf

from ytdnn.base import configs, ragged
from ytdnn.evaluation import lists, models, user_cases
from ytdnn.features import counter_sums
from ytdnn.log import prepared
from ytdnn.retrieval import exploring, interface, pool, seconds_order, slate

_CASES_A_PART = 1 << 8


def pooled(
    first: lists.Maker,
    others: tuple[interface.Source, ...],
    composition: configs.CompositionConfig,
    data: prepared.PreparedData,
) -> lists.Maker:
    """Returns the maker of candidates of all sources.

    Args:
      first: Maker of the candidate model's candidates, best first.
      others: The other sources.
      composition: Number of places of each source, and the weight of watch time.
      data: The prepared set, whose impressions before the first case count.
    """
    if not others and not composition.weighs_seconds:
        return first

    def make(cases: user_cases.Cases, k: int) -> lists.Lists:
        nearest = _nearest(cases, first, composition, data)
        if not others:
            return nearest[:, :k]
        listed = np.zeros((len(cases), composition.num_candidates), np.int32)
        for start in range(0, len(cases), _CASES_A_PART):
            rows = np.arange(start, min(start + _CASES_A_PART, len(cases)))
            part_cases = user_cases.take(cases, rows)
            listed[rows] = _joined(part_cases, nearest[rows], others, composition)
        return listed[:, :k]

    return make


def _nearest(
    cases: user_cases.Cases,
    first: lists.Maker,
    composition: configs.CompositionConfig,
    data: prepared.PreparedData,
) -> lists.Lists:
    """Returns the candidate model's candidates, those that serve."""
    number = composition.num_candidates
    if not composition.weighs_seconds or composition.live_weights:
        return first(cases, number)
    moment = int(cases.times.min(initial=counter_sums.serving_moment(data)))
    key = seconds_order.SecondsOrder, composition.seconds_weight, number, moment
    order = data.once(
        key, lambda: seconds_order.SecondsOrder(data, composition, moment)
    )
    ranked = first(cases, seconds_order.DEPTH * number)
    parts = [
        order(tf.constant(ranked[part])).numpy()
        for part in ragged.slices(len(cases), _CASES_A_PART)
    ]
    return np.concatenate([np.zeros((0, number), np.int32), *parts])


def _joined(
    cases: user_cases.Cases,
    nearest: lists.Lists,
    others: tuple[interface.Source, ...],
    composition: configs.CompositionConfig,
) -> lists.Lists:
    requests = interface.SourceRequests(
        watched=tf.constant(cases.watched.padded()),
        times=tf.constant(cases.times, tf.int64),
    )
    if not cases.removed.offsets[-1]:
        requests = requests.with_watched
    proposals = []
    for source in others:
        videos = source.proposed(requests).videos.numpy()
        rows = np.repeat(np.arange(len(cases)), videos.shape[1])
        may = lists.may_hold(cases, rows, videos.ravel()).reshape(videos.shape)
        of_source = tf.constant(np.where(may, videos, 0))
        proposals.append(interface.Proposal(of_source, tf.zeros_like(of_source)))
    kinds = [source.kind for source in others]
    joined = pool.join(tf.constant(nearest), kinds, proposals, composition)
    return joined.videos.numpy()


def order(
    data: prepared.PreparedData, composition: configs.CompositionConfig
) -> lists.Order | None:
    """Returns the order of slates; None if it is the ranker's order.

    Args:
      data: The prepared set.
      composition: Settings of caps, diversity and exploration.

    Raises:
      errors.UserError: There is a cap, but the log has no channels.
    """
    explorer = None
    if composition.explores:
        explorer = exploring.Explorer(composition, data.catalogue)
    is_plain = not composition.max_per_channel and not composition.reranks
    if is_plain and explorer is None:
        return None
    # A bundle's counts know the validation window.
    plain = dataclasses.replace(composition, ordered_by="ranker")
    rule = slate.SlateOrder(plain, data)

    def score_pages(
        cases: user_cases.Cases, videos: lists.Lists, logits: models.Vectors
    ) -> models.Vectors:
        by = np.zeros(videos.shape, np.float32)
        for part in ragged.slices(len(cases), _CASES_A_PART):
            ordered = rule(tf.constant(videos[part]), tf.constant(logits[part]))
            if explorer is not None:
                some = user_cases.take(cases, np.arange(len(cases))[part])
                times, watched = tf.constant(some.times), some.watched.padded()
                ordered, _ = explorer(
                    tf.constant(videos[part]), ordered, times, tf.constant(watched)
                )
            by[part] = ordered
        return by

    return score_pages
