"""Measures the two GGUF files on the dialogues held out for testing, and shows sampled replies.

    python models/train/evaluate.py --data ../shared/data --models models

All numbers are taken with the weights as the files hold them (Q8_0), computed in 32-bit floats.
"""

import argparse
import math
import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
import torch.nn.functional as F

import data
from export_gguf import read_back
from generate import LONGEST_REPLY, Sampler, greedy, reply
from model import Cache
from tokenizer import ASSISTANT, BOS, END, USER, Tokenizer

FIRST_TURNS = [
    "I'd like a table for two tonight",
    "What's the weather in San Jose?",
    "Find me a flight to New York",
    "Play some music",
    "I want a large latte",
]


def main():
    arguments = parse_arguments()
    tokenizer = Tokenizer(arguments.models / "tokenizer.json")
    target = read_back(arguments.models / "causeway-demo-target-q8_0.gguf")
    draft = read_back(arguments.models / "causeway-demo-draft-q8_0.gguf")

    for name, model in [("target", target), ("draft", draft)]:
        bits, dialogues, tokens, size = bits_per_byte(model, tokenizer, arguments.data)
        print(f"{name}: {bits:.4f} bits per byte ({tokens} tokens, {size} bytes, {dialogues} dialogues)", flush=True)

    chosen = spread(list(data.prompts(tokenizer, arguments.data, "test")), arguments.prompts)
    accepted, drafted, rounds, tokens = acceptance(target, draft, [prompt for prompt, _ in chosen], arguments.length)
    print(
        f"greedy acceptance at draft length {arguments.length}: {accepted / drafted:.4f} "
        f"({accepted} of {drafted} drafted tokens, {tokens / rounds:.2f} tokens a round, {len(chosen)} prompts)",
        flush=True,
    )

    show_replies(target, tokenizer, spread(chosen, arguments.samples), arguments.temperature, arguments.top_p)


def bits_per_byte(model, tokenizer, data_folder, at_once=32):
    """Nats of every predicted token over the UTF-8 bytes of the turns' texts, over ln 2.

    Every token after <s> is predicted, markers and <|end|> too, each dialogue for itself. Dialogues
    longer than the context are left out.
    """
    encoded, size = [], 0
    for turns in data.dialogues(data_folder, "test"):
        tokens, _ = data.encode_dialogue(tokenizer, turns)
        if len(tokens) <= model.shape.context:
            encoded.append(tokens)
            size += sum(len(text.encode()) for _, text in turns)
    encoded.sort(key=len)
    nats, count = 0.0, 0
    for at in range(0, len(encoded), at_once):
        part_nats, part_count = nats_of(model, encoded[at : at + at_once])
        nats, count = nats + part_nats, count + part_count
    return nats / size / math.log(2), len(encoded), count, size


@torch.no_grad()
def nats_of(model, encoded):
    """(nats, predicted tokens) of some dialogues; the short ones are filled up with what is not counted."""
    longest = max(map(len, encoded))
    tokens = torch.tensor([one + [-100] * (longest - len(one)) for one in encoded])
    logits = model(tokens[:, :-1].clamp(min=0))
    goals = tokens[:, 1:]
    nats = F.cross_entropy(logits.flatten(0, 1), goals.flatten(), ignore_index=-100, reduction="sum")
    return nats.item(), (goals >= 0).sum().item()


def acceptance(target, draft, prompts, length):
    """How much of what the draft proposes the target would have said itself, both greedy.

    Rounds as a synchronous server plays them: the draft proposes up to `length` tokens (it stops
    after proposing <|end|>), the target keeps those it agrees with up to the first difference and
    adds one token of its own, until <|end|> or 64 tokens. The text is then the target's own greedy
    reply, so that is written first.
    """
    accepted = drafted = rounds = tokens = 0
    for prompt in prompts:
        answer = reply(target, prompt, greedy)
        answer = answer + [END] if len(answer) < LONGEST_REPLY else answer
        at = 0
        text = prompt + answer
        cache = Cache(draft.shape, 1, len(text) + length)
        while at < len(answer):
            proposal = propose(draft, text[: len(prompt) + at], cache, min(length, LONGEST_REPLY - at))
            kept = agreed(proposal, answer[at:])
            accepted, drafted, rounds = accepted + kept, drafted + len(proposal), rounds + 1
            at += kept + 1
        tokens += len(answer)
    return accepted, drafted, rounds, tokens


@torch.no_grad()
def propose(draft, text, cache, length):
    """The draft's next tokens; the cache then holds the text without them."""
    proposal = []
    logits = feed(draft, text[cache.length :], cache)
    while True:
        proposal.append(greedy(logits))
        if proposal[-1] == END or len(proposal) == length:
            break
        logits = feed(draft, proposal[-1:], cache)
    cache.length = len(text)
    return proposal


def feed(model, tokens, cache):
    """The scores after some tokens: a prompt in one piece, later tokens one by one."""
    if cache.length == 0:
        return model(torch.tensor([tokens]), cache)[0, -1]
    for token in tokens:
        logits = model(torch.tensor([[token]]), cache)[0, -1]
    return logits


def agreed(proposal, answer):
    kept = 0
    for ours, theirs in zip(proposal, answer):
        if ours != theirs:
            break
        kept += 1
    return kept


def show_replies(target, tokenizer, chosen, temperature, top_p):
    print(f"\nsampled replies (temperature {temperature}, top-p {top_p}):")
    firsts = [([BOS, USER, *tokenizer.encode(text), END, ASSISTANT], "") for text in FIRST_TURNS]
    for seed, (prompt, truth) in enumerate(firsts + chosen):
        answer = tokenizer.decode(reply(target, prompt, Sampler(temperature, top_p, seed)))
        print("\n" + transcript(tokenizer, prompt) + f"  -> {answer}")
        if truth:
            print(f"     (a person: {truth})")


def transcript(tokenizer, prompt, turns=3):
    """The last turns of a prompt, one a line."""
    texts = []
    for token in prompt[:-1]:
        if token in (USER, ASSISTANT):
            texts.append((token, []))
        elif texts:
            texts[-1][1].append(token)
    names = {USER: "user", ASSISTANT: "assistant"}
    return "".join(f"  {names[role]}: {tokenizer.decode(ids)}\n" for role, ids in texts[-turns:])


def spread(items, count):
    """`count` of the items, evenly spread over all of them."""
    return [items[at * len(items) // count] for at in range(count)]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder that holds dialogues/")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of the two GGUF files")
    parser.add_argument("--prompts", type=int, default=200, help="prompts for the acceptance")
    parser.add_argument("--length", type=int, default=4, help="tokens the draft proposes at once")
    parser.add_argument("--samples", type=int, default=20, help="test prompts to show sampled replies for")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-p", type=float, default=0.95)
    return parser.parse_args()


if __name__ == "__main__":
    main()
