"""What every number of a report means: `ytdnn evaluate --explain`.

The formulas live beside the code that computes them; these are the same in words, with
what definitions usually leave unsaid.
"""

import textwrap

from ytdnn.evaluation import list_metrics, ranker

_WIDTH = 88

LISTS = {
    "recall": "hits among the first k, divided by all right answers of the user, in "
    "the list or not (ranx's recall).",
    "precision": "hits among the first k, divided by k, however long the list is and "
    "however few answers there are (ranx's precision).",
    "hit_rate": "1 where at least one of the first k is right, else 0. With one answer "
    "a user, as in leave_one_out, equal to recall and known as HR@k.",
    "map": "mean of precision@i over the ranks i ≤ k that are hits, its sum divided by "
    "all right answers of the user, not by min(k, answers): with more than k answers "
    "1 cannot be reached (ranx's map).",
    "ndcg": "sum of 1 / log2(rank + 1) over the hits among the first k, divided by the "
    "same sum of a list that begins with min(k, answers) hits (ranx's ndcg).",
    "mrr": "1 / rank of the first hit among the first k, 0 without one (ranx's mrr).",
    list_metrics.COVERAGE: "videos in the first k of at least one user's list, divided "
    "by all videos of the candidate set. It grows with the number of users. Interval: "
    "jackknife over users, as a resample repeats users and always covers less.",
    list_metrics.MEAN_POPULARITY: "popularity bias: training watches of a listed "
    "video, averaged over the user's first k, then over users.",
    list_metrics.MEAN_AGE_DAYS: "days from upload to the request, averaged over the "
    "user's first k, then over users; videos without upload time are left out.",
}
IMPRESSIONS = {
    ranker.AUC: "share of (click, no click) pairs of all impressions in which the "
    "click scores higher; a tie counts one half.",
    ranker.GROUPED_AUC: "AUC within each user who has both kinds, averaged with the "
    "user's number of impressions as weight (GAUC).",
    ranker.LOG_LOSS: "logistic loss under the weights of training (a click weighs its "
    "watch seconds, no click 1; both 1 without watch time), over the total weight.",
    ranker.PER_USER_LOSS: "PAPER §4.3: over all pairs of a click and a no-click on one "
    "page of one user, watch time of the clicks that score lower, divided by that of "
    "all; a tie counts one half. Without page_id a page is one user and second.",
}
OTHER = {
    "users": "one case a user with a watch in the split; users left without an answer "
    "are left out and counted (users_left_out). All means are over cases.",
    "full ranking": "every video of the candidate set is ranked for every user; "
    "nothing is sampled.",
    "ties": "equal float32 scores: the lower video index first. Scores are products of "
    "float32 vectors as the linear algebra library rounds them.",
    "watched": "videos of the history are removed from every list and are no answers; "
    "with remove_watched=false they stay in the lists and may be answers.",
    "out of vocabulary": "a video that was not in training is an answer that no list "
    "can hold; it counts among the answers (answers_out_of_vocabulary).",
    "interval": "95 %, percentile bootstrap over users (num_resamples, seed). Of AUC "
    "with scores in up to 512 bins, moved to the exact AUC.",
    "calibration": "ten equal parts of the impressions by exp(logit), which is served "
    "as expected watch seconds. Observed: watch seconds divided by the impressions "
    "without a click, what training fits, E[T] / (1 - P); mean_seconds divides by all "
    "impressions. Without watch time: odds of a click.",
    "slices": "right answers with one value of a column; the lists are whole, the "
    "users those with such an answer.",
    "system": "the best num_candidates of the candidate model in the ranker's order, "
    "as served.",
    "leaks": "an input at or after its label in the stated order, or a model whose "
    "answers move with what happens after the request, fails the run. Inputs of the "
    "label's own second that the order puts before it are counted.",
}


def explain() -> str:
    """Returns all definitions as text."""
    parts = []
    for title, entries in (
        ("Lists, at length k, each a mean over users", LISTS),
        ("Impressions", IMPRESSIONS),
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
