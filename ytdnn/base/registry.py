"""Registries: the parts of one kind, by name (docs/extending.md).

A part has a name, a factory, and a config class if it has settings. A decorator
registers it, in a module of ytdnn, in a Python file named in the setting `extensions`,
or in an installed package with an entry point in the registry's group. A module is
imported only when one of its parts is used.
"""

import contextlib
import dataclasses
import functools
import hashlib
import importlib
import importlib.metadata
import inspect
import linecache
import pathlib
import re
import traceback
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import ytdnn
from ytdnn.base import errors, user_paths


@dataclasses.dataclass(frozen=True)
class RegisteredPart:
    """A part of a registry.

    Attributes:
      name: Name in configs, reports and command lines.
      make: Factory; for a plain function, such as a metric, the function itself.
      config: Class of its settings, with the name as `kind`; None without settings.
    """

    name: str
    make: Callable[..., Any]
    config: type | None = None


_R = TypeVar("_R", bound=RegisteredPart)
_F = TypeVar("_F", bound=Callable[..., Any])
_BINARY = re.compile("[\0-\x08\x0e-\x1f\x7f\ufffd]")  # and what is no UTF-8
_NAME = re.compile(r"[^\s,=@]+( [^\s,=@]+)*")
_PLACE = re.compile(r'File "(.+)", line (\d+), in (\w+)')
_OWN_FILES: set[str] = set()
_TYPES = {"biuf": "numbers", "iu": "integers"}


class Registry(Generic[_R]):
    """The parts of one kind.

    Attributes:
      group: Group of the entry points of installed packages, such as `ytdnn.losses`,
        for the registry `registries.LOSSES`.
      noun: Name of the kind in messages.
      missing: The module of each part of ytdnn in a folder that is not installed.
    """

    def __init__(
        self, group: str, noun: str, cls: type[_R], known: Mapping[str, str]
    ) -> None:
        """Creates the registry; nothing is imported.

        Args:
          group: Group of entry points.
          noun: Name of the kind in messages.
          cls: Class of the parts, `RegisteredPart` or one with more fields.
          known: Names of ytdnn's own parts by module, separated by commas.
        """
        self.group = group
        self.noun = noun
        self._cls = cls
        self._parts: dict[str, _R] = {}
        self._origins: dict[str, str] = {}
        modules = {n: at for at, names in known.items() for n in names.split(", ")}
        self.missing = {n: at for n, at in modules.items() if not _is_installed(at)}
        self._modules = {n: at for n, at in modules.items() if n not in self.missing}

    def register(
        self, name: str, config: type | None = None, **more: Any
    ) -> Callable[[_F], _F]:
        """Returns a decorator that registers a factory.

        Args:
          name: Name of the part.
          config: Class of its settings.
          **more: The other fields of the registry's parts.

        Raises:
          errors.UserError: Another module has registered a part of this name.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise errors.SettingError(
                f'expected register("NAME") of a {self.noun}, without comma, = or @, '
                f"received {errors.kind_of(name)}{errors.place(name)} as its name"
            )

        def add(make: _F) -> _F:
            origin = getattr(make, "__module__", "") or repr(make)
            before = self._modules.get(name) or self._origins.get(name, origin)
            kept, stem = self._parts.get(name), _without_hash(origin)
            other, place = errors.place(kept and kept.make), errors.place(make)
            is_again = before == origin != stem and kept
            if (is_again and other != place) or _without_hash(before) != stem:
                raise errors.UserError(
                    f"expected one {self.noun} named {name}, received those of "
                    f"{before}{other} and {origin}{place}: rename one of them"
                )
            self._origins[name] = origin
            self._parts[name] = self._cls(name=name, make=make, config=config, **more)
            return make

        return add

    def reserve(self, names: Iterable[str], origin: str) -> None:
        """Keeps names of a module from being registered by others."""
        self._origins |= {name: origin for name in names if name not in self._modules}

    def __contains__(self, name: object) -> bool:
        """Whether a part has this name."""
        return name in self.names()

    def __getitem__(self, name: str) -> _R:
        """Returns a part; imports its module on first use.

        Raises:
          errors.UserError: The name is unknown, or its module cannot be imported.
        """
        if name not in self._parts:
            if name in self._modules:
                importlib.import_module(self._modules[name])
            elif name in self._entry_points:
                self._load(self._entry_points[name])
        if name not in self._parts:
            raise errors.UserError(self.unknown(name))
        return self._parts[name]

    def made(self, name: str, cls: Any, *given: Any) -> Any:
        """Calls the factory of a part, and returns the result, an instance of `cls`.

        Raises:
          errors.UserError: The part takes other arguments or returns something else.
        """
        make = self[name].make
        try:
            inspect.signature(make).bind(*given)
        except TypeError as error:
            self.require(False, f"a value of {len(given)} inputs", f"{error}", name)
        made = make(*given)
        self.require(isinstance(made, cls), cls.__name__, errors.kind_of(made), name)
        return made

    def require(
        self, fits: Any, expected: str, received: str, name: str, source: Any = None
    ) -> None:
        """Checks what a part returned.

        Args:
          fits: Whether the value fits.
          expected: A value that fits, in words.
          received: The value, in words.
          name: Name of the part.
          source: Function or object that returned it; None: the factory.

        Raises:
          errors.UserError: It does not fit.
        """
        if not fits:
            place = errors.place(source or self[name].make)
            raise errors.UserError(
                f"expected the {self.noun} {name}{place} to return {expected}, found "
                f"{received}: correct it (docs/extending.md)"
            )

    def array(
        self, value: Any, shape: Any, name: str, source: Any = None, types: str = "biuf"
    ) -> Any:
        """Returns an array, or tensor, that a part returned; see `require`.

        Args:
          value: The value.
          shape: Its shape; None is any size.
          name: Name of the part.
          source: See `require`.
          types: Kinds of data types, as in NumPy, or the name of one.
        """
        import numpy as np

        try:
            is_tensor = types not in _TYPES and hasattr(value, "dtype")
            array = value if is_tensor else np.asarray(value)
        except ValueError:  # lists of different lengths
            array = np.asarray(None)
        fits = (array.dtype.kind if types in _TYPES else array.dtype.name) in types
        sides = zip(shape, array.shape, strict=False)
        fits &= len(array.shape) == len(shape)
        fits &= all(None in pair or pair[0] == pair[1] for pair in sides)
        words = f"{_TYPES.get(types, types)} {list(shape)}"
        self.require(fits, words, errors.kind_of(value), name, source)
        return array

    def get(self, name: str) -> _R | None:
        """Returns a part; None for an unknown name."""
        if name not in self:
            return None
        return self[name]

    def unknown(self, name: str) -> str:
        """Returns the message about an unknown name."""
        if name in self.missing:
            return (
                f"expected the {self.noun} {name} in {self.missing[name]}, found no "
                f"such folder or file: install all of ytdnn"
            )
        hint = errors.hint(name, self.names())
        known = ", ".join(self.names()) or "none"
        return f"expected a {self.noun} ({known}), received {name!r}{hint}"

    def __iter__(self) -> Iterator[str]:
        """Iterates over the names."""
        return iter(self.names())

    def names(self) -> tuple[str, ...]:
        """Returns the names of all parts; those of ytdnn itself come first."""
        return tuple(dict.fromkeys([*self._modules, *self._parts, *self.outside()]))

    def own(self) -> tuple[str, ...]:
        """Returns the names of the parts that ytdnn declares itself."""
        return tuple(self._modules)

    def registered_in(self, module: str) -> dict[str, _R]:
        """Returns the parts that a module has registered, by name."""
        return {k: v for k, v in self._parts.items() if self._origins[k] == module}

    def outside(self) -> tuple[str, ...]:
        """Returns the names of parts from files and other packages."""
        others = dict.fromkeys([*self._parts, *sorted(self._entry_points)])
        return tuple(name for name in others if name not in self._modules)

    def parts(self) -> Iterator[_R]:
        """Yields all parts, in the order of `names`."""
        return (self[name] for name in self.names())

    def version(self, name: str) -> str:
        """Returns the version of a part's code; empty for parts of ytdnn.

        It is the hash of a file's text, or the version of a package.

        Args:
          name: Name of the part.
        """
        if name in self._modules or name not in self:
            return ""
        if name in self._entry_points:
            return _package(self._entry_points[name])
        return self._origins[name]

    def _load(self, entry_point: importlib.metadata.EntryPoint) -> None:
        """Imports the module of a package, which registers its parts."""
        try:
            entry_point.load()
        except (errors.UserError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise errors.UserError(
                f"expected the {self.noun} {entry_point.name} of "
                f"{_package(entry_point)} to load, received {type(error).__name__}: "
                f"{error}: correct or uninstall the package"
            ) from error

    @property
    def _entry_points(self) -> Mapping[str, importlib.metadata.EntryPoint]:
        """The entry points of installed packages, by name."""
        return {each.name: each for each in _installed(self.group)}


@functools.cache
def _installed(group: str) -> tuple[importlib.metadata.EntryPoint, ...]:
    entry_points = importlib.metadata.entry_points(group=group)
    return tuple(each for each in entry_points if not each.value.startswith("ytdnn."))


def _is_installed(module: str) -> bool:
    path = pathlib.Path(ytdnn.__file__).parents[1].joinpath(*module.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def _without_hash(origin: str) -> str:
    """Returns the name of a module without the hash of a file's text."""
    return re.sub(r"\.[0-9a-f]{16}$", "", origin)


def _package(entry_point: importlib.metadata.EntryPoint) -> str:
    """Returns name and version of the package that declares an entry point."""
    package = entry_point.dist
    return f"{package.name} {package.version}" if package else entry_point.value


@dataclasses.dataclass(frozen=True)
class OwnFile:
    """A kind of file.

    Attributes:
      setting: Flag that names the file, for messages.
      page: Page of the documentation with an example.
    """

    setting: str
    page: str

    def read(self, file: str) -> str:
        """Returns the text of a file.

        Raises:
          errors.UserError: The file does not exist, or is no text.
        """
        path = user_paths.expanded(file)
        text = path.read_text("utf-8", "replace") if path.is_file() else "\0"
        if not _BINARY.search(text):
            return text
        content = "binary data" if path.is_file() else "none"
        raise errors.UserError(
            f"expected a Python file in {self.setting}, found {content} in {file!r}",
            f"write one as {self.page} shows",
        )

    def run(self, text: str, file: str, name: str = "") -> types.ModuleType:
        """Runs the text of a file, and returns it as a module.

        Args:
          text: Text of the file.
          file: Name of the file, for messages.
          name: Name of the module; empty: that of the file.

        Raises:
          errors.UserError: The file raises an error.
        """
        module = types.ModuleType(name or pathlib.Path(file).stem)
        module.__file__ = file
        _OWN_FILES.add(file)
        # Tracebacks find the lines here, as does AutoGraph, which compiles `while`.
        linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
        with self.failing_in_one_line(file):
            exec(compile(text, file, "exec"), module.__dict__)
        return module

    @contextlib.contextmanager
    def failing_in_one_line(self, file: str) -> Iterator[None]:
        """Context of the user's code: any error becomes a line with its place.

        Raises:
          errors.UserError: The code raises an error.
        """
        try:
            yield
        except errors.SettingError as error:
            raise errors.UserError(f"{error} ({file})") from None
        except (errors.UserError, KeyboardInterrupt):
            raise
        except BaseException as error:
            failure = own_failure(error).partition("\n")[0]
            raise errors.UserError(
                f"expected a Python file in {self.setting} that runs, found "
                f"{failure or f'{type(error).__name__} in {file}: {error}'}"
            ) from None


def own_failure(error: BaseException) -> str:
    """Returns an error of a user's own file in a line, then callers; else empty."""
    text, frames = str(error), traceback.extract_tb(error.__traceback__)
    # AutoGraph raises an error again, with its place in the text.
    told = [(f.filename, f.lineno, f.name) for f in frames] + _PLACE.findall(text)
    own = [f"{at}, line {n}, in {name}" for at, n, name in told if at in _OWN_FILES]
    kind = f"{type(error).__name__}: "
    words = errors.one_line(" ".join(text.split("\n\n")[-1].split()))
    first = f"{own[-1]}: {kind}{words.removeprefix(kind)}" if own else ""
    return "\n  called from ".join([first, *dict.fromkeys(own[-2::-1])])


_EXTENSION = OwnFile("--config.extensions", "docs/extending.md")


def extend(file: str) -> None:
    """Runs a file that registers parts, unless the same text has been run already.

    Raises:
      errors.UserError: The file is missing or raises an error.
    """
    _extend(file, _EXTENSION.read(file))


@functools.cache
def _extend(file: str, text: str) -> None:
    # The name says which text a part came from (`registry.Registry.version`).
    hashed = hashlib.sha256(text.encode()).hexdigest()[:16]
    _EXTENSION.run(text, file, f"{pathlib.Path(file).stem}.{hashed}")
