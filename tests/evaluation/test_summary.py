import pytest

from ytdnn.evaluation import report_model, summary


def _entry(**values: float) -> report_model.Entry:
    intervals = {name: (value, value) for name, value in values.items()}
    return report_model.Entry(values=dict(values), intervals=intervals)


def test_no_gap_is_told_by_what_the_truth_is_not_best_by() -> None:
    models = {
        "popularity": _entry(auc=0.6, mae_seconds=50.0, calibration_ratio=1.3),
        "ranker": _entry(auc=0.7, mae_seconds=30.0, calibration_ratio=0.8),
        "oracle": _entry(auc=0.8, mae_seconds=40.0, calibration_ratio=1.0),
    }
    found = summary.gaps_closed(models, "popularity", "oracle")
    assert found == {"ranker": {"auc": pytest.approx(0.5)}}
