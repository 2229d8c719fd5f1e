"""`ytdnn study`: compares several settings, each with several seeds, in one table.

Every variant and seed is a run of its own, `WORKDIR/VARIANT/seed-N`, made by the same
steps as `ytdnn run`: it is resumed where it was stopped, and finished steps are kept.
Outputs that several runs have in common, such as prepared data or a trained model, are
made once and linked: variants of only the ranker share the candidates of their seed.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence

from ytdnn.base import artifacts, configs, errors
from ytdnn.evaluation import report_files
from ytdnn.lab.pages import study_table
from ytdnn.lab.studies import output_links
from ytdnn.run.cli import command, flags, given_settings, output, resolved_config
from ytdnn.run.pipeline import graph, runner, workdir

Flag = command.Flag

_STAGES = {
    "": graph.TRAINED,
    "candidates": (graph.CANDIDATES,),
    "ranking": (graph.CANDIDATES, graph.RANKING),
}
FLAGS = (
    dataclasses.replace(flags.WORKDIR, text="Directory of the study, made if missing."),
    dataclasses.replace(
        flags.CONFIG,
        text="Python file with a get_variants() that returns a config for each name, "
        "the first the baseline; or with a get_config() alone.",
        required=True,
    ),
    Flag(
        "seeds",
        "Seeds to train each variant with; default: the config's.",
        example="0,1,2",
    ),
    Flag(
        "only",
        "Variants to train and to show; the first is the baseline. Default: all.",
        example="NAME,NAME",
    ),
    Flag(
        "split",
        "Window to evaluate: test (default), or validation, for choosing settings.",
        example="test|validation",
    ),
    Flag(
        "stage",
        "Train and evaluate this stage only; default: all.",
        example="candidates|ranking",
    ),
    Flag(
        "metrics",
        "Metrics to show, each as MODEL/METRIC@K, with the difference to the baseline "
        "for the first. Default: the usual ones of each model.",
        example="candidates/map@100,…",
    ),
    flags.K,
)
# What variants must share, so that all are asked for the same answers.
_ASKED = ("evaluation.", "data.world.")
_NOT_ASKED = ("data.world.metadata_noise",)  # the same happens, whatever is told of it
_ASKED_TOO = tuple(
    f"data.{name}"
    for name in (
        "source",
        "dir",
        "name",
        "protocol",
        "test_fraction",
        "ranking_fraction",
        "validation_fraction",
    )
)
_GROUPS = (
    *("extensions", "data", "candidates", "index", "ranking", "composition"),
    *("evaluation", "seed", "strategy"),
)


@dataclasses.dataclass(frozen=True)
class Cell:
    """One run of a study."""

    variant: str
    config: configs.Config
    directory: pathlib.Path


@command.register("study", FLAGS, _GROUPS)
def run(given: command.Arguments) -> None:
    """Train several variants of a config, and compare them.

    Trains and evaluates every variant of an experiment in every seed, each as a run in
    WORKDIR/VARIANT/seed-N that resumes where it stopped; data and models that variants
    share are made once. Prints a table, and writes study.json and study.md: mean over
    seeds, paired difference to the first variant with its interval, popularity and
    training time. Writes no bundle: `ytdnn export` writes one for any of the runs.
    Settings given as flags apply to every variant.

    Examples:
      ytdnn study --config=mine.py --workdir=runs/depth --split=validation
      ytdnn study --config=mine.py --workdir=runs/seeds --seeds=0,1,2

    Raises:
      errors.UserError: A flag has a wrong value, the variants cannot be compared, or a
        step fails.
    """
    directory = pathlib.Path(given.values["workdir"])
    split = command.choice(given, "split", list(report_files.DIRECTORIES), "test")
    stage = command.choice(given, "stage", [name for name in _STAGES if name])
    variants = _variants(given)
    for config in variants.values():
        runner.make_role(config).require_alone("study")
    cells = list(_cells(variants, _seeds(given), directory))
    if (directory / workdir.CONFIG_FILE).exists():
        raise errors.UserError(
            f"expected the directory of a study for --workdir, found a run in "
            f"{directory}: give another directory"
        )
    with workdir.lock(directory):
        for number, cell in enumerate(cells, 1):
            seed = f"seed {cell.config.seed}"
            output.say(f"{cell.variant}, {seed} ({number} of {len(cells)}):")
            _make(cell, [other.directory for other in cells], split, stage)
        directories: dict[str, dict[int, pathlib.Path]] = {
            name: {} for name in variants
        }
        for cell in cells:
            directories[cell.variant][cell.config.seed] = cell.directory
        metrics = _parts(given.values.get("metrics", ""))
        _show(directories, split, metrics, directory)


def _parts(words: str) -> list[str]:
    return [part.strip() for part in words.split(",") if part.strip()]


def _variants(given: command.Arguments) -> dict[str, configs.Config]:
    """Returns the requested variants, with the settings of the command line."""
    file = given.values["config"]
    loaded = resolved_config.load_variants(file)
    only = _parts(given.values.get("only", ""))
    for name in only:
        if name not in loaded:
            raise errors.UserError(
                f"expected --only to name variants of {file} ({', '.join(loaded)}), "
                f"received {name}{given_settings.closest(name, list(loaded))}"
            )
    variants = {
        name: given_settings.apply(config, given.overrides)
        for name, config in loaded.items()
        if not only or name in only
    }
    _require_same_question(variants)
    return variants


def _require_same_question(variants: Mapping[str, configs.Config]) -> None:
    """Checks, before anything is trained, that the variants can be compared.

    Raises:
      errors.UserError: A setting that changes the measured task differs.
    """
    first, *others = variants
    question = _asked(variants[first])
    for name in others:
        for key, value in _asked(variants[name]).items():
            if value != question[key]:
                raise errors.UserError(
                    f"expected variants with equal settings of data and evaluation, "
                    f"found config.{key} {question[key]!r} in {first} and {value!r} in "
                    f"{name}: give all variants the same value"
                )


def _asked(config: configs.Config) -> dict[str, object]:
    flat = configs.flat(configs.to_dict(config))
    return {
        key: value
        for key, value in flat.items()
        if (key.startswith(_ASKED) or key in _ASKED_TOO) and key not in _NOT_ASKED
    }


def _seeds(given: command.Arguments) -> list[int] | None:
    """Returns the seeds given; None: each config's own."""
    if "seeds" not in given.values:
        return None
    if "seed" in given.overrides:
        raise errors.UserError(
            "--seeds and --config.seed are one setting: give one of them"
        )
    words = _parts(given.values["seeds"])
    if not words or not all(word.isdecimal() for word in words):
        raise errors.UserError(
            f"expected --seeds to be whole numbers such as 0,1,2, received "
            f"{given.values['seeds']!r}"
        )
    return list(dict.fromkeys(map(int, words)))


def _cells(
    variants: Mapping[str, configs.Config],
    seeds: Sequence[int] | None,
    directory: pathlib.Path,
) -> Iterator[Cell]:
    """Yields the runs, all variants in the first seed before the second."""
    one_each = [None] if seeds is None else seeds
    for seed in one_each:
        for name, config in variants.items():
            own = config.seed if seed is None else seed
            path = directory / name / f"seed-{own}"
            yield Cell(name, dataclasses.replace(config, seed=own), path)


def _make(
    cell: Cell, directories: Sequence[pathlib.Path], split: str, stage: str
) -> None:
    """Runs the steps of a run that are not current, up to its evaluation."""
    config, directory = cell.config, cell.directory
    with workdir.lock(directory), workdir.keep_config(directory, config):
        for step in (*_made(stage, split), graph.BASELINES):
            output_links.share(step, config, directory, directories, output.say)
        runner.run(_steps(cell, split, stage), config, directory, output.say)


def _steps(cell: Cell, split: str, stage: str) -> list[graph.Step]:
    """Returns the steps of a run; a stage's evaluation only if there is no full one."""
    steps = _made(stage, split)
    whole = graph.evaluation(split)
    is_stale = any(
        runner.staleness(step, cell.config, cell.directory) for step in (*steps, whole)
    )
    if stage and is_stale:
        return [*steps, graph.evaluation(split, stage)]
    return [*steps, graph.BASELINES, whole]


def _made(stage: str, split: str) -> list[graph.Step]:
    """Returns the steps before the evaluation."""
    steps = [graph.DATA, *_STAGES[stage]]
    return [step for step in steps if step is not graph.TO_TEST or split == "test"]


def _show(
    directories: Mapping[str, Mapping[int, pathlib.Path]],
    split: str,
    metrics: Sequence[str],
    directory: pathlib.Path,
) -> None:
    """Prints the table of a study and writes `study.json` and `study.md`."""
    from ytdnn.lab.studies import variant_comparison

    result = variant_comparison.measure(directories, split, metrics)
    output.result(lambda: result)
    screen = output.screen()
    screen.print(study_table.render(result, screen.width), highlight=False)
    artifacts.write_text(directory / "study.md", study_table.markdown(result))
    artifacts.write_json(directory / "study.json", result)
    output.say(f"table: {directory / 'study.md'}, numbers: {directory / 'study.json'}")
