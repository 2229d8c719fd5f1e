"""The implementation of each step, and the settings that its output depends on.

Every function takes (config, workdir). Packages are imported inside functions:
TensorFlow takes seconds to load, and help, errors and `import ytdnn` do not need it.
"""

import gc
import pathlib
import tempfile
from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any

from ytdnn.base import artifacts, configs, errors
from ytdnn.run.pipeline import log_size, native_messages

if TYPE_CHECKING:
    from ytdnn.log import prepared
    from ytdnn.log.sources import memory_tables
    from ytdnn.run.pipeline import shared_machines


def fingerprints(workdir: pathlib.Path, names: Iterable[str]) -> dict[str, str]:
    """Returns the fingerprint of each artefact of a run, by its path in the workdir."""
    paths = {name: workdir / name for name in names}
    return {
        name: artifacts.read_manifest(path, path.name).fingerprint
        for name, path in paths.items()
    }


_ON_ONE_MACHINE = ("none", "mirrored", "tpu")  # strategies
_TRAINED = (
    "contest",
    "candidates",
    "ranking",
)  # whose time bounds that of the baselines


def prepare(
    config: configs.Config,
    workdir: pathlib.Path,
    given: "memory_tables.TablesInMemory | None" = None,
    machines: "shared_machines.Machines | None" = None,
) -> None:
    """Makes `workdir/data`, from the source or from tables in memory."""
    from ytdnn.log import prepare as log_prepare

    if config.data.source == "world" and not config.data.dir:
        log_size.require_memory_of_world(config.data.world)
    directory = workdir / "data"
    if machines is None:
        log_prepare.prepare(config.data, directory, given)
        return
    with machines.tasks(directory) as run_tasks:
        log_prepare.prepare(config.data, directory, given, run_tasks)


def describe_data(
    config: configs.Config, workdir: pathlib.Path, is_full: bool = True
) -> list[str]:
    """Returns the lines to print after `workdir/data` is made."""
    from ytdnn.evaluation import prepare_summary
    from ytdnn.log import prepared

    named = {*config.ranking.features.add, *config.candidates.features.add}
    return prepare_summary.lines(
        prepared.load(workdir / "data"), named, errors.shell(str(workdir)), is_full
    )


def vectors_left_out(config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns why the candidates have no vectors; empty for the network."""
    del workdir
    own = config.candidates
    return "" if own.is_network else f"candidates.model={own.model.kind} makes lists"


def require_vectors(config: configs.Config) -> None:
    """Checks that the candidate model is the network, for what needs its vectors.

    Raises:
      errors.UserError: It is another model.
    """
    if not config.candidates.is_network:
        raise errors.UserError(
            f"expected candidates.model=network, received "
            f"{config.candidates.model.kind}, which makes lists and no vectors: "
            f"`ytdnn evaluate`, `compare` and `recommend --workdir` take its lists"
        )


def ranker_left_out(config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns why the run has no ranker; empty if it has one."""
    if why := vectors_left_out(config, workdir):
        return why
    from ytdnn.log import prepared

    return prepared.load(workdir / "data").windows.ranker_left_out(config.ranking)


def require_baselines(config: configs.Config) -> None:
    """Checks that the named baselines can be made, before a training begins.

    Raises:
      errors.UserError: The package of one is not installed.
    """
    if set(config.evaluation.baselines) - {"auto"}:
        from ytdnn.evaluation import tuned_baselines

        tuned_baselines.require(config.evaluation)


def fit_baselines(config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `workdir/baselines`."""
    from ytdnn.evaluation import tuned_baselines

    stages = [name for name in _TRAINED if (workdir / name).exists()]
    facts = [artifacts.read_manifest(workdir / name, name).facts for name in stages]
    seconds = sum(float(each.get("seconds", 0.0)) for each in facts)
    inputs = fingerprints(workdir, ["data"])
    tuned_baselines.make(config, workdir, inputs, seconds)


def baselines_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/baselines` depends on."""
    from ytdnn.evaluation import tuned_baselines

    return tuned_baselines.step_config(config)


def describe_baselines(config: configs.Config, workdir: pathlib.Path) -> list[str]:
    """Returns the lines to print after `workdir/baselines` is made."""
    from ytdnn.evaluation import tuned_baselines

    return tuned_baselines.describe(workdir)


def require_features(config: configs.Config, data: "prepared.PreparedData") -> None:
    """Checks the features of both networks, and the composition.

    Raises:
      errors.UserError: A feature's name is unknown, has no effect, or its columns are
        missing; or the composition names what the log lacks.
    """
    from ytdnn.bundle import request_shorthand
    from ytdnn.candidates import content
    from ytdnn.features import base_feature, feature_choice
    from ytdnn.ranking import building

    candidates = config.candidates
    feature_choice.choose(base_feature.CANDIDATES, data, candidates.features)
    if candidates.content.enabled:
        content.features_of(candidates.content, data)
    if not data.windows.ranker_left_out(config.ranking):
        building.features_of(config.ranking, data)
    request_shorthand.require(config.composition, data.catalogue, ())


def contest_left_out(config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns why no settings of the candidates are compared; empty if some are."""
    own = config.candidates
    if why := vectors_left_out(config, workdir):
        return why
    if not own.auto or not own.contest:
        key = "contest=false" if own.auto else "auto is empty"
        return f"candidates.{key}"
    if own.train_on_validation:
        return "candidates.train_on_validation=true leaves nothing to choose by"
    if config.strategy not in _ON_ONE_MACHINE:
        return f"strategy={config.strategy}: `ytdnn sweep` on one machine compares"
    if len(log_size.members(config, workdir)) <= 1:
        return "the given settings leave one member"
    return ""


def hold_contest(config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `workdir/contest`, and begins the training of the winner."""
    from ytdnn.log import prepared
    from ytdnn.training import contest

    members = log_size.members(config, workdir)
    for each in members.values():
        log_size.require_memory(each, log_size.log_size(workdir), "candidates")
    data = prepared.load(workdir / "data")
    require_features(config, data)
    contest.run(members, data, workdir / contest.KIND, contest_config(config))


def contest_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/contest` depends on: those of the user."""
    own = configs.as_trained(config.candidates)
    for name in config.candidates.auto:
        parent, _, last = name.rpartition(".")
        (own[parent] if parent else own).pop(last)
    return {"candidates": own, "seed": config.seed}


def train_candidates(config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `workdir/candidates`."""
    from ytdnn.log import prepared

    if not config.candidates.is_network:
        from ytdnn.retrieval import model_interface

        data = prepared.load(workdir / "data")
        model_interface.fit(config, data, workdir / "candidates")
        return
    from ytdnn.training import candidates

    log_size.require_memory(config, log_size.log_size(workdir), "candidates")
    data = prepared.load(workdir / "data")
    require_features(config, data)
    candidates.train(config, data, workdir / "candidates")


def candidates_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/candidates` depends on."""
    if not config.candidates.is_network:
        from ytdnn.retrieval import model_interface

        return model_interface.step_config(config)
    from ytdnn.training import candidates

    return candidates.step_config(config)


def ranker_parts(config: configs.Config) -> Mapping[str, str]:
    """Returns the versions of other packages' parts that a ranker is made of."""
    from ytdnn.training import ranking

    return ranking.versions(config)


def build_index(config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `workdir/index`."""
    import numpy as np

    from ytdnn.retrieval.index import artifact

    inputs = fingerprints(workdir, ["data", "candidates"])
    with tempfile.TemporaryFile(dir=workdir) as file:
        shape = _write_video_vectors(workdir, file)
        gc.collect()  # the model's tables, which refer to each other
        vectors = np.memmap(file, np.float32, "r", shape=shape)
        with native_messages.kept_back():
            artifact.build(workdir / "index", vectors, config.index, inputs)


def _write_video_vectors(workdir: pathlib.Path, file: IO[bytes]) -> tuple[int, ...]:
    """Writes the candidates' vectors, and returns their shape."""
    from ytdnn.candidates import model
    from ytdnn.log import prepared

    data = prepared.load(workdir / "data")
    vectors = model.load(workdir / "candidates", data).video_vectors()
    vectors.tofile(file)
    file.flush()
    return vectors.shape


def train_ranking(config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `workdir/ranking`."""
    from ytdnn.log import prepared
    from ytdnn.retrieval import trained_stage
    from ytdnn.training import ranking

    log_size.require_memory(config, log_size.log_size(workdir), "ranking")
    data = prepared.load(workdir / "data")
    first_stage = trained_stage.load(workdir / "candidates", data, config.composition)
    ranking.train(config, data, workdir / "ranking", first_stage)


def ranking_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/ranking` depends on."""
    from ytdnn.training import ranking

    return ranking.step_config(config)
