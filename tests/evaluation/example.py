"""A report made by hand, in the shape of report.json, for tests to change."""

import json
import math
from typing import Any

from ytdnn import configs
from ytdnn.base import formats
from ytdnn.evaluation import report_types

LIST_MODELS = {"popularity": 0.6, "candidates": 1.0, "system": 0.9, "oracle": 1.6}
IMPRESSION_MODELS = {"popularity": 0.62, "ranker": 0.71, "oracle": 0.76}
METRICS = ("hit_rate", "recall", "precision", "map", "ndcg", "mrr")
KS = (10, 50, 100)
UNSAFE_TITLE = "<script>alert(1)</script> & sons"


def _value(metric: str, k: int, skill: float) -> float:
    share = skill * 0.09 * math.log1p(k)
    return share / k if metric == "precision" else share * (0.4 if "m" in metric else 1)


def _around(value: float, width: float = 0.05) -> list[float]:
    return [value * (1 - width), value * (1 + width)]


def _lists() -> dict[str, Any]:
    found = {}
    for model, skill in LIST_MODELS.items():
        values = {f"{m}@{k}": _value(m, k, skill) for m in METRICS for k in KS}
        intervals: dict[str, Any] = {name: _around(v) for name, v in values.items()}
        for k in KS:
            values[f"coverage@{k}"] = min(1.0, skill * k / 200)
            values[f"mean_popularity@{k}"] = 300.0 / skill
            values[f"mean_age_days@{k}"] = 20.0 * skill
        found[model] = {"values": values, "intervals": intervals}
    return found


def _slice(names: list[str]) -> list[dict[str, Any]]:
    rows = []
    for place, name in enumerate(names):
        lists = {
            model: {
                f"{metric}@10": [value, *_around(value, 0.1)]
                for metric in ("hit_rate", "recall", "ndcg")
                for value in [_value(metric, 10, skill) * (1 + 0.2 * place)]
            }
            for model, skill in LIST_MODELS.items()
        }
        rows.append(
            {"value": name, "users": 100 * (place + 1), "answers": 900, "lists": lists}
        )
    return rows


def _impressions() -> dict[str, Any]:
    found = {}
    for model, auc in IMPRESSION_MODELS.items():
        values = {"auc": auc, "log_loss": 1 - auc, "weighted_per_user_loss": 1 - auc}
        intervals = {name: _around(value, 0.02) for name, value in values.items()}
        found[model] = {"values": values, "intervals": intervals}
    return found


def _tenths(slope: float, first: float = 4.0) -> list[dict[str, Any]]:
    found = []
    for place in range(10):
        observed = slope * first * 1.3**place
        around = [observed, *_around(observed, 0.1)]
        ratio = [1 / slope, *_around(1 / slope, 0.1)]
        tenth = {"predicted": first * 1.3**place, "observed": around, "ratio": ratio}
        found.append(tenth | {"impressions": 80})
    return found


def _calibration() -> dict[str, Any]:
    seconds = {"seconds": _tenths(1.05), "clicks": _tenths(0.9, 0.05), "odds": []}
    odds = {"seconds": [], "clicks": [], "odds": _tenths(0.7)}
    return {"ranker": seconds, "popularity": odds}


def _video(number: int, title: str = "") -> dict[str, Any]:
    return {
        "video_id": f"v{number}",
        "title": title or f"Cats: {number} kittens that purr in a box",
        "topic": "cats",
    }


def _example(number: int) -> dict[str, Any]:
    lists = {
        model: [_video(20 * place + i) | {"is_answer": i == number} for i in range(10)]
        for place, model in enumerate(LIST_MODELS)
    }
    return {
        "user_id": f"u{number}",
        "facts": {"age": 20 + number, "country": "BR"},
        "history_length": 61,
        "history": [*(_video(901 + i) for i in range(5)), _video(900, UNSAFE_TITLE)],
        "lists": lists,
        "num_answers": 2,
        "answers": [_video(number), {"video_id": None, "title": "(unknown)"}],
    }


def _off_policy() -> dict[str, Any]:
    def three(value: float) -> list[float]:
        return [value, *_around(value)]

    def estimated(clicks: float, seconds: float) -> dict[str, Any]:
        return {
            "clicks": {"ips": three(clicks), "snips": three(clicks)},
            "watch_seconds": {n: three(seconds) for n in ("ips", "snips", "dr")},
        }

    systems = {
        model: {
            "per_place": estimated(0.1 * skill, 40.0 * skill),
            "per_page": estimated(0.7 * skill, 320.0 * skill),
            "mean_weight": three(0.9 * skill),
            "share_never_shown": 0.625,
            "effective_places": 1_234.0 * skill,
            "effective_pages": 12.0 * skill,
        }
        for model, skill in LIST_MODELS.items()
        if model != "oracle"
    }
    return {
        "pages": 2_000,
        "pages_known": 5_400,
        "pages_left_out": 17,
        "users": 812,
        "places": 16_000,
        "most_weight": None,
        "logged_per_place": {"clicks": three(0.08), "watch_seconds": three(31.5)},
        "logged_per_page": {"clicks": three(0.64), "watch_seconds": three(252.0)},
        "systems": systems,
    }


def shown_lists(is_world: bool = False) -> dict[str, Any]:
    """Returns orders of the videos that each user was shown."""

    def three(value: float) -> list[float]:
        return [value, *_around(value, 0.02)]

    orders = {"popularity": 0.621, "logged": 0.507, "candidates": 0.583}
    orders |= {"ranker": 0.684, "best": 0.972, "random": 0.5}
    if is_world:
        orders["oracle"] = 0.8
    systems = {
        name: {
            "first_quarter_share": three(half / 1.8),
            "first_half_share": three(half),
            "list_ndcg": three((half + 1.0) / 2.0),
            "grouped_auc": three(min(1.0, half - 0.02)),
        }
        for name, half in orders.items()
    }
    ahead = {
        name: {
            metric: [value[0] - systems[name][metric][0], -0.01, 0.13]
            for metric, value in systems["ranker"].items()
        }
        for name in ("popularity", "logged", "candidates")
    }
    return {
        "users": 2_400,
        "users_left_out": 500,
        "impressions": 40_500,
        "gain": "watch_seconds",
        "total": 1_234_567.0,
        "logged_order": "time",
        "systems": systems,
        "ahead": ahead,
    }


def report() -> dict[str, Any]:
    """Returns a whole report: four models of lists, three of impressions."""
    return {
        "format_version": report_types.FORMAT_VERSION,
        "name": "mine",
        "made": {
            "time": "2026-11-24T18:00:00+00:00",
            "seconds": 12.5,
            "versions": {"python": "3.11.7", "ytdnn": "0.1.0", "numpy": "2.4.6"},
            "git_commit": "0" * 40,
            "machine": "x86_64, 2 cores",
            "seed": 0,
        },
        "protocol": {
            "name": "temporal",
            "split": "test",
            "source": "world",
            "order": "time, then order, then file row",
            "split_column": False,
            "users": 3_812,
            "users_left_out": 41,
            "videos": 1_987,
            "catalogue": 2_100,
            "candidate_set": "all",
            "candidate_set_videos": 1_987,
            "horizon_days": None,
            "targets": "all",
            "answers": 20_345,
            "answers_out_of_vocabulary": 4_069,
            "answers_out_of_candidate_set": 0,
            "remove_watched": True,
            "ranker": {
                "impressions": 41_000,
                "users": 2_900,
                "watch_time_weights": True,
                "pairs": "page_id",
            },
            "num_candidates": 100,
        },
        "leaks": {
            "checked_examples": 20_345,
            "inputs_at_or_after_label": 0,
            "same_second_inputs": 17,
            "examples_with_same_second_inputs": 11,
        },
        "lists": _lists(),
        "slices": {
            "activity": _slice(["1–9 watches", "10–49 watches", "50+ watches"]),
            "country": _slice(["BR", "GB", "US"]),
        },
        "impressions": _impressions(),
        "calibration": _calibration(),
        "off_policy": _off_policy(),
        "training": {
            "candidates": {
                "epochs": [1, 2, 3],
                "scalars": {
                    "loss": [7.1, 6.4, 6.2],
                    "hit_rate@10": [0.2, 0.27, 0.29],
                    "hit_rate@100": [0.5, 0.6, 0.7],
                    "map@10": [0.02, 0.03, 0.04],
                },
            },
            "ranking": {
                "epochs": [1, 2],
                "scalars": {"loss": [0.4, 0.3], "auc": [0.66, 0.7]},
            },
        },
        "examples": [_example(number) for number in range(3)],
        "index": {"exact_recall": 1.0, "scann_recall": 0.983},
        "latency": {"exact_ms": 0.41, "scann_ms": 0.12, "ranker_batched_ms": 1.7},
        "config": formats.plain(configs.to_dict(configs.Config())),
    }


def with_pages(is_world: bool = True) -> dict[str, Any]:
    """Returns a report of a log with watch time, or of a world with its true pages."""
    whole = report()
    lists = whole["lists"]
    seconds = {"popularity": 230.0, "candidates": 520.0, "system": 1_390.0}
    metrics = ["hit_watch_seconds", "watch_time_recall", "watch_time_ndcg"]
    if is_world:
        bounds = {"candidates_by_truth": 2_098.0, "oracle_by_watch_time": 4_218.0}
        for name in bounds:
            lists[name] = json.loads(json.dumps(lists["oracle"]))
        seconds |= {"oracle": 824.0} | bounds
        metrics += ["true_watch_seconds", "true_clicks"]
        gain = [1_390.0 - 520.0, 833.0, 903.0]
        whole["ranker_gain"] = {"true_watch_seconds@10": gain}
    for model, value in seconds.items():
        for metric in metrics:
            for k in KS:
                share = value if "seconds" in metric else value / 5_000
                lists[model]["values"][f"{metric}@{k}"] = share
                lists[model]["intervals"][f"{metric}@{k}"] = _around(share)
    for rows in (whole["slices"]["country"],) if is_world else ():
        for row in rows:
            for model, of_model in row["lists"].items():
                of_model["true_watch_seconds@10"] = [seconds[model]] * 3
    return whole


def typed(values: dict[str, Any] | None = None) -> report_types.Report:
    """Returns a report as evaluation makes it: of these values, or the whole one."""
    return report_types.from_json(json.dumps(report() if values is None else values))


def bare() -> dict[str, Any]:
    """Returns a report of one model and nothing that can be left out."""
    whole = report()
    whole["lists"] = {"candidates": {"values": {"recall@5": 0.25}, "intervals": {}}}
    whole["protocol"]["ranker"] = None
    for part in (
        "slices",
        "impressions",
        "calibration",
        "training",
        "index",
        "latency",
    ):
        whole[part] = {}
    return whole | {"examples": [], "off_policy": None}
