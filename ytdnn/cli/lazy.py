"""Calls into the other lazy, imported when called: TensorFlow loads for seconds."""

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ytdnn import artifacts, configs
from ytdnn.cli import output
from ytdnn.evaluation import report_files


def fingerprints(workdir: pathlib.Path, names: Iterable[str]) -> dict[str, str]:
    """Returns the fingerprint of each artefact of a run."""
    return {
        name: artifacts.read_manifest(workdir / name, name).fingerprint
        for name in names
    }


def prepare(config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `workdir/data`."""
    from ytdnn.data import prepare as prepare_room

    prepare_room.prepare(config.data, workdir / "data")


def data_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/data` depends on."""
    return configs.to_dict(config.data)


def has_impressions(workdir: pathlib.Path) -> bool:
    """Whether the prepared log has impressions, without which there is no ranker."""
    from ytdnn.data import prepared

    return prepared.load(workdir / "data").has_impressions


def train_candidates(config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `workdir/candidates`."""
    from ytdnn.data import prepared
    from ytdnn.training import candidates

    candidates.train(config, prepared.load(workdir / "data"), workdir / "candidates")


def candidates_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/candidates` depends on."""
    from ytdnn.training import candidates

    return candidates.step_config(config)


def build_index(config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `workdir/index`."""
    from ytdnn.candidates import model
    from ytdnn.data import prepared
    from ytdnn.index import artifact

    data = prepared.load(workdir / "data")
    candidates = model.load(workdir / "candidates", data)
    inputs = fingerprints(workdir, ["data", "candidates"])
    vectors = candidates.video_vectors()
    with output.native_log_kept_back():
        artifact.build(workdir / "index", vectors, config.index, inputs)


def index_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/index` depends on."""
    return configs.to_dict(config.index)


def train_ranking(config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `workdir/ranking`."""
    from ytdnn.data import prepared
    from ytdnn.training import ranking

    ranking.train(config, prepared.load(workdir / "data"), workdir / "ranking")


def ranking_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/ranking` depends on."""
    from ytdnn.training import ranking

    return ranking.step_config(config)


def evaluate(
    config: configs.Config,
    workdir: pathlib.Path,
    split: str = "test",
    stage: str = "",
) -> None:
    """Makes `workdir/evaluation`, or that of the other split, or of a stage alone."""
    from ytdnn.evaluation import evaluate_run
    from ytdnn.pages import files

    result = evaluate_run.evaluate(workdir, config, split, stage)
    files.write(workdir / report_files.DIRECTORIES[split], result)


def evaluate_other(
    kind: str,
    path: pathlib.Path,
    data: Any,
    config: configs.Evaluation,
    split: str,
    out: pathlib.Path,
) -> None:
    """Writes the evaluation of a bundle or of a file of predictions, as `kind` says."""
    from ytdnn.evaluation import bundles, other_systems, predictions
    from ytdnn.pages import files

    report_files.require_own(out)
    if kind == "bundle":
        other = bundles.read(path, data, config)
    else:
        other = predictions.read(path, data)
    files.write(out, other_systems.evaluate(other, data, config, split))


def compare(
    paths: Sequence[pathlib.Path], fail_if: str, models: tuple[str, str] | None
) -> list[str]:
    """Prints the differences of two reports; returns the conditions that hold."""
    import rich

    from ytdnn.evaluation import compare as compare_room
    from ytdnn.evaluation import conditions
    from ytdnn.pages import compared

    parsed = conditions.parse(fail_if)
    first, second = (report_files.read(path) for path in paths)
    config = configs.Evaluation()
    found = compare_room.compare(first, second, parsed, config, models)
    rich.print(compared.render(found))
    return found.failures


def study(
    found: Mapping[str, Mapping[int, pathlib.Path]],
    split: str,
    metrics: Sequence[str],
    directory: pathlib.Path,
) -> None:
    """Prints the table of a study and writes `study.json` and `study.md`."""
    from ytdnn.evaluation import study as study_room
    from ytdnn.pages import studied

    result = study_room.measure(found, split, metrics)
    screen = output.screen()
    screen.print(studied.render(result, screen.width), highlight=False)
    artifacts.write_text(directory / "study.md", studied.markdown(result))
    artifacts.write_json(directory / "study.json", result)
    output.say(f"table: {directory / 'study.md'}, numbers: {directory / 'study.json'}")


def explain() -> str:
    """Returns what every number of a report means."""
    from ytdnn.evaluation import definitions

    return definitions.explain()


def show_report(directory: pathlib.Path) -> None:
    """Prints an evaluation as tables, and where its page and its curves lie."""
    from ytdnn.pages import terminal

    terminal.show(report_files.read(directory).report)
    output.say(f"report: {directory / report_files.PAGE} (open it in a browser)")
    output.say(f"curves: tensorboard --logdir={directory / artifacts.LOGS}")


def evaluation_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/evaluation` depends on."""
    return configs.to_dict(config.evaluation)


def export(config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `workdir/bundle`."""
    from ytdnn.serving import export as export_room

    export_room.export(workdir, config)


def bundle_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/bundle` depends on."""
    from ytdnn.serving import export as export_room

    return export_room.step_config(config)


def load_data(workdir: pathlib.Path) -> Any:
    """Returns the prepared set of a run."""
    return load_prepared(workdir / "data")


def load_prepared(directory: pathlib.Path) -> Any:
    """Returns the prepared set in a directory."""
    from ytdnn.data import prepared

    return prepared.load(directory)


def load_bundle(directory: pathlib.Path) -> Any:
    """Returns the bundle in a directory."""
    from ytdnn.serving import bundle

    return bundle.load(directory)


def read_request(path: pathlib.Path) -> dict[str, Any]:
    """Returns the request in a JSON file."""
    from ytdnn.serving import requests

    return requests.read(path)


def user_request(data: Any, user: str) -> dict[str, Any]:
    """Returns the request of a user at the end of the log."""
    from ytdnn.serving import requests

    return requests.request_for_user(data, user)


def write_world(world: configs.World, directory: pathlib.Path) -> dict[str, int]:
    """Writes the tables of a world and returns the rows of each."""
    from ytdnn.data.sources import world as world_source
    from ytdnn.world import generate

    return world_source.write(generate.World(world), directory)


def draw_world(
    world: configs.World, directory: pathlib.Path, name: str, beside: str
) -> None:
    """Draws the page of a written world, MovieLens beside it where a path is given."""
    from ytdnn.data import sources
    from ytdnn.data.sources import world as world_source
    from ytdnn.pages import world_page

    logs = {"the world": world_source.first_crowd(directory)}
    if beside:
        data = configs.Data(source="movielens", dir=beside)
        logs["MovieLens"] = sources.read(data).tables
    summary = (
        f"The synthetic world of seed {world.seed}: {world.num_users:,} users, "
        f"{world.num_videos:,} videos, {world.num_days} days. Drawn of its first "
        f"users, who are a fair sample of all."
    )
    artifacts.write_text(directory / name, world_page.draw(logs, summary))
