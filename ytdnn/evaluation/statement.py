"""The `protocol` of a report: every rule that its numbers depend on, in words."""

from ytdnn.base import configs, ragged
from ytdnn.evaluation import protocol, ranker, report_parts, truths
from ytdnn.log import catalogues, events, prepared, shard_index, user_log

_WATCHES_A_PART = 1 << 22
_VOCABULARY = "all videos of the vocabulary"
_WITH_NEW_VIDEOS = (
    "all videos of the vocabulary, and new ones uploaded by the time of the request or "
    "without upload time"
)
_HISTORY = {
    "temporal": "all watches before the evaluated window",
    "leave_one_out": "all watches before the answer, with those held out for "
    "validation (not trained on unless trains_on_validation is true)",
    "split": "all watches before the user's first watch in the split, with those held "
    "out for validation",
}
_REQUEST_TIME = {
    "temporal": "when the evaluated window begins",
    "leave_one_out": "the last watch of the history",
    "split": "the last watch of the history",
}
JUDGED_BY = (
    "Retrieval is judged by recall and hit rate of the videos watched afterwards; the "
    "ranker, and so the whole system, by watch time: on a world by the true watch "
    "seconds of the slate, on any log by the watch time that the first places of each "
    "user's own impressions hold, and the weighted per-user loss. Hits, and their "
    "watch seconds, punish a ranker that does not order by what was exposed."
)
_TRUE_PAGE = (
    "each list is shown at the time of the request as one page; clicks depend on the "
    "place, the user's latest unclicked impressions and latest watches before that "
    "time; watch seconds are expected over the user's own devices; bounds order by "
    "click probability times expected watch seconds given a click"
)
# What must agree before two reports can be compared.
RULES = (
    "name",
    "split",
    "order",
    "split_column",
    "targets",
    "horizon_days",
    "candidate_set",
    "remove_watched",
    "ties",
    "of_users",
    "of_videos",
)


_MARKS = {
    "sees_request_time": "sees request time",
    "trains_on_validation": "trained on validation too",
}


def marks(rules: report_parts.Protocol) -> list[str]:
    """Returns the caveats that apply to every number of a report's candidate model."""
    return [words for name, words in _MARKS.items() if getattr(rules, name)]


def describe(
    data: prepared.PreparedData,
    found: protocol.Cases,
    split: events.Split,
    config: configs.EvaluationConfig,
) -> report_parts.Protocol:
    """Returns the rules that the numbers of the lists depend on."""
    name = data.config.protocol
    return report_parts.Protocol(
        name=name,
        split="test" if split == events.Split.TEST else "validation",
        source=data.config.source,
        order=", then ".join(data.manifest.facts["order"]),
        split_column=data.manifest.facts["split_column"] and name != "leave_one_out",
        users=len(found),
        of_users=config.users,
        of_videos=config.videos,
        users_left_out=found.num_left_out,
        videos=data.vocabulary_size,
        catalogue=data.num_videos,
        candidate_set="all",
        candidate_set_means=_candidate_set(data.catalogue, found),
        candidate_set_videos=protocol.num_candidates(found),
        targets=config.targets,
        targets_means=_targets(config),
        horizon_days=config.horizon_days or None,
        answers=len(found.targets.values),
        answers_out_of_vocabulary=int(
            (found.targets.values > data.vocabulary_size).sum()
        ),
        answers_out_of_candidate_set=protocol.num_unlistable(found),
        remove_watched=config.remove_watched,
        ties="lower video index first",
        request_time=f"{_REQUEST_TIME[name]}; no model sees the time of the answer "
        f"unless sees_request_time is true",
        history=f"{_HISTORY[name]}; searches before the request; device and "
        f"logged-in state of the request are those of the first answer's watch",
        train_watches_after_answers=_num_train_watches_after(data.log, found),
        intervals=f"95 %, percentiles of {config.num_resamples:,} bootstrap "
        f"resamples of the users",
        judged_by=JUDGED_BY,
        true_page=_TRUE_PAGE if truths.is_known(data) else None,
    )


def describe_impressions(
    log: user_log.UserLog, impressions: ranker.SplitImpressions
) -> report_parts.ImpressionRules:
    """Returns the rules that the numbers of the ranker depend on."""
    return report_parts.ImpressionRules(
        impressions=len(impressions.rows),
        users=impressions.num_users,
        watch_time_weights=log.has_watch_seconds,
        pairs=log.facts["pages"],
    )


def _candidate_set(catalogue: catalogues.Catalogue, found: protocol.Cases) -> str:
    has_new = found.num_listed > catalogue.vocabulary_size
    return _WITH_NEW_VIDEOS if has_new else _VOCABULARY


def _targets(config: configs.EvaluationConfig) -> str:
    what = {
        "all": "every video watched in the split",
        "next": "the first video watched in the split",
        "last": "the last video watched in the split, by all watched before it",
    }[config.targets]
    days = config.horizon_days
    within = f" within {days:g} days of the request" if days else ""
    unless = ", unless watched before" if config.remove_watched else ""
    return what + within + unless


def _num_train_watches_after(log: user_log.UserLog, found: protocol.Cases) -> int:
    """Returns the number of training watches of evaluated users after their history."""
    lasts = log.shard_index.offsets("watches")[found.users + 1]
    number = 0
    for part in shard_index.bounded(lasts - found.ends, _WATCHES_A_PART):
        later = ragged.ranges(found.ends[part], lasts[part]).values
        splits = log.shard_index.gather("watches", "splits", later)
        number += int((splits == events.Split.TRAIN).sum())
    return number
