import itertools
import unicodedata

import hypothesis
import pytest
import tensorflow as tf
from hypothesis import strategies

from ytdnn.log import tokens


def _tokens(query):
    found = tokens.tokenise(tf.constant([query], tf.string))[0].numpy()
    return [token.decode() for token in found]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Guitar  SOLO, live!", "guitar|solo|live|guitar solo|solo live"),
        ("don't don’t", "dont|dont|dont dont"),
        ("co\u00adop cats\u200bdogs", "coop|cats|dogs|coop cats|cats dogs"),
        ("mp3_player", "mp3|player|mp3 player"),
        ("東京タワー", "東|京|タワー|東 京|京 タワー"),
        ("さくらabc", "さ|く|ら|abc|さ く|く ら|ら abc"),
        ("ｶﾞﾝﾀﾞﾑ", "ｶﾞﾝﾀﾞﾑ"),
        ("한국어 노래", "한국어|노래|한국어 노래"),
        ("น้ำ", "น้|ำ|น้ ำ"),
        ("हिन्दी गाना", "हिन्दी|गाना|हिन्दी गाना"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("", ""),
        (" !? 🎸 ", ""),
    ],
)
def test_unigrams_then_bigrams_by_hand(query, expected):
    assert "|".join(_tokens(query)) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Guitar!", True),
        ("...7", True),
        ("東京", True),
        ("ʼnʼ", True),
        (b"\xff\xfea", True),
        ("", False),
        (" !? 🎸 ", False),
        ("ʼ", False),
        (b"\xff", False),
    ],
)
def test_a_letter_or_digit_is_in_a_word(query, expected):
    assert tokens.surely_have_words(tf.constant([query])).numpy() == [expected]


@hypothesis.given(strategies.text(max_size=9) | strategies.binary(max_size=9))
@hypothesis.example("\x000")
@hypothesis.settings(deadline=None, max_examples=150)
def test_what_surely_has_words_has_tokens(query):
    queries = tf.constant([query], tf.string)
    if tokens.surely_have_words(queries):
        assert tokens.tokenise(queries).row_lengths()[0] > 0


def test_what_is_no_utf_8_separates_words():
    assert _tokens(b"ab\xff\xfecd") == ["ab", "cd", "ab cd"]


_SINGLE = [(0x4E00, 0x9FA5), (0x3041, 0x3096), (0x0E01, 0x0E30)]
_KATAKANA = [(0x30A1, 0x30FA), (0x30FC, 0x30FC)]
_SPACED = [(0x21, 0x24F), (0x391, 0x3A1), (0x3A3, 0x3CE), (0x410, 0x44F)]
_SPACED += [(0xAC00, 0xD7A3), (0x0905, 0x0939), (0x0300, 0x036F), (0x05D0, 0x05EA)]
_SPACED += [(0x1F300, 0x1F5FF), (0x2000, 0x2027), (0x3000, 0x3003)]


def _inside(char, ranges):
    return any(first <= ord(char) <= last for first, last in ranges)


def _words(query):
    """The rule in Python, character by character."""
    words, kind = [], None
    for char in query.lower():
        category = unicodedata.category(char)
        if char == "\u200b":
            kind = None
        elif char in "'’ʼ＇" or category == "Cf":
            continue
        elif _inside(char, _SINGLE):
            words.append(char)
            kind = "single"
        elif category[0] == "M" and kind == "single":
            words[-1] += char
        elif category[0] in "LMN":
            new = "katakana" if _inside(char, _KATAKANA) else "word"
            if kind == new:
                words[-1] += char
            else:
                words.append(char)
            kind = new
        else:
            kind = None
    return words[: tokens.MAX_WORDS]


_CHARACTERS = strategies.one_of(
    strategies.characters(min_codepoint=first, max_codepoint=last)
    for first, last in [*_SINGLE, *_KATAKANA, *_SPACED]
)


@hypothesis.given(
    strategies.lists(strategies.text(_CHARACTERS | strategies.just(" ")), max_size=5)
)
@hypothesis.settings(deadline=None, max_examples=150)
def test_the_rule_in_python_gives_the_same(queries):
    found = tokens.tokenise(tf.constant(queries, tf.string)).to_list()
    for query, actual in zip(queries, found, strict=True):
        words = _words(query)
        bigrams = [f"{a} {b}" for a, b in itertools.pairwise(words)]
        assert [token.decode() for token in actual] == words + bigrams
