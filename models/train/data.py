"""Reads the dialogues and turns them into token arrays.

The data file is `dialogues/dialogues.jsonl.xz` under the data folder: one JSON object a line,
{source, split, id, topics, turns: [[role, text], ...]}. Turns alternate and the user speaks first.
"""

import json
import lzma
from pathlib import Path

import numpy as np

from tokenizer import ASSISTANT, BOS, END, USER, Tokenizer

# A flag beside every token: whether it is part of a reply.
IS_MARKER_OR_USER, IS_REPLY = 0, 1


def dialogues(data_folder, split):
    """The dialogues of one split (train, dev or test), each a list of (role, text)."""
    path = Path(data_folder) / "dialogues" / "dialogues.jsonl.xz"
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            dialogue = json.loads(line)
            if dialogue["split"] == split:
                yield [(role, text) for role, text in dialogue["turns"]]


def texts(data_folder, split):
    """Every turn's text, for training the tokenizer."""
    for turns in dialogues(data_folder, split):
        for _, text in turns:
            yield text


def encode_dialogue(tokenizer: Tokenizer, turns):
    """<s><|user|>TEXT<|end|><|assistant|>TEXT<|end|>... as (tokens, reply flags).

    A token's flag says whether the model has to produce it when it answers: the assistant's text
    and the <|end|> that closes it.
    """
    tokens, flags = [BOS], [IS_MARKER_OR_USER]
    for (role, text), ids in zip(turns, tokenizer.encode_batch([text for _, text in turns])):
        is_reply = role == "assistant"
        tokens += [ASSISTANT if is_reply else USER, *ids, END]
        flags += [IS_MARKER_OR_USER] + [IS_REPLY if is_reply else IS_MARKER_OR_USER] * (len(ids) + 1)
    return tokens, flags


def prompts(tokenizer: Tokenizer, data_folder, split):
    """Every beginning of a dialogue that ends where the assistant is to speak.

    Yields (tokens, true reply text); the tokens end in <|assistant|>.
    """
    for turns in dialogues(data_folder, split):
        tokens, _ = encode_dialogue(tokenizer, turns)
        ends = [at for at, token in enumerate(tokens) if token == ASSISTANT]
        replies = [text for role, text in turns if role == "assistant"]
        for end, reply in zip(ends, replies):
            yield tokens[: end + 1], reply


def encode_all(tokenizer: Tokenizer, data_folder, split):
    """Every dialogue of a split as (tokens, reply flags)."""
    return [encode_dialogue(tokenizer, turns) for turns in dialogues(data_folder, split)]


def pack(encoded, length, seed):
    """All dialogues in random order, cut into rows of `length` + 1 tokens.

    Returns (tokens uint16 [rows, length + 1], flags uint8 of the same shape). Neighbouring rows share
    one token, so that each token but the first is predicted exactly once.
    """
    order = np.random.default_rng(seed).permutation(len(encoded))
    tokens = np.concatenate([np.asarray(encoded[at][0], np.uint16) for at in order])
    flags = np.concatenate([np.asarray(encoded[at][1], np.uint8) for at in order])
    starts = np.arange(0, len(tokens) - length, length)
    at = starts[:, None] + np.arange(length + 1)[None, :]
    return tokens[at], flags[at]
