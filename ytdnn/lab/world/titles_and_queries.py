"""Titles of videos and the texts of searches, which share a vocabulary.

A search is a number until its text is written: a topical one by language, leaf and
form, a search for one video by video and form.
"""

import numpy as np

from ytdnn.lab.world import corpus, words

Videos = corpus.Videos
Metadata = corpus.Metadata

_KNOWN_ITEM_SHARE = 0.35  # of queries, made of the words of the video's own title
_KNOWN_FORMS = 3
_TOPICAL_FORMS = 3 + 2 * len(words.MODEST)
_SYLLABLES = [consonant + vowel for consonant in "bdgklmnprstvz" for vowel in "aeiou"]


def channel_name(channel: int) -> str:
    """Returns the name of a channel.

    >>> channel_name(0), channel_name(1_000)
    ('bababa', 'bavobi')
    """
    name = ""
    for _ in range(3):
        channel, digit = divmod(channel, len(_SYLLABLES))
        name = _SYLLABLES[digit] + name
    return name if channel == 0 else f"{name}{channel}"


def title(language: int, leaf: int, extra: int, channel: int, episode: int) -> str:
    """Returns a title: leaf, topic, another word, channel, number of the episode.

    Args:
      language: Into `words.LANGUAGES`.
      leaf: Leaf that it names.
      extra: Into MODEST + LOUD.
      channel: Channel of the video.
      episode: Its number, 0 outside of a series.

    >>> title(0, 2, 0, 0, 3)
    'Riff guitar tutorial | bababa #3'
    """
    subject = words.join(_subject(language, leaf, extra), language).capitalize()
    number = f" #{episode}" if episode else ""
    return f"{subject} | {channel_name(channel)}{number}"


def _subject(language: int, leaf: int, extra: int) -> list[str]:
    topic = words.topic_name(leaf // words.LEAVES_PER_TOPIC)
    parts = (words.leaf_word(leaf), topic, (*words.MODEST, *words.LOUD)[extra])
    return [words.in_language(part, language) for part in parts]


def draw_queries(
    num_leaves: int,
    leaves: np.ndarray,
    languages: np.ndarray,
    videos: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Returns a number for each query.

    Args:
      num_leaves: Number of leaves of the topic tree.
      leaves: `[n]`, leaf that is searched for.
      languages: `[n]`, language of the words.
      videos: `[n]`, video that a search for one video is about.
      rng: For the form.
    """
    shelf = np.asarray(languages, np.int64) * num_leaves + leaves
    topical = shelf * _TOPICAL_FORMS
    topical = topical + rng.integers(_TOPICAL_FORMS, size=len(leaves))
    first_known = len(words.LANGUAGES) * num_leaves * _TOPICAL_FORMS
    known = first_known + videos * _KNOWN_FORMS
    known = known + rng.integers(_KNOWN_FORMS, size=len(leaves))
    is_known = rng.random(len(leaves)) < _KNOWN_ITEM_SHARE
    return np.where(is_known, known, topical)


def queries(
    numbers: np.ndarray, num_leaves: int, videos: Videos, metadata: Metadata
) -> list[str]:
    """Writes queries out: one to four words each.

    Args:
      numbers: Numbers from `draw_queries`, each once.
      num_leaves: Number of leaves of the topic tree.
      videos: The corpus.
      metadata: Metadata with the titles that searches for one video quote.
    """
    first_known = len(words.LANGUAGES) * num_leaves * _TOPICAL_FORMS
    written = []
    for number in numbers.tolist():
        if number < first_known:
            written.append(_topical(number, num_leaves))
        else:
            video, form = divmod(number - first_known, _KNOWN_FORMS)
            written.append(_known_item(video, form, videos, metadata))
    return written


def _topical(number: int, num_leaves: int) -> str:
    rest, form = divmod(number, _TOPICAL_FORMS)
    language, leaf = divmod(rest, num_leaves)
    word, topic, _ = _subject(language, leaf, 0)
    if form < 3:
        return words.join(([word], [topic], [word, topic])[form], language)
    modest = words.MODEST[(form - 3) // 2]
    start = [word] if form % 2 else [word, topic]
    return words.join([*start, words.in_language(modest, language)], language)


def _known_item(video: int, form: int, videos: Videos, metadata: Metadata) -> str:
    language = int(videos.languages[video])
    leaf = int(metadata.subjects[video])
    leaf = leaf if leaf >= 0 else int(videos.leaves[video])
    word, topic, extra = _subject(language, leaf, int(metadata.extras[video]))
    channel = channel_name(int(videos.channels[video]))
    if form == 0:
        return channel
    subject = ([word], [word, topic, extra])[form - 1]
    return f"{words.join(subject, language)} {channel}"
