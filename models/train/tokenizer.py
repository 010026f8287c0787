"""A byte-pair tokenizer with byte fallback that llama.cpp's "llama" (SentencePiece) tokenizer repeats.

llama.cpp has no list of merges: it joins the two neighbours whose joined text is the piece of the
highest score, until no two neighbours join. With score = -(merge rank) this is byte-pair encoding in
which a piece may be reached from any two halves. So the tokenizer file lists every pair of pieces
whose text joins to a piece, in the order of the joined piece's rank, and both agree.
"""

import json
from pathlib import Path

from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Engine

SIZE = 4096
SPECIAL = ["<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|end|>"]
UNK, BOS, _, USER, ASSISTANT, END = range(len(SPECIAL))
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SPACE = "▁"

# Pieces never cross a space, never mix letters with anything else, and hold two digits at most, so
# that times and prices are few tokens and yet every number can be spelled.
WORDS = rf"{SPACE}?[\p{{L}}']+|{SPACE}?\p{{N}}{{1,2}}|{SPACE}?[^\p{{L}}\p{{N}}'{SPACE}]+|{SPACE}"


class Tokenizer:
    """Text to token ids and back. Markers are never made out of text: they are ids only."""

    def __init__(self, path):
        self.description = json.loads(Path(path).read_text(encoding="utf-8"))
        self.pieces = [piece for piece, _ in sorted(self.description["model"]["vocab"].items(), key=lambda kv: kv[1])]
        # Without the added tokens the engine reads "<|end|>" in a user's text as plain text.
        plain = {**self.description, "added_tokens": []}
        self.engine = Engine.from_str(json.dumps(plain))

    def encode(self, text):
        return self.engine.encode(text, add_special_tokens=False).ids

    def encode_batch(self, texts):
        return [one.ids for one in self.engine.encode_batch(texts, add_special_tokens=False)]

    def decode(self, ids):
        """The text of the ids; markers add nothing to it."""
        text = b""
        for token in ids:
            if token < len(SPECIAL):
                continue
            if token < len(SPECIAL) + len(BYTES):
                text += bytes([token - len(SPECIAL)])
            else:
                text += self.pieces[token].replace(SPACE, " ").encode()
        return text.decode("utf-8", errors="replace")

    def score(self, token):
        """llama.cpp's score: 0 for markers and bytes, minus the merge rank for pieces."""
        return -float(max(0, token - len(SPECIAL) - len(BYTES)))


def train_tokenizer(texts, path):
    """Learns the pieces from the texts and writes the tokenizer file."""
    engine = Engine(models.BPE(unk_token="<unk>"))
    engine.normalizer = normalizers.Replace(" ", SPACE)
    engine.pre_tokenizer = pre_tokenizers.Split(Regex(WORDS), "isolated")
    trainer = trainers.BpeTrainer(vocab_size=SIZE - len(BYTES), special_tokens=SPECIAL, show_progress=False)
    engine.train_from_iterator(texts, trainer)
    learned = json.loads(engine.to_str())["model"]
    Path(path).write_text(json.dumps(_description(learned), ensure_ascii=False, indent=0), encoding="utf-8")
    return Tokenizer(path)


def _description(learned):
    """The tokenizer file: markers, bytes, merged pieces in the order they were learned, characters."""
    merged = list(dict.fromkeys("".join(pair) for pair in learned["merges"]))
    characters = sorted(piece for piece in learned["vocab"] if len(piece) == 1)
    pieces = SPECIAL + BYTES + merged + characters
    assert len(pieces) == len(set(pieces)) == SIZE, len(pieces)
    rank = {piece: at for at, piece in enumerate(pieces)}
    ids_in_text = set(merged) | set(characters)
    merges = [
        (piece[:cut], piece[cut:])
        for piece in merged
        for cut in range(1, len(piece))
        if piece[:cut] in ids_in_text and piece[cut:] in ids_in_text
    ]
    engine = Engine(models.BPE(vocab=rank, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=False))
    engine.normalizer = normalizers.Replace(" ", SPACE)
    description = json.loads(engine.to_str())
    description["decoder"] = {
        "type": "Sequence",
        "decoders": [
            {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
        ],
    }
    # One word at a time is only for speed: no piece crosses a space, so the result is the same.
    description["pre_tokenizer"] = {
        "type": "Split",
        "pattern": {"Regex": rf"{SPACE}?[^{SPACE}]+|{SPACE}"},
        "behavior": "Isolated",
        "invert": False,
    }
    description["added_tokens"] = [
        {
            "id": at,
            "content": piece,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for at, piece in enumerate(SPECIAL)
    ]
    return description
