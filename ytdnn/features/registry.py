"""The list of all features, and the choice of those that a network reads.

Modules of this package declare features in `FEATURES`; files and packages register
others (`registries.FEATURES`). They are ordered by scope, then module, then
declaration, which fixes the order of a network's inputs. Registered features come last
in their scope, and columns of the log's own last of all, in the order of the config.
"""

import functools
import importlib
import pkgutil
import re
import types
from collections.abc import Sequence

from ytdnn import features
from ytdnn.base import configs, errors, registries, schema
from ytdnn.base import registry as parts
from ytdnn.features import base_feature
from ytdnn.log import prepared

Features = tuple[base_feature.Feature, ...]
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Whose own columns each network can read.
_OWN_TABLES = {
    base_feature.CANDIDATES: {schema.USERS},
    base_feature.CONTENT: {schema.VIDEOS},
    base_feature.RANKING: {schema.USERS, schema.VIDEOS},
}


def declared() -> Features:
    """Returns every declared feature, for all networks."""
    return _declared(tuple(registries.FEATURES.parts()))


@functools.cache
def _declared(registered: tuple[parts.Registered, ...]) -> Features:
    found = [feature for module in modules() for feature in module.FEATURES]
    found += [part.make() for part in registered]
    return tuple(sorted(found, key=lambda feature: feature.scope))


def modules() -> tuple[types.ModuleType, ...]:
    """Returns the modules that declare features, by name."""
    names = sorted(m.name for m in pkgutil.iter_modules(features.__path__))
    found = (importlib.import_module(f"{features.__name__}.{name}") for name in names)
    return tuple(module for module in found if hasattr(module, "FEATURES"))


def of_network(network: str) -> Features:
    """Returns the features that a network can read."""
    return tuple(f for f in declared() if network in f.networks)


def choose(
    network: str,
    data: prepared.PreparedData,
    config: configs.FeaturesConfig,
    own: Sequence[str] = (),
) -> Features:
    """Returns the features of a network: its defaults that exist, and the config's.

    Args:
      network: `candidates`, `ranking` or `candidates.content`.
      data: The prepared set.
      config: Names of features to add and to remove.
      own: Other columns of the log that are default features of this network too.

    Raises:
      errors.UserError: A name is unknown, has no effect, or lacks its columns.
    """
    known = {feature.name: feature for feature in of_network(network)}
    defaults = [name for name, f in known.items() if network in f.default_in]
    defaults += own
    for name in config.remove:
        _require_effect(network, name, [*defaults, *config.add], known)
    wanted = [name for name in (*defaults, *config.add) if name not in config.remove]
    chosen = [_named(network, name, data, known) for name in dict.fromkeys(wanted)]
    for feature in chosen:
        if feature.name in config.add and not feature.exists(data):
            gap = feature.missing_data(data)
            raise errors.UserError(
                f"expected {gap.expected} for "
                f"--config.{network}.features.add={feature.name}, found {gap.found} "
                f"in {data.directory}: {gap.advice}, or leave the feature out"
            )
    places = {name: place for place, name in enumerate(known)}
    existing = [feature for feature in chosen if feature.exists(data)]
    return tuple(
        sorted(existing, key=lambda f: (f.scope, places.get(f.name, len(places))))
    )


def named(network: str, names: Sequence[str], data: prepared.PreparedData) -> Features:
    """Returns the features of a trained network by their saved names.

    Raises:
      errors.UserError: This version, or the prepared set, has no such feature.
    """
    known = {feature.name: feature for feature in of_network(network)}
    return tuple(_named(network, name, data, known) for name in names)


def of_names(network: str, names: Sequence[str]) -> Features:
    """Returns declared features of a network by name, without a prepared set.

    Raises:
      errors.UserError: There is no such feature, or it is a column of a log.
    """
    known = {feature.name: feature for feature in of_network(network)}
    for name in names:
        if name not in known:
            raise errors.UserError(_unknown(network, name, list(known)))
    return tuple(known[name] for name in names)


def readable(data: prepared.PreparedData) -> Features:
    """Returns every feature that a prepared set has, columns of the user's own too."""
    found = [feature for feature in declared() if feature.exists(data)]
    return (*found, *(own(name, data) for name in own_columns(data)))


def own_columns(data: prepared.PreparedData) -> list[str]:
    """Returns the columns of `users` and `videos` that no declared feature reads.

    Names are "table.column", with columns of users first, in the order of the log.
    """
    found = [feature for feature in declared() if feature.exists(data)]
    taken = {column for feature in found for column in feature.columns}
    own = [
        f"{table}.{column}"
        for table in (schema.USERS, schema.VIDEOS)
        for column in _own_columns(data, table)
    ]
    return [name for name in own if name not in taken]


def can_be_asked(name: str) -> bool:
    """Returns whether a column's name can be a request key.

    Columns of videos are stored in the bundle and may have any name.
    """
    table, _, column = name.partition(".")
    is_key = column not in schema.REQUEST_KEYS and _KEY.fullmatch(column) is not None
    return table != schema.USERS or is_key


def _named(
    network: str,
    name: str,
    data: prepared.PreparedData,
    known: dict[str, base_feature.Feature],
) -> base_feature.Feature:
    if name in known:
        return known[name]
    table, _, column = name.partition(".")
    tables = _OWN_TABLES[network]
    if network == base_feature.RANKING:
        from ytdnn.features import vector_columns

        if vector_columns.is_product(name, data.catalogue):
            return vector_columns.product(name, data)
    if (
        table in tables
        and name in data.catalogue.columns
        and column in _own_columns(data, table)
    ):
        return _own(name, data)
    own = [
        f"{t}.{c}" for t in sorted(tables) for c in _own_columns(data, t)
    ]  # columns that are no feature yet
    raise errors.UserError(_unknown(network, name, [*known, *own]))


def _own(name: str, data: prepared.PreparedData) -> base_feature.Feature:
    if not can_be_asked(name):
        raise errors.UserError(
            f"expected a column that can be a key of requests (letters, digits and _, "
            f"none of {', '.join(sorted(schema.REQUEST_KEYS))}), received {name}: "
            f"rename it"
        )
    return own(name, data)


def own(name: str, data: prepared.PreparedData) -> base_feature.Feature:
    """Returns the feature of a column of the user's own, named as the column."""
    if name in data.catalogue.vectors.widths:
        from ytdnn.features import vector_columns

        return vector_columns.VectorColumn(name, data.catalogue.vectors.widths[name])
    from ytdnn.features import columns

    return columns.own(name, data)


def _own_columns(data: prepared.PreparedData, table: str) -> list[str]:
    frame = data.users if table == schema.USERS else data.videos
    found = [c for c in frame.columns if c not in prepared.MADE_COLUMNS]
    return found + [c.partition(".")[2] for c in data.catalogue.vectors.in_table(table)]


def _require_effect(
    network: str, name: str, read: Sequence[str], known: dict[str, base_feature.Feature]
) -> None:
    if name in read:
        return
    if name not in known:
        raise errors.UserError(_unknown(network, name, list(read)))
    raise errors.UserError(
        f"expected --config.{network}.features.remove to name features that are read "
        f"({', '.join(read)}), received {name}, which is not: leave it out"
    )


def _unknown(network: str, name: str, known: Sequence[str]) -> str:
    hint = errors.hint(name, known)
    return (
        f"expected a feature of {network} ({', '.join(known)}), received {name!r}{hint}"
    )
