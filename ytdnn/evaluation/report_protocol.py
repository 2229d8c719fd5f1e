"""The `protocol` of a report: every rule that its numbers depend on."""

from ytdnn.base import configs
from ytdnn.evaluation import report_parts, shown_scorers, user_cases
from ytdnn.log import events, prepared, prepared_log

# What must agree before two reports can be compared.
RULES = (
    "name",
    "split",
    "order",
    "split_column",
    "targets",
    "horizon_days",
    "remove_watched",
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
    cases: user_cases.Cases,
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
        users=len(cases),
        of_users=config.users,
        of_videos=config.videos,
        users_left_out=cases.num_left_out,
        videos=data.vocabulary_size,
        catalogue=data.num_videos,
        candidate_set="all",
        candidate_set_videos=user_cases.num_candidates(cases),
        targets=config.targets,
        horizon_days=config.horizon_days or None,
        answers=len(cases.targets.values),
        answers_out_of_vocabulary=int(
            (cases.targets.values > data.vocabulary_size).sum()
        ),
        answers_out_of_candidate_set=user_cases.num_unlistable(cases),
        remove_watched=config.remove_watched,
    )


def describe_impressions(
    log: prepared_log.UserLog, impressions: shown_scorers.SplitImpressions
) -> report_parts.ImpressionRules:
    """Returns the rules that the numbers of the ranker depend on."""
    return report_parts.ImpressionRules(
        impressions=len(impressions.rows),
        users=impressions.num_users,
        watch_time_weights=log.has_watch_seconds,
        pairs=log.facts["pages"],
    )
