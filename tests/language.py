"""Counts the words of `ytdnn/` and shows texts of two revisions side by side.

The package is to be written in the plain English of the field. This tool measures how
near it is, and `tests/test_language.py` holds it there:

    python -m tests.language                     # the counts of this tree
    python -m tests.language --base=v0.9         # the counts of both, and a sample
"""

import argparse
import ast
import collections
import dataclasses
import difflib
import io
import pathlib
import random
import re
import subprocess
import tarfile
import tempfile
import tokenize
from collections.abc import Iterator

# `async` ones too: the server is made of these.
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
ROOT = pathlib.Path(__file__).parents[1]
SEED = 35
DRAWN = {"docstring": 20, "error": 10, "help": 5}
WORDS = ("what", "whose", "known")
ARGUMENT = re.compile(r"^ +(?P<name>\*{0,2}\w+)(?: \([^)]*\))?: (?P<text>.*)$", re.M)


@dataclasses.dataclass(frozen=True)
class Text:
    """A text that a reader of the project meets.

    Attributes:
        kind: "docstring", "error" or "help".
        path: File, relative to the root of the tree.
        owner: Qualified name of the module, class, function or setting it belongs to.
        line: First line of the text.
        text: The text, unindented.
    """

    kind: str
    path: str
    owner: str
    line: int
    text: str


def files(root: pathlib.Path) -> list[pathlib.Path]:
    """Returns the Python files of the package below `root`, in order."""
    return sorted((root / "ytdnn").rglob("*.py"))


def _nodes(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yields every node of a module with the qualified name of its owner."""

    def walk(node: ast.AST, owner: str) -> Iterator[tuple[ast.AST, str]]:
        yield node, owner
        for child in ast.iter_child_nodes(node):
            name = getattr(child, "name", None)
            scoped = isinstance(child, ast.ClassDef | _FUNCTIONS)
            yield from walk(child, f"{owner}.{name}".strip(".") if scoped else owner)

    yield from walk(tree, "")


def docstrings(root: pathlib.Path) -> list[Text]:
    """Returns every docstring of the package."""
    found = []
    for path in files(root):
        for node, owner in _nodes(ast.parse(path.read_text())):
            if not isinstance(node, ast.Module | ast.ClassDef | _FUNCTIONS):
                continue
            text = ast.get_docstring(node)
            if text is not None:
                line = node.body[0].lineno
                name = str(path.relative_to(root))
                found.append(Text("docstring", name, owner, line, text))
    return found


def _message(call: ast.expr | None) -> str | None:
    """Returns the text of a raised error, its values in braces."""
    if not isinstance(call, ast.Call) or not call.args:
        return None
    parts = []
    for node in ast.walk(call.args[0]):
        if isinstance(node, ast.JoinedStr):
            return ast.unparse(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            parts.append(node.value)
    return " ".join(parts) or None


def errors(root: pathlib.Path) -> list[Text]:
    """Returns every error message that a `raise` of the package states."""
    found = []
    for path in files(root):
        raised: collections.Counter[str] = collections.Counter()
        for node, owner in _nodes(ast.parse(path.read_text())):
            text = _message(node.exc) if isinstance(node, ast.Raise) else None
            if isinstance(node, ast.Raise) and text:
                raised[owner] += 1
                key = f"{owner} #{raised[owner]}"
                name = str(path.relative_to(root))
                found.append(Text("error", name, key, node.lineno, text))
    return found


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def help_texts(root: pathlib.Path) -> list[Text]:
    """Returns the help of every setting, and of every flag."""
    found = []
    for doc in docstrings(root):
        _, _, section = doc.text.partition("Attributes:\n")
        if not doc.path.startswith("ytdnn/base/configs/") or not section:
            continue
        for match in re.finditer(r"^  (\w+): ((?:.|\n(?=    ))*)", section, re.M):
            text = " ".join(match[2].split())
            owner = f"{doc.owner}.{match[1]}"
            found.append(Text("help", doc.path, owner, doc.line, text))
    for path in files(root):
        for node, _ in _nodes(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            if not isinstance(node, ast.Call) or getattr(called, "attr", "") != "Flag":
                continue
            texts = [ast.literal_eval(a) for a in node.args if _is_text(a)]
            if len(texts) > 1:
                where = str(path.relative_to(root))
                found.append(
                    Text("help", where, f"--{texts[0]}", node.lineno, texts[1])
                )
    return found


def first_lines_with_what(root: pathlib.Path) -> list[Text]:
    """Returns the docstrings with a first line "What ..." or "Returns what ..."."""
    begins = re.compile(r"(What|Returns what|Yields what)\b")
    return [doc for doc in docstrings(root) if begins.match(doc.text)]


def arguments_with_of(root: pathlib.Path) -> list[Text]:
    """Returns the texts of arguments and attributes that begin "Of ..."."""
    found = []
    for doc in docstrings(root):
        for match in ARGUMENT.finditer(doc.text):
            if match["text"].startswith("Of "):
                line = doc.line + doc.text[: match.start()].count("\n")
                found.append(dataclasses.replace(doc, line=line, text=match[0].strip()))
    return found


def functions_named_of(root: pathlib.Path) -> list[Text]:
    """Returns the functions and methods named `of`."""
    return [
        Text("function", str(path.relative_to(root)), owner, node.lineno, "of")
        for path in files(root)
        for node, owner in _nodes(ast.parse(path.read_text()))
        if isinstance(node, _FUNCTIONS) and node.name == "of"
    ]


def shared_class_names(root: pathlib.Path) -> dict[str, list[str]]:
    """Returns the public classes defined in two files or more, with those files."""
    places: dict[str, set[str]] = collections.defaultdict(set)
    for path in files(root):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].add(str(path.relative_to(root)))
    return {
        name: sorted(where) for name, where in sorted(places.items()) if len(where) > 1
    }


def comments_per_thousand_lines(root: pathlib.Path) -> float:
    """Returns the comments for each 1,000 lines of code, docstrings left out."""
    comments, code = 0, 0
    skipped = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    for path in files(root):
        source = path.read_text()
        lines: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                comments += 1
            elif token.type not in skipped and token.type != tokenize.ENDMARKER:
                lines.update(range(token.start[0], token.end[0] + 1))
        for node, _ in _nodes(ast.parse(source)):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                lines -= set(range(node.lineno, (node.end_lineno or 0) + 1))
        code += len(lines)
    return 1000 * comments / code


def counts(root: pathlib.Path) -> dict[str, str]:
    """Returns the measured row of each count, in the order they are printed."""
    texts = docstrings(root)
    words = collections.Counter(
        word for doc in texts for word in re.findall(r"[a-z']+", doc.text.lower())
    )
    total = sum(words.values())
    rows = {"docstrings": f"{len(texts)}", "words in docstrings": f"{total}"}
    for word in WORDS:
        rate = 1e4 * words[word] / total
        rows[f'"{word}" per 10,000 words'] = f"{rate:.1f}"
    rows['first lines "What ..."'] = f"{len(first_lines_with_what(root))}"
    rows['arguments "Of ..."'] = f"{len(arguments_with_of(root))}"
    rows["functions named `of`"] = f"{len(functions_named_of(root))}"
    rows["public class names in two files"] = f"{len(shared_class_names(root))}"
    comments = comments_per_thousand_lines(root)
    rows["comments per 1,000 code lines"] = f"{comments:.1f}"
    return rows


def sample(root: pathlib.Path) -> list[Text]:
    """Returns the texts drawn from a tree, with one seed for all trees."""
    rng = random.Random(SEED)
    drawn = []
    for kind, texts in (
        ("docstring", docstrings(root)),
        ("error", errors(root)),
        ("help", help_texts(root)),
    ):
        drawn += rng.sample(texts, DRAWN[kind])
    return drawn


def _counterpart(text: Text, others: list[Text]) -> str:
    """Returns the text of the same owner: in its file, or in the one it moved to."""
    same = [other for other in others if other.owner == text.owner]
    here = [other for other in same if other.path == text.path]
    if here or len(same) == 1:
        return (here or same)[0].text
    last, stem = text.owner.rpartition(".")[2], pathlib.PurePath(text.path).stem
    moved = [other for other in same if pathlib.PurePath(other.path).stem == stem]
    renamed = [other for other in others if other.owner.rpartition(".")[2] == last]
    alike = max(
        moved or same or renamed,
        key=lambda o: difflib.SequenceMatcher(None, o.text, text.text).ratio(),
        default=None,
    )
    if alike is None:
        return "(renamed or gone)"
    return f"({alike.path}: {alike.owner})\n{alike.text}"


def _extract(revision: str, target: pathlib.Path) -> None:
    """Writes the package as it was in a revision below `target`."""
    command = ["git", "archive", "--format=tar", revision, "ytdnn"]
    packed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(target, filter="data")


def main() -> None:
    """Prints the counts of this tree, and of `--base` with a sample of texts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", help="revision that this tree is compared with")
    base = parser.parse_args().base
    if base is None:
        for name, value in counts(ROOT).items():
            print(f"{name:34}{value:>10}")
        return
    with tempfile.TemporaryDirectory() as folder:
        before = pathlib.Path(folder)
        _extract(base, before)
        now = counts(ROOT)
        for name, value in counts(before).items():
            print(f"{name:34}{value:>10}{now[name]:>10}")
        others = docstrings(ROOT) + errors(ROOT) + help_texts(ROOT)
        for text in sample(before):
            same = [other for other in others if other.kind == text.kind]
            print(f"\n=== {text.kind}: {text.path}: {text.owner}")
            print(f"--- before\n{text.text}\n--- after\n{_counterpart(text, same)}")


if __name__ == "__main__":
    main()
