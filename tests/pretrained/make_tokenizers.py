"""Makes small tokenizers of pretrained models, and the ids that transformers gives to texts.

    python -m pip install transformers==5.24.0 tokenizers==0.23.3
    python tests/pretrained/make_tokenizers.py

`tokenizer_bert` is a WordPiece vocabulary, `tokenizer_roberta` a byte-level BPE. `expected.json` holds texts,
their ids, and their ids truncated to 8 tokens from either side. `words.json` holds words, the ids of their pieces,
and which pieces are the first of a word; byte pairs with `add_prefix_space`. `pairs.json` holds pairs of texts, their
ids and segments, whole and truncated. The same bytes each time.
"""

import json
import pathlib
import shutil

import tokenizers
import transformers

FOLDER = pathlib.Path(__file__).resolve().parent
LENGTH = 8
TEXTS = [
    "", " ", "a", "the cat sat on the mat", "The CAT sat!", "naïve café Über", "unbelievable cats and dogs sitting",
    "emoji 🙂🙃 end", "中文字符 and text", "tabs\tand\nlines", "don't stop, won't stop...", "x" * 150,
    "  spaces   inside  ", "\u200bzero\u200bwidth\u0000null", "ﬁne ligature ①", "3.14159 = pi", "a-b_c/d\\e",
    "the the the the the the the the the the the the", "sat on", "Ａfull width", "e\u0301 combining",
]
# Not part of the texts that the byte pairs are learned from.
ODD_TEXTS = [
    "\n", "\t\t", "\u00a0", "\u3000", "\u200b", "\ufeff", "\u0000", "\u0007bell\u001b[0m", "\r\nlines\r", "\u2028",
    "\ufffd", "\u00adsoft\u00adhyphen", "\U0001f468\u200d\U0001f469\u200d\U0001f467 family", "\U0001f1e9\U0001f1ea", "👍🏽",
    "漢字かな交じり文", "中文中文中文中文中文", "한국어", "العربية", "עברית", "ภาษาไทย", "हिन्दी", "Ω≈ç√", "ǅ İ ß ẞ", "ﬀﬁﬂ", "½ ² Ⅷ",
    "𝒜𝓁𝓅𝒽𝒶", "café cafe\u0301", "Ångström Å", "##able ##s", "-- ' '' \"", "¿qué?", "…", "a" * 99, "a" * 101, "a " * 30,
    "can't won't I'm we'd they'll", "1,000,000.50", "user@mail.com", "\\n", " the cat", "the cat ", "THE\tCAT",
]


def expected(folder, tokenizer):
    rows = []
    for text in TEXTS + ODD_TEXTS:
        row = {"text": text, "ids": tokenizer(text)["input_ids"]}
        for side, key in (("right", "head"), ("left", "tail")):
            tokenizer.truncation_side = side
            row[key] = tokenizer(text, truncation=True, max_length=LENGTH)["input_ids"]
        rows.append(row)
    (folder / "expected.json").write_text(json.dumps(rows, ensure_ascii=True, indent=0) + "\n")


WORDS = [
    ["EU", "rejects", "German", "call"], ["the", "cat", "sat", "unbelievable"], ["don't", "stop", "!"], ["a"], ["naïve", "café"],
    ["@user", "#sat_on", "http://a.b/c"], ["New York", "dogs"], ["🙂", "中文", "end..."], ["x" * 150, "cat"], ["the"] * 12,
    ["unbelievable"] * 5, ["3.14", "=", "pi"], ["cats", "and", "dogssitting", "ondogs"], [" the", "cat "], ["##able", "##s"],
    ["e\u0301", "ﬁ"], ["--", "''"], ["sitting", "sat"] * 7, ["a" * 9], ["mat", "b" * 20],
]


def word_pieces(folder, tokenizer):
    rows = []
    for text in WORDS:
        row = {"words": text}
        for side, key, length in (("right", "all", None), ("right", "head", LENGTH), ("left", "tail", LENGTH)):
            tokenizer.truncation_side = side
            encoded = tokenizer(text, is_split_into_words=True, truncation=length is not None, max_length=length)
            of = encoded.word_ids()
            first = [int(word is not None and word not in of[:place]) for place, word in enumerate(of)]
            row[key] = [list(pair) for pair in zip(encoded["input_ids"], first)]
        rows.append(row)
    tokenizer.truncation_side = "right"
    (folder / "words.json").write_text(json.dumps(rows, ensure_ascii=True) + "\n")


PAIRS = [
    ("the cat sat", "on the mat"), ("", "the cat"), ("the cat", ""), ("", ""), ("a", "b"), ("unbelievable " * 4, "cat"),
    ("cat", "unbelievable " * 4), ("the cat and the dogs " * 3, "sat on the mat " * 3), ("don't stop!", "won't stop..."),
    ("naïve café", "Über"), ("中文", "text and emoji 🙂"), ("sep in a text", "s in another"), ("x" * 40, "y" * 40),
    ("the " * 9, "cat " * 10), ("the " * 10, "cat " * 9), ("a b c", "d e f g h"), ("a b c d e f g", "h"), ("  spaces  ", "\ttabs"),
    ("3.14", "= pi"), ("the cat sat on the mat", "the cat sat on the mat"), ("sitting", "\u200b"), ("sat on", "e\u0301"),
]


def text_pairs(folder, tokenizer):
    rows = []
    for first, second in PAIRS:
        row = {"texts": [first, second], "encoded": []}
        for side in ("right", "left"):
            tokenizer.truncation_side = side
            for length in (1000, 16, 11, 8):
                # As a batch: alone, a second text that is empty would not count as one.
                encoded = tokenizer([first], [second], truncation=True, max_length=length, return_token_type_ids=True)
                pairs = [list(pair) for pair in zip(encoded["input_ids"][0], encoded["token_type_ids"][0])]
                row["encoded"].append([side, length, pairs])
        rows.append(row)
    tokenizer.truncation_side = "right"
    (folder / "pairs.json").write_text(json.dumps(rows, ensure_ascii=True) + "\n")


def bert():
    folder = FOLDER / "tokenizer_bert"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    words = "the cat cats dog dogs sat sitting on mat and un believ able stop don won end emoji text zero width 中 文"
    marks = list("!',.-_/\\=")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    pieces += [*words.split(), "##able", "##s", "##ing", *marks]
    pieces = list(dict.fromkeys(pieces))
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    tokenizer = transformers.BertTokenizer(vocab=str(folder / "vocab.txt"))
    tokenizer.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    expected(folder, tokenizer)
    word_pieces(folder, tokenizer)
    text_pairs(folder, tokenizer)


def roberta():
    folder = FOLDER / "tokenizer_roberta"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    trainer = tokenizers.ByteLevelBPETokenizer()
    trainer.train_from_iterator(
        TEXTS * 3, vocab_size=330, min_frequency=2, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    )
    trainer.save_model(str(folder))
    paths = {"vocab": str(folder / "vocab.json"), "merges": str(folder / "merges.txt")}
    tokenizer = transformers.RobertaTokenizer(**paths)
    files = {name: (folder / name).read_bytes() for name in ("vocab.json", "merges.txt")}
    tokenizer.save_pretrained(folder)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    expected(folder, tokenizer)
    text_pairs(folder, tokenizer)
    word_pieces(folder, transformers.RobertaTokenizer(**paths, add_prefix_space=True))


if __name__ == "__main__":
    bert()
    roberta()
