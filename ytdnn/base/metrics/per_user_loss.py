"""The weighted per-user loss of PAPER §4.3: mispredicted watch time.

Over all pairs of a positive and a negative impression shown to one user in one slate,
the positive's watch time is *mispredicted* where the negative scores higher:

    loss = Σ_pairs watch time · [negative > positive] / Σ_pairs watch time

The paper does not define ties; here a tie mispredicts one half, so that a constant
score has loss 0.5. Slates without both kinds have no pairs. Computed by one sort, in
O(n log n), without enumerating pairs.
"""

import numpy as np
import numpy.typing as npt

from ytdnn.base.metrics import binary, bootstrap, tied_values

PerImpression = npt.NDArray[np.float64]


def weighted_per_user_loss(
    pages: npt.NDArray[np.integer],
    labels: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.floating],
    watch_seconds: npt.NDArray[np.floating] | None = None,
) -> float:
    """Returns mispredicted watch time as a share of the total over all pairs.

    Args:
      pages: `[n]`, equal for the impressions of one slate of one user.
      labels: `[n] bool`, whether the impression was clicked.
      scores: `[n]`, higher = ranked higher.
      watch_seconds: `[n]`, used where clicked; None: 1 for every click.

    Returns:
      A number in [0, 1]; NaN if no slate has a pair with watch time.

    >>> pages = np.array([0, 0, 0])
    >>> labels = np.array([True, True, False])
    >>> scores = np.array([0.9, 0.1, 0.5])
    >>> weighted_per_user_loss(pages, labels, scores, np.array([30.0, 10.0, 0.0]))
    0.25
    """
    mispredicted, total = watch_time_of_pairs(pages, labels, scores, watch_seconds)
    return bootstrap.ratio(mispredicted.sum(), total.sum())


def watch_time_of_pairs(
    pages: npt.NDArray[np.integer],
    labels: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.floating],
    watch_seconds: npt.NDArray[np.floating] | None = None,
) -> tuple[PerImpression, PerImpression]:
    """Returns each impression's mispredicted and total watch time over its pairs.

    Both are `[n]`, zero for a negative; their sums' ratio is the loss, over all
    impressions or over those of some users.

    >>> pages, labels = np.array([7, 7, 7]), np.array([True, False, False])
    >>> watch_time_of_pairs(pages, labels, np.array([0.5, 0.5, 0.9]))
    (array([1.5, 0. , 0. ]), array([2., 0., 0.]))
    """
    order = np.lexsort((scores, pages))
    page, score = np.asarray(pages)[order], np.asarray(scores)[order]
    clicked = np.asarray(labels, bool)[order]
    new_page = tied_values.starts(page)
    new_tie = new_page | tied_values.starts(score)
    negatives = np.concatenate([[0], np.cumsum(~clicked)])
    page_first, page_stop = tied_values.bounds(new_page)
    tie_first, tie_stop = tied_values.bounds(new_tie)
    higher = negatives[page_stop] - negatives[tie_stop]
    tied = negatives[tie_stop] - negatives[tie_first]
    on_page = negatives[page_stop] - negatives[page_first]
    weight = np.where(clicked, binary.weights_of(labels, watch_seconds)[order], 0.0)
    mispredicted, total = np.zeros(len(order)), np.zeros(len(order))
    mispredicted[order] = weight * (higher + 0.5 * tied)
    total[order] = weight * on_page
    return mispredicted, total
