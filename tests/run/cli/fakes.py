"""Stand-ins for the rooms behind the command line: each writes a tiny artefact."""

import pathlib
import sys
import types
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.evaluation import example
from ytdnn import configs
from ytdnn.base import artifacts, errors, formats
from ytdnn.evaluation import order_choice_artifact, report_files
from ytdnn.run.pipeline import steps

Path = pathlib.Path
Config = configs.Config


class Rooms:
    """Records which rooms were called, and lets a test steer them.

    Attributes:
      calls: Names of the steps run, in order.
      shown: Reports printed.
      has_impressions: What the prepared log says of itself.
      has_own_window: Likewise, of the ranker's.
      serves_ranker: What is chosen of the ranker.
      fails_in: The step that raises, as if interrupted in the middle.
      breaks_in: The step that is refused.
      facts: Of the prepared set: the size of the log.
      winner: Member of the contest that wins.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.shown: list[Any] = []
        self.has_impressions = True
        self.has_own_window = True
        self.serves_ranker = True
        self.fails_in = ""
        self.breaks_in = ""
        self.winner = "wide"
        self.facts = {"watches": 100_000, "users": 900, "vocabulary": 1_700}
        self.facts["impressions"] = 100_000

    def _make(
        self,
        name: str,
        workdir: Path,
        config: Any,
        inputs: Any,
        facts: Any = None,
        **others: str,
    ) -> None:
        is_refit = workdir.name in ("refit", "earlier")
        self.calls.append(f"{workdir.name}/{name}" if is_refit else name)
        made_from = {
            other: artifacts.read_manifest(
                workdir / other, pathlib.PurePath(other).name
            ).fingerprint
            for other in inputs
        } | others
        if name == "data":
            facts = self.facts | (facts or {})
        path = workdir / name
        with artifacts.publish(path, name, config, made_from, facts) as partial:
            (partial / "content.txt").write_text(str(len(self.calls)))
            if self.fails_in == name:
                raise KeyboardInterrupt
            if self.breaks_in == name:
                raise errors.UserError("expected another value")

    def prepare(
        self, config: configs.DataConfig, directory: Path, given: Any = None
    ) -> None:
        self._make("data", directory.parent, configs.to_dict(config), [])

    def load(self, directory: Path) -> Any:
        manifest = artifacts.read_manifest(directory, "data")
        windows = types.SimpleNamespace(
            has_own_window=self.has_own_window,
            ranker_left_out=lambda config: self._left_out(config),
        )
        return types.SimpleNamespace(
            windows=windows,
            log=types.SimpleNamespace(has_impressions=self.has_impressions),
            users={"user_id": ["u1"]},
            manifest=manifest,
        )

    def _left_out(self, config: configs.RankingConfig) -> str:
        if not config.enabled:
            return "config.ranking.enabled is false"
        return "" if self.has_impressions else "the log has no impressions"

    def trainer(self, name: str) -> types.SimpleNamespace:
        def step_config(config: Config) -> dict[str, Any]:
            part = configs.as_trained(getattr(config, name))
            return {name: part, "seed": config.seed}

        inputs = ["data"] if name == "candidates" else ["data", "candidates"]

        def train(
            config: Config,
            data: Any,
            directory: Path,
            first_stage: Any = None,
            chosen: Any = None,
        ) -> None:
            if chosen is None and isinstance(first_stage, artifacts.Manifest):
                chosen = first_stage  # of candidates, which have no first stage
            others = {name: chosen.fingerprint} if chosen else {}
            part, facts = step_config(config), {"epochs": 3}
            self._make(name, directory.parent, part, inputs, facts, **others)

        return types.SimpleNamespace(
            step_config=step_config, train=train, versions=lambda config: {}
        )

    def hold_contest(
        self, members: Any, data: Any, directory: Path, config: Any
    ) -> None:
        inputs = {"data": data.manifest.fingerprint}
        facts = {"winner": self.winner, "lines": []}
        assert self.winner in members
        with artifacts.publish(directory, "contest", config, inputs, facts):
            pass

    def build_index(
        self, directory: Path, vectors: Any, config: configs.IndexConfig, inputs: Any
    ) -> None:
        self._make("index", directory.parent, configs.to_dict(config), inputs)

    def evaluate(
        self, workdir: Path, config: Config, split: str, stage: str = ""
    ) -> report_files.Result:
        names = ["data", "candidates"]
        names += [] if stage else ["index", "baselines"]
        has_ranker = self.has_impressions and config.ranking.enabled
        if stage != "candidates" and has_ranker:
            names.append("ranking")
        is_chosen = config.ranking.enabled == "auto"
        if is_chosen and not stage:
            names.append("choice")
        inputs = {
            name: artifacts.read_manifest(workdir / name, name).fingerprint
            for name in names
        }
        settings = {"config": formats.plain(configs.to_dict(config))}
        report = example.typed(example.bare() | settings)
        return report_files.Result(report, pl.DataFrame(), inputs)

    def fit_baselines(self, config: Config, workdir: Path, *_: Any) -> None:
        self._make("baselines", workdir, {}, ["data"])

    def choose(
        self, config: Config, workdir: Path, *_: Any
    ) -> order_choice_artifact.Choice:
        return order_choice_artifact.Choice(self.serves_ranker, "judged by a stand-in")

    def write_evaluation(self, directory: Path, result: report_files.Result) -> None:
        self.calls.append(directory.name)
        with report_files.publish(directory, result):
            if self.fails_in == directory.name:
                raise KeyboardInterrupt

    def derive(self, data: Any, part: str, directory: Path, needs_ranker: bool) -> None:
        facts = {"vocabulary": 2, "refit": {"trained_to": 1_700_000_000}}
        made_from = {"data": data.manifest.fingerprint}
        config = data.manifest.config
        self._make("data", directory.parent, config, [], facts, **made_from)

    def publish_ranking(
        self, config: Config, earlier: Any, later: Any, inputs: Any
    ) -> None:
        part = self.trainer("ranking").step_config(config)
        self._make("ranking", later.directory.parent, part, [], {"epochs": 3}, **inputs)

    def export(self, workdir: Path, config: Config, refit: Any = None) -> Path:
        of_models = ["candidates", "index"]
        has_ranker = self.has_impressions and config.ranking.enabled
        of_models += ["ranking"] if has_ranker else []
        home = f"{refit.name}/" if refit else ""
        inputs = ["data", *(home + name for name in of_models)]
        self._make("bundle", workdir, bundle_config(config), inputs)
        return workdir / "bundle"


def bundle_config(config: Config) -> dict[str, Any]:
    part = {"composition": configs.to_dict(config.composition)}
    return part | ({"refit": True} if config.refit else {})


def _vectors() -> np.ndarray:
    return np.zeros((1, 2), np.float32)


def install(monkeypatch: pytest.MonkeyPatch) -> Rooms:
    """Puts the stand-ins where the command line imports the rooms from."""
    rooms = Rooms()
    modules = {
        "log.prepare": types.SimpleNamespace(prepare=rooms.prepare),
        "log.prepared": types.SimpleNamespace(load=rooms.load, REFIT="refit"),
        "log.derived_sets": types.SimpleNamespace(
            derive=rooms.derive,
            FACT="refit",
            TRAINED_TO="trained_to",
            Part=types.SimpleNamespace(EARLIER="earlier", WHOLE="whole"),
        ),
        "training.adapted_ranking": types.SimpleNamespace(
            publish=rooms.publish_ranking,
            load=lambda _, home: types.SimpleNamespace(
                directory=home / "ranking", data=None, first_stage=None
            ),
        ),
        "training.contest": types.SimpleNamespace(
            KIND="contest", run=rooms.hold_contest
        ),
        "training.candidates": rooms.trainer("candidates"),
        "training.ranking": rooms.trainer("ranking"),
        "candidates.model": types.SimpleNamespace(
            load=lambda directory, data: types.SimpleNamespace(video_vectors=_vectors)
        ),
        "retrieval.trained_stage": types.SimpleNamespace(load=lambda *_: None),
        "retrieval.index.artifact": types.SimpleNamespace(build=rooms.build_index),
        "evaluation.order_choice": types.SimpleNamespace(from_run=rooms.choose),
        "evaluation.live_term_choice": types.SimpleNamespace(from_run=rooms.choose),
        "evaluation.pool_choice": types.SimpleNamespace(
            from_run=lambda config, workdir, served: served
        ),
        "evaluation.tuned_baselines": types.SimpleNamespace(
            make=rooms.fit_baselines,
            step_config=lambda config: {},
            describe=lambda workdir: [],
        ),
        "evaluation.evaluate_run": types.SimpleNamespace(evaluate=rooms.evaluate),
        "evaluation.prepare_summary": types.SimpleNamespace(
            lines=lambda data, named, workdir, is_full: ["table"] * is_full
        ),
        "evaluation.terminal": types.SimpleNamespace(
            show=lambda report, is_full: rooms.shown.append(report)
        ),
        "bundle.added_videos_table": types.SimpleNamespace(inputs=lambda workdir: {}),
        "bundle.removed_videos": types.SimpleNamespace(inputs=lambda workdir: {}),
        "bundle.export": types.SimpleNamespace(
            export=rooms.export,
            step_config=bundle_config,
            Refit=lambda name, *_: types.SimpleNamespace(name=name),
        ),
    }
    monkeypatch.setattr(report_files, "write", rooms.write_evaluation)
    monkeypatch.setattr(steps, "require_features", lambda *_: None)
    for name, module in modules.items():
        package, _, leaf = name.rpartition(".")
        monkeypatch.setitem(sys.modules, f"ytdnn.{name}", module)
        parent = __import__(f"ytdnn.{package}", fromlist=["_"])
        monkeypatch.setattr(parent, leaf, module, raising=False)
    return rooms
