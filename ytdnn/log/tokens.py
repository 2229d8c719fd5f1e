"""Search queries to unigrams and bigrams (PAPER §3.3), in TensorFlow's string ops.

`prepare` and the exported graphs call this one function, so the tokens of a request
are those of training by construction.

Words are runs of letters, marks and digits, in lower case. A part of Unicode's word
rules (UAX #29) is implemented: in scripts without spaces (Han, Hiragana, Thai, Lao,
Khmer, Myanmar) each character is a word, so that bigrams are pairs of characters; runs
of Katakana are words; apostrophes, soft hyphens and joiners do not end a word ("don't"
is "dont"). Everything else separates words and is no token: a query of only emoji has
none. There is no compatibility normalisation (a full-width "Ａ" is not an "a"): stock
TensorFlow has no op for it.
"""

import tensorflow as tf

MAX_WORDS = 32  # of one query; what follows is not read

_SEPARATOR = " "  # of the two words of a bigram
_JOINERS = r"['’ʼ＇\p{Cf}]+"
_ZERO_WIDTH_SPACE = r"\x{200B}"  # of category Cf, but a separator
_UNSPACED = (
    r"[\p{Han}\p{Hiragana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*"
    r"|[\p{Katakana}ー\x{FF70}\x{FF9E}\x{FF9F}]+"
)
_NO_WORD = r"[^\p{L}\p{M}\p{N}]+"
_WITH_WORD = r"\C*([^ʼ\P{L}]|\p{N})\C*"  # the one letter that is a joiner is no word


def tokenise(queries: tf.Tensor) -> tf.RaggedTensor:
    """Returns the unigrams of each query, then its bigrams, `[queries, (tokens)]`.

    Args:
      queries: `[queries] string`, UTF-8; invalid bytes separate words.

    A bigram is two neighbouring words with one space between. A query of w words (at
    most `MAX_WORDS` are read) has w unigrams and w − 1 bigrams, without words none.

    >>> [t.decode() for t in tokenise(tf.constant(["Bass riff!"]))[0].numpy()]
    ['bass', 'riff', 'bass riff']
    """
    words = _words(queries)
    bigrams = tf.strings.join([words[:, :-1], words[:, 1:]], _SEPARATOR)
    return tf.concat([words, bigrams], axis=1)


def surely_have_words(queries: tf.Tensor) -> tf.Tensor:
    """Returns whether each query has a letter or digit, and so tokens, `[...] bool`.

    A few others have tokens too, of marks only. This check takes a tenth of the time of
    tokenising.

    Args:
      queries: `[...] string`.
    """
    return tf.strings.regex_full_match(queries, _WITH_WORD)


def _words(queries: tf.Tensor) -> tf.RaggedTensor:
    text = tf.strings.unicode_transcode(
        queries,
        "UTF-8",
        "UTF-8",
        errors="replace",
        replacement_char=ord(" "),
        replace_control_characters=True,  # `lower` would read no further than a NUL
    )
    text = tf.strings.lower(text, encoding="utf-8")
    text = tf.strings.regex_replace(text, _ZERO_WIDTH_SPACE, " ")
    text = tf.strings.regex_replace(text, _JOINERS, "")
    text = tf.strings.regex_replace(text, f"({_UNSPACED})", r" \1 ")
    text = tf.strings.regex_replace(text, _NO_WORD, " ")
    return tf.strings.split(text)[:, :MAX_WORDS]
