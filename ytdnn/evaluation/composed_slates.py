"""Slates composed as in serving: the same sources, blend, cap and diversity."""

import dataclasses

import numpy as np
import tensorflow as tf

from ytdnn.base import configs, ragged
from ytdnn.evaluation import lists, models, user_cases
from ytdnn.log import prepared
from ytdnn.ranking import weighted_order
from ytdnn.retrieval import exploring, interface, pool, slate

_CASES_A_PART = 1 << 8


def pooled(
    first: lists.Maker,
    others: tuple[interface.Source, ...],
    composition: configs.CompositionConfig,
) -> lists.Maker:
    """Returns the maker of candidates of all sources.

    Args:
      first: Maker of the candidate model's candidates, best first.
      others: The other sources.
      composition: Number of places of each source.
    """
    if not others:
        return first

    def make(cases: user_cases.Cases, k: int) -> lists.Lists:
        nearest = first(cases, composition.num_candidates)
        listed = np.zeros((len(cases), composition.num_candidates), np.int32)
        for start in range(0, len(cases), _CASES_A_PART):
            rows = np.arange(start, min(start + _CASES_A_PART, len(cases)))
            part_cases = user_cases.take(cases, rows)
            listed[rows] = _joined(part_cases, nearest[rows], others, composition)
        return listed[:, :k]

    return make


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
        videos = source.propose(requests).videos.numpy()
        rows = np.repeat(np.arange(len(cases)), videos.shape[1])
        may = lists.may_hold(cases, rows, videos.ravel()).reshape(videos.shape)
        of_source = tf.constant(np.where(may, videos, 0))
        proposals.append(interface.Proposal(of_source, tf.zeros_like(of_source)))
    kinds = [source.kind for source in others]
    joined = pool.join(tf.constant(nearest), kinds, proposals, composition)
    result: lists.Lists = joined.videos.numpy()
    return result


def order(
    data: prepared.PreparedData,
    composition: configs.CompositionConfig,
    trained: models.RetrievalModel,
    vectors: models.Vectors,
    user_vectors: models.Vectors | None = None,
) -> lists.Order | None:
    """Returns the order of slates; None if it is the ranker's order.

    Args:
      data: The prepared set.
      composition: Settings of blend, cap and exploration.
      trained: The candidate model, for the scores of the blend.
      vectors: Vectors of the candidate model's videos.
      user_vectors: Vectors of the users of the cases; None: the model computes them.

    Raises:
      errors.UserError: There is a cap, but the log has no channels.
    """
    explorer = None
    if composition.explores:
        explorer = exploring.Explorer(composition, data.catalogue)
    is_plain = not composition.blend_weight and not composition.max_per_channel
    if is_plain and explorer is None and not composition.reranks:
        return None
    # A bundle's counts know the validation window.
    plain = dataclasses.replace(composition, ordered_by="ranker")
    rule = slate.SlateOrder(plain, data)
    score = None
    if rule.needs_scores and not weighted_order.weighs(composition.default_weights):
        score = pool.Scores(vectors, len(vectors))

    def score_pages(
        cases: user_cases.Cases, videos: lists.Lists, logits: models.Vectors
    ) -> models.Vectors:
        by, of_users = np.zeros(videos.shape, np.float32), user_vectors
        if score is not None and of_users is None:
            of_users = trained.user_vectors(data, cases.users, cases.ends, cases.times)
        for part in ragged.slices(len(cases), _CASES_A_PART):
            shown, known = tf.constant(videos[part]), None
            if score is not None and of_users is not None:
                known = score(tf.constant(of_users[part]), shown)
            ordered = rule(shown, tf.constant(logits[part]), known)
            if explorer is not None:
                some = user_cases.take(cases, np.arange(len(cases))[part])
                times, watched = tf.constant(some.times), some.watched.padded()
                ordered, _ = explorer(shown, ordered, times, tf.constant(watched))
            by[part] = ordered
        return by

    return score_pages
