"""The definition of every number of a report: `ytdnn evaluate --explain`.

The formulas are in the code that computes them; these are the same in words, with
details that definitions usually leave open.
"""

import textwrap

from ytdnn import registries
from ytdnn.evaluation import impression_metrics, list_metrics, metric_names, statement

_WIDTH = 88

LISTS = {
    **metric_names.default_texts(),
    list_metrics.DEBIASED: "right answers found among the first k, each weighted by "
    "one over its propensity, divided by the weights of all answers of all users "
    "(Yang et al., 2018). Propensity: in proportion to the training watches, one at "
    "least, so that every video is as important as every other.",
    metric_names.TRUE_WATCH_SECONDS: "of a synthetic world: expected watch seconds of "
    "one page of the first k shown at the time of the request, by the world's own laws "
    "of clicks and watch time (ytdnn/lab/world/page_truth.py).",
    metric_names.TRUE_CLICKS: "of a synthetic world: expected clicks on that page.",
    metric_names.TRUE_CLICKBAIT: "of a synthetic world: share of that page's videos "
    "that are clickbait, of the tenth of most appeal and of quality below the median.",
    list_metrics.COVERAGE: "distinct videos in the first k of all users' lists, "
    "divided by the videos of the candidate set. It grows with the number of users. "
    "Interval: jackknife, since bootstrap resamples repeat users and always cover "
    "less.",
    list_metrics.MEAN_POPULARITY: "popularity bias: training watches of a recommended "
    "video, averaged over the user's first k, then over users.",
    list_metrics.MEAN_AGE_DAYS: "days from upload to request of a recommended video, "
    "averaged over the user's first k, then over users; without upload time left out.",
    metric_names.SIMILARITY: "intra-list similarity (Ziegler et al., 2005): mean over "
    "all pairs of the first k videos of the cosine of their vectors "
    "(config.evaluation.similarity_by, else the first column of vectors), or of 1 for "
    "two videos of one topic, else 0; a mean over users.",
    metric_names.NOVELTY: "mean self-information of the first k videos, bits: -log2 "
    "of a video's share of the training watches, one added to each count (Zhou et al., "
    "2010; Vargas and Castells, 2011); a mean over users.",
    metric_names.GINI: "Gini index of how often each video of the candidate set is "
    "among the first k of all users' lists (Fleder and Hosanagar, 2009): 0 where all "
    "are listed alike, near 1 where a few take all places. Interval: jackknife over "
    "groups of users.",
    **{
        metric: f"distinct values of {column} in the first k of all users' lists, "
        f"divided by those of the videos that lists can hold; interval as of coverage."
        for metric, column in metric_names.COVERAGES.items()
    },
}
IMPRESSIONS = {
    impression_metrics.AUC: "share of all pairs of a clicked and a not clicked "
    "impression in which the clicked one scores higher; a tie counts one half.",
    impression_metrics.GROUPED_AUC: "AUC of each user who has clicked and not clicked "
    "impressions, averaged with the user's number of impressions as weight (GAUC). A "
    "user's impressions are one list, ordered by what was known when it began.",
    impression_metrics.PER_USER_LOSS: "PAPER §4.3: over all pairs of a clicked and a "
    "not clicked impression on one page of one user, the watch time of clicked ones "
    "that score lower, divided by that of all clicked ones; a tie counts one half. "
    "Without page_id the impressions of a user in one second are a page.",
    impression_metrics.LOG_LOSS: "logistic loss with the weights of training (a click "
    "weighs its watch seconds, no click 1; without watch time all weigh 1), divided by "
    "the total weight. Of a model without such odds they are "
    "E[T] / (1 - P), from its seconds and click probability.",
    impression_metrics.CLICK_LOG_LOSS: "plain logistic loss of the click probability, "
    "a mean over impressions; probabilities are cut to [1e-7, 1 - 1e-7].",
    impression_metrics.XAUC: "share of the pairs of impressions with different watch "
    "seconds (0 without a click) that predicted seconds order alike; a tie of "
    "predictions counts one half.",
    impression_metrics.GROUPED_XAUC: "XAUC of each user who has a pair, averaged with "
    "the user's number of impressions as weight.",
    impression_metrics.PAGE_NDCG: "nDCG of each page with watch time, over the whole "
    "page, the gain of an impression its watch seconds and its discount "
    "1 / log2(rank + 1); ties share the mean discount of their ranks. Mean over a "
    "user's pages, then over users.",
    impression_metrics.LIST_NDCG: "nDCG of each user's list: all impressions shown to "
    "the user in the window, over pages and visits, the gain of an impression its "
    "watch seconds (clicks, without watch time), ordered by what was known when the "
    "list began; ties share the mean discount of their ranks. Mean over users with "
    "two impressions or more, some of them watched.",
    impression_metrics.FIRST_QUARTER: "share of all watch seconds (clicks, without "
    "watch time) that the first quarter of the places of each user's list holds, over "
    "the lists of two impressions or more; a place at the cut counts by its part "
    "inside, ties share their places, so a random order has 0.25.",
    impression_metrics.FIRST_HALF: "the same of the first half; a random order has "
    "0.5.",
    impression_metrics.ABSOLUTE_ERROR: "mean over impressions of |predicted - watched| "
    "seconds. It is least for the median, 0 where most impressions are not clicked: "
    "even the truth is not best by it, and no gap is told.",
    impression_metrics.CALIBRATION_RATIO: "sum of predicted over sum of watched "
    "seconds; 1 is calibrated, above 1 too much is predicted.",
}
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


def list_metric(name: str) -> str:
    """Returns the definition of a metric of lists, empty for an unknown name.

    Args:
      name: Name without `@k`.
    """
    return LISTS.get(name, "") or metric_names.text(name)


def impression_metric(name: str) -> str:
    """Returns the definition of a metric of impressions, empty for an unknown name."""
    return IMPRESSIONS.get(name, "") or metric_names.text(name)


def explain() -> str:
    """Returns all definitions as text."""
    parts = []
    of_lists, of_impressions = (
        {name: metric_names.text(name) for name in each.names()}
        for each in (registries.METRICS, registries.IMPRESSION_METRICS)
    )
    for title, entries in (
        ("Lists of k videos, means over users", LISTS | of_lists),
        ("Logged impressions, for the ranker", IMPRESSIONS | of_impressions),
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
