"""`--features`: features to add to the default ones of the networks that can use them.

`users.*` are added to both networks, `videos.*` to the ranker. A declared feature is
added to the ranker; or to the candidates, if the ranker has no feature of that name or
reads it by default.
"""

from ytdnn.run.cli import arguments

_OWN_OF_USERS = "users."
_CANDIDATES, _RANKING = "candidates.features.add", "ranking.features.add"


def settings(value: str) -> dict[str, str]:
    """Returns the settings that `--features` fills.

    Args:
      value: Names of features, separated by commas.
    """
    names = [name for part in value.split(",") if (name := part.strip())]
    found: dict[str, list[str]] = {}
    for name in names:
        for key in _keys(name):
            found.setdefault(key, []).append(name)
    return {key: ",".join(of_key) for key, of_key in found.items()}


def _keys(name: str) -> tuple[str, ...]:
    if name.startswith(_OWN_OF_USERS):
        return _CANDIDATES, _RANKING
    if "." not in name and _is_of_candidates(name):
        return (_CANDIDATES,)
    return (_RANKING,)


def _is_of_candidates(name: str) -> bool:
    """Whether the candidates can read a feature that is no addition to the ranker's."""
    from ytdnn.features import base_feature, registry  # loads TensorFlow, for seconds

    found = [feature for feature in registry.declared() if feature.name == name]
    additions = [f for f in found if base_feature.RANKING in f.networks - f.default_in]
    return not additions and any(base_feature.CANDIDATES in f.networks for f in found)


FLAG = arguments.Flag(
    "features",
    "Features to add to the default ones (docs/features.md), or columns of the log, "
    "such as videos.genre. Fills config.ranking.features.add, for users.* also "
    "config.candidates.features.add; only the latter for features that only the "
    "candidate network can read or that the ranker reads by default.",
    example="NAME,NAME",
    fills=settings,
)
