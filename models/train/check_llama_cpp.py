"""Checks that llama.cpp reads the two GGUF files and does with them what the recipe's model does.

    pip install xllamacpp            # llama.cpp, ready built
    python models/train/check_llama_cpp.py --data ../shared/data --models models

Compared are the token ids of texts, the chat template, and greedy replies token by token. llama.cpp
rounds activations to 8 bits before it multiplies, so a close call between two tokens may fall the
other way; how often that happens is printed.
"""

import argparse
import json
import os
import urllib.error
import urllib.request
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import xllamacpp

import data
from evaluate import FIRST_TURNS, spread
from export_gguf import read_back
from generate import LONGEST_REPLY, greedy, reply
from tokenizer import ASSISTANT, BOS, END, USER, Tokenizer

ODD_TEXTS = [
    "",
    " ",
    "  ",
    "a  b",
    " leading",
    "trailing ",
    "tab\there",
    "two\n\nlines",
    "don't",
    "$12345.67 at 11:30am",
    "日本語",
    "ünïcödé",
    "😀 é ’",
    "<0x41> [x]",
    "a\u00a0b",
    "x" * 300,
    "\r\n",
    "ABC abc AbC",
    "?!... --",
]


def main():
    arguments = parse_arguments()
    tokenizer = Tokenizer(arguments.models / "tokenizer.json")
    texts = spread(list(data.texts(arguments.data, "test")), 2000) + ODD_TEXTS
    prompts = spread([prompt for prompt, _ in data.prompts(tokenizer, arguments.data, "test")], arguments.prompts)
    prompts += [[BOS, USER, *tokenizer.encode(text), END, ASSISTANT] for text in FIRST_TURNS]
    for name in ["causeway-demo-target-q8_0.gguf", "causeway-demo-draft-q8_0.gguf"]:
        path = arguments.models / name
        server = Server(path)
        print(name)
        print(f"  tokenizes the same: {same_ids(server, tokenizer, texts)} of {len(texts)} texts")
        print(f"  chat template: {check_template(server, tokenizer)}")
        equal, equal_tokens, tokens = same_replies(server, read_back(path), prompts)
        print(f"  same greedy reply: {equal} of {len(prompts)} ({equal_tokens} of {tokens} tokens before a difference)")


class Server:
    """llama.cpp's own server, asked over HTTP."""

    def __init__(self, path):
        settings = xllamacpp.CommonParams()
        settings.model.path = str(path)
        settings.n_ctx = 1024
        settings.n_parallel = 1
        settings.warmup = False
        settings.verbosity = 0
        self.server = xllamacpp.Server(settings)

    def ask(self, path, **question):
        request = urllib.request.Request(
            self.server.listening_address + path,
            json.dumps(question).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


def same_ids(server, tokenizer, texts):
    return sum(
        server.ask("/tokenize", content=text, add_special=False, parse_special=False)["tokens"]
        == tokenizer.encode(text)
        for text in texts
    )


def check_template(server, tokenizer):
    """Whether the embedded template gives what the models were trained on, and refuses other roles."""
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "No"},
    ]
    prompt = server.ask("/apply-template", messages=messages)["prompt"]
    ids = server.ask("/tokenize", content=prompt, add_special=False, parse_special=True)["tokens"]
    turns = [(message["role"], message["content"]) for message in messages]
    expected = data.encode_dialogue(tokenizer, turns)[0] + [ASSISTANT]
    # llama.cpp adds <s> itself when it tokenizes a prompt, and so may leave it out of the text.
    if ids not in (expected, expected[1:]):
        return f"differs: {prompt!r}"
    # llama.cpp folds a system message into the first user turn before the template sees it, so the
    # refusal shows on another role.
    try:
        server.ask("/apply-template", messages=[{"role": "tool", "content": "12"}])
    except urllib.error.HTTPError:
        return "as trained, and other roles are refused"
    return "as trained, but other roles are let through"


def same_replies(server, model, prompts):
    """(equal replies, tokens before the first difference, all tokens)."""
    equal = equal_tokens = tokens = 0
    for prompt in prompts:
        theirs = server.ask(
            "/completion", prompt=prompt, n_predict=LONGEST_REPLY, temperature=0, return_tokens=True, cache_prompt=False
        )["tokens"]
        theirs = [token for token in theirs if token != END]
        ours = reply(model, prompt, greedy)
        first = next(
            (at for at, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1]), min(len(ours), len(theirs))
        )
        equal += ours == theirs
        equal_tokens, tokens = equal_tokens + first, tokens + len(ours)
    return equal, equal_tokens, tokens


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder that holds dialogues/")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of the two GGUF files")
    parser.add_argument("--prompts", type=int, default=40, help="test prompts to compare greedy replies on")
    return parser.parse_args()


if __name__ == "__main__":
    main()
