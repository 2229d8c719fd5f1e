"""The definition of every number of a report: `ytdnn evaluate --explain`.

The formulas are in the code that computes them; these are the same in words, with
details that definitions usually leave open.
"""

import textwrap

from ytdnn.base import registries
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import statement

_WIDTH = 88

ESTIMATORS = ("ips", "snips", "dr")
OFF_POLICY = {
    "place": "a decision: what to show in a place of a logged page, given the places "
    "before it as the log filled them. A system that shows the best first would show "
    "the first of its order that is not on the page yet; one with "
    "composition.temperature would draw among the first explore_top of them. Its "
    "candidates are those that it would have had at the time of the logged request.",
    "page": "what the system would show from the first place on: the sum of the "
    "places, a mean number of them. Nothing is assumed of how places act on each "
    "other, so far fewer weights are above 0 than of a place.",
    "weight": "probability with which the system would have shown the video in its "
    "place, divided by that of the log (impressions.propensity). Of a page: the "
    "product of the weights down to the place.",
    "mean weight": "of places; 1 in expectation where the log could have shown "
    "whatever the system would. Below 1, IPS lacks what the rest would have brought.",
    "ips": "inverse propensity: mean of weight times reward. Unbiased where the log "
    "could have shown whatever the system would.",
    "snips": "self-normalised: sum of weight times reward over sum of weights. A "
    "little biased and less noisy; what the log could not have shown counts as worth "
    "as much as the rest.",
    "dr": "doubly robust: the ranker's prediction averaged over what the system would "
    "show, plus the mean of weight times (reward - prediction). Where few weights are "
    "above 0, it is what the ranker says of the system, and of itself.",
    "effective size": "(sum of weights)^2 / sum of squares: places, or pages, of equal "
    "weight that would tell as much. Below some hundred, intervals are too narrow.",
}
OTHER = {
    "users": "one request for each user with a watch in the split. Users left without "
    "a right answer are left out and counted (users_left_out). Means are over "
    "requests.",
    "full ranking": "for every user all videos of the candidate set are ranked; no "
    "negatives are sampled.",
    "ties": "of equal float32 scores the lower video index comes first. Scores are dot "
    "products in float32, as the linear algebra library rounds them.",
    "watched": "videos of the history are removed from every list and are not right "
    "answers; with remove_watched=false they stay in the lists and can be right.",
    "not in training": "a right answer that was first watched after the training "
    "window. By its content it is retrieved once it is uploaded; a model of ids alone "
    "cannot retrieve it. It counts all the same (answers_out_of_vocabulary), so that "
    "recall may have an upper bound below 1.",
    "interval": "95 %, percentiles of a bootstrap over users (num_resamples, seed). "
    "For AUC the resamples use scores in up to 512 bins, shifted to the exact AUC; of "
    "XAUC the interval is that of Hoeffding's projection.",
    "calibration": "deciles of the impressions by prediction; equal predictions stay "
    "in one. Expected watch seconds against watch seconds divided by impressions, "
    "click probability against clicks divided by impressions. Odds, of a model without "
    "predicted seconds, against watch seconds (without watch time: clicks) divided by "
    "the impressions without a click, which is what training fits. ratio: predicted "
    "over observed.",
    "impression_slices": "impressions of videos with and without an id embedding "
    "(first watched after the training window), each measured as if it were all: "
    "pairs are of two impressions of the part.",
    "shown_lists": "all impressions that a user was shown in the window are one list, "
    "in the order of each system's scores at the moment of each impression: of "
    "popularity in the ranker's training window, of the log itself (positions, else "
    "time), of the candidate model's product, of the ranker. best orders by what was "
    "watched, random is the mean over all orders. ahead: the ranker less another, on "
    "the same resamples of the users. exposed: shown@k, the listed videos that the log "
    "showed the user in the window, and gain_per_shown@k, the seconds of each of them.",
    "slices": "the right answers of one value of a column, over the users who have "
    "one; the lists are the same.",
    "what judges what": statement.JUDGED_BY,
    "system": "both stages: num_candidates videos of the candidate model, and "
    "of other sources where the composition has them, in the ranker's order, as "
    "served where the ranker is (ranking.enabled).",
    "oracle": "of a synthetic world: ranks by each user's true interests, which the "
    "log does not show: an upper bound. gap_closed: (model - popularity) / (oracle - "
    "popularity).",
    "candidates_by_truth": "of a synthetic world: the candidates that the ranker gets, "
    "in the order of true click probability times expected watch seconds given a "
    "click: an upper bound of the ranker.",
    "oracle_by_watch_time": "the same order of all videos of the catalogue that are "
    "uploaded and not watched: an upper bound of every system. page_gaps: shares of "
    "the way from candidates to candidates_by_truth and from popularity to "
    "oracle_by_watch_time, in true_watch_seconds, paired by user.",
    "leaks": "the evaluation fails if an input is at or after its label in the order "
    "of the log, or if what a model answers depends on events after the request. "
    "Inputs with the label's own timestamp, which the order puts before it, are "
    "counted.",
}


def explain() -> str:
    """Returns all definitions as text."""
    parts = []
    lists = [*metric_names.defaults(), *metric_names.LISTS]
    of_lists, of_impressions = (
        {name: metric_names.text(name) for name in (*own, *registered.names())}
        for own, registered in (
            (lists, registries.METRICS),
            (metric_names.IMPRESSIONS, registries.IMPRESSION_METRICS),
        )
    )
    for title, entries in (
        ("Lists of k videos, means over users", of_lists),
        ("Logged impressions, for the ranker", of_impressions),
        ("Logged pages with propensities (off_policy)", OFF_POLICY),
        ("Rules", OTHER),
    ):
        lines = [title]
        for name, text in entries.items():
            lines += textwrap.wrap(
                f"{name}: {text}",
                _WIDTH,
                initial_indent="  ",
                subsequent_indent="      ",
            )
        parts.append("\n".join(lines))
    return "\n\n".join(parts)
