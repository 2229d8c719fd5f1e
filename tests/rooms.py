"""The rooms of the design: which part of the library each of its files belongs to.

The core is one row of rooms, in which imports run downwards. The laboratory (`lab`:
the synthetic world, live tests, studies, pages) and operations (`ops`: the HTTP
service, Spark, clusters, refits) stand apart from it. A room is a folder of `ytdnn/`;
files beside the folders count to `run`.
"""

import ast
import fnmatch
import functools
import pathlib

import ytdnn

ROOT = pathlib.Path(ytdnn.__file__).parent
CORE = (
    "log",
    "features",
    "models",
    "training",
    "retrieval",
    "bundle",
    "evaluation",
    "run",
)
LAB, OPS = "lab", "ops"
# Rooms of revisions with other folders: patterns of paths, of which the first that fits
# has the file.
BEFORE: dict[str, tuple[str, ...]] = {
    LAB: (
        "world/*",
        "live/*",
        "tracking/mlflow_tracker.py",
        "tracking/wandb_tracker.py",
        "data/sources/world.py",
        "evaluation/counterfactual.py",
        "evaluation/judged_systems.py",
        "evaluation/known_world.py",
        "evaluation/logged_pages.py",
        "evaluation/oracle.py",
        "evaluation/page_choices.py",
        "evaluation/run_table.py",
        "evaluation/study.py",
        "evaluation/swept.py",
        "evaluation/true_page.py",
        "metrics/ab_test.py",
        "metrics/off_policy.py",
        "metrics/sequential.py",
        "pipeline/live_tests.py",
        "pipeline/sweeping.py",
        "cli/commands_of_studies.py",
        "cli/experiments.py",
        "cli/live.py",
        "cli/study.py",
        "cli/sweep.py",
        "cli/world.py",
    ),
    OPS: (
        "server/*",
        "client/*",
        "data/spark/*",
        "data/append.py",
        "data/portions.py",
        "data/refit.py",
        "data/served.py",
        "candidates/losses/replicas.py",
        "training/agreement.py",
        "training/carrying.py",
        "training/clusters.py",
        "training/executors.py",
        "training/limits.py",
        "training/refit_ranking.py",
        "training/refresh.py",
        "training/strategies.py",
        "training/tasks.py",
        "training/watchdog.py",
        "serving/additions.py",
        "serving/removals.py",
        "pipeline/adding.py",
        "pipeline/cluster_roles.py",
        "pipeline/local_*.py",
        "pipeline/on_spark.py",
        "pipeline/ref*.py",
        "pipeline/removing.py",
        "cli/adding.py",
        "cli/cluster.py",
        "cli/commands_of_operations.py",
        "cli/ref*.py",
        "cli/removing.py",
        "cli/serve.py",
        "cli/spark_engine.py",
    ),
    "evaluation": (
        "evaluation/*",
        "metrics/*",
        "pages/__init__.py",
        "pages/compared.py",
        "pages/feature_table.py",
        "pages/files.py",
        "pages/finite_numbers.py",
        "pages/names.py",
        "pages/notes.py",
        "pages/off_policy_table.py",
        "pages/outcome_table.py",
        "pages/page_value.py",
        "pages/prepared_table.py",
        "pages/shown_order_table.py",
        "pages/shown_words.py",
        "pages/terminal.py",
    ),
    "log": ("data/*", "schema.py", "ragged.py"),
    "features": ("features/*", "encoders/*"),
    "models": (
        "candidates/*",
        "ranking/*",
        "layers/*",
        "training/calibrating.py",
        "training/candidate*.py",
        "training/features.py",
        "training/impression_batches.py",
        "training/projecting.py",
        "training/ranking.py",
        "training/starting.py",
        "training/validation.py",
    ),
    "training": ("training/*",),
    "retrieval": ("index/*", "retrieval/*"),
    "bundle": ("serving/*",),
    "run": (
        "configs/*",
        "pipeline/*",
        "cli/*",
        "tracking/*",
        "*.py",
    ),
}
BEFORE[LAB] += ("pages/*",)  # the HTML; its terminal tables are the core's


def room_of(path: str, root: pathlib.Path = ROOT) -> str:
    """Returns the room of a file.

    Args:
      path: Its path below the package's folder.
      root: That folder; its files may lie as they did before they had rooms.
    """
    if (root / CORE[0]).is_dir():
        folder = path.partition("/")[0]
        return folder if folder in (*CORE, LAB, OPS) else "run"
    if path in BEFORE["evaluation"]:
        return "evaluation"
    return next(
        room
        for room, patterns in BEFORE.items()
        if any(fnmatch.fnmatch(path, pattern) for pattern in patterns)
    )


def paths(root: pathlib.Path = ROOT) -> list[str]:
    """Returns the path of every Python file below a folder of the library."""
    return sorted(each.relative_to(root).as_posix() for each in root.rglob("*.py"))


@functools.cache
def imports(path: str, at_once: bool = False) -> frozenset[str]:
    """Returns the files of the library that a file imports.

    Imports for type checking alone are left out.

    Args:
      path: Its path below `ytdnn/`.
      at_once: Whether imports inside functions are left out, which are made when these
        are called.
    """
    found: set[str] = set()
    nodes: list[ast.AST] = [ast.parse((ROOT / path).read_text())]
    while nodes:
        node = nodes.pop()
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        is_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if is_typing or (at_once and is_function):
            continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "ytdnn":
                found |= {_file([*parts[1:], alias.name]) for alias in node.names}
    return frozenset(found - {path})


def imported_with(path: str) -> set[str]:
    """Returns the files that a process has imported once it has imported a file."""
    found: set[str] = set()
    left = [path]
    while left:
        each = left.pop()
        if each not in found:
            found.add(each)
            folders = pathlib.PurePath(each).parents
            left += [(folder / "__init__.py").as_posix() for folder in folders]
            left += imports(each, at_once=True)
    return found


def _file(parts: list[str]) -> str:
    """Returns the file of a module, or of the module that a name belongs to."""
    for names in (parts, parts[:-1]):
        for path in ("/".join(names) + ".py", "/".join([*names, "__init__.py"])):
            if (ROOT / path).is_file():
                return path
    raise ValueError(f"expected a module of ytdnn, received {'.'.join(parts)}")
