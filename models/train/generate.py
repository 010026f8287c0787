"""Lets a model write: one reply at a time, or the replies of many dialogues at once."""

import numpy as np
import torch

from model import Cache
from tokenizer import ASSISTANT, END

LONGEST_REPLY = 64
# A flag beside data.IS_MARKER_OR_USER and data.IS_REPLY: the model wrote this token.
IS_WRITTEN = 2


@torch.no_grad()
def reply(model, prompt, choose, longest=LONGEST_REPLY):
    """The tokens that follow a prompt, without the <|end|> they stop at."""
    cache = Cache(model.shape, batch=1, size=len(prompt) + longest)
    logits = model(torch.tensor([prompt]), cache)[0, -1]
    tokens = []
    while len(tokens) < longest:
        token = choose(logits)
        if token == END:
            break
        tokens.append(token)
        logits = model(torch.tensor([[token]]), cache)[0, -1]
    return tokens


def greedy(logits):
    return int(logits.argmax(-1))


class Sampler:
    """Draws from the most likely tokens that together hold `top_p` of the chance."""

    def __init__(self, temperature, top_p, seed):
        self.temperature, self.top_p = temperature, top_p
        self.random = torch.Generator().manual_seed(seed)

    def __call__(self, logits):
        chances, tokens = (logits.float() / self.temperature).softmax(-1).sort(descending=True)
        chances[chances.cumsum(-1) - chances >= self.top_p] = 0
        return int(tokens[torch.multinomial(chances, 1, generator=self.random)])


def write_replies(model, encoded, device, share, sampled_share, temperature, batch, seed):
    """Walks through dialogues and lets the model itself write a share of the replies.

    The rest of the dialogue, before and after, stays what people wrote. Of the written replies, most
    are greedy and `sampled_share` are drawn. Yields, for each dialogue, (tokens, flags, hidden): the
    hidden states, one a token, are the model's own, so that nobody has to compute them again.
    """
    random = np.random.default_rng(seed)
    encoded = sorted(encoded, key=lambda one: len(one[0]))
    for at in range(0, len(encoded), batch):
        rows = [Row(*one, random, share, sampled_share) for one in encoded[at : at + batch]]
        # Replies may come out longer than the original's; what does not fit is cut off.
        longest = min(model.shape.context, len(encoded[at : at + batch][-1][0]) + 16)
        yield from _write_together(model, rows, device, temperature, longest)


@torch.no_grad()
def read_replies(model, encoded, device, batch):
    """The same as `write_replies` for dialogues left as they are, which is many times faster."""
    encoded = sorted(encoded, key=lambda one: len(one[0]))
    for at in range(0, len(encoded), batch):
        part = encoded[at : at + batch]
        longest = min(model.shape.context, len(part[-1][0]))
        rows = [(tokens[:longest], flags[:longest]) for tokens, flags in part]
        filled = torch.tensor([tokens + [END] * (longest - len(tokens)) for tokens, _ in rows], device=device)
        with torch.autocast(device, torch.bfloat16):
            states = model.hidden(filled).bfloat16().cpu()
        for (tokens, flags), hidden in zip(rows, states):
            yield tokens, flags, hidden[: len(tokens)]


class Row:
    """A dialogue being walked through: what it holds so far, and where in the original it is."""

    def __init__(self, tokens, flags, random, share, sampled_share):
        self.original, self.original_flags = tokens, flags
        self.random, self.share, self.sampled_share = random, share, sampled_share
        self.tokens, self.flags, self.at = [tokens[0]], [flags[0]], 1
        self.is_writing = self.is_sampled = False
        self.written = 0

    @property
    def is_done(self):
        return not self.is_writing and self.at == len(self.original)

    def advance(self, token):
        """Takes the model's next token where it is writing, and the original's where it is not."""
        if self.is_done:
            return
        if not self.is_writing:
            self._copy()
            return
        self.written += 1
        token = END if self.written > LONGEST_REPLY else token
        self.tokens.append(token)
        self.flags.append(IS_WRITTEN)
        self.is_writing = token != END

    def _copy(self):
        token = self.original[self.at]
        self.tokens.append(token)
        self.flags.append(self.original_flags[self.at])
        self.at += 1
        if token == ASSISTANT and self.random.random() < self.share:
            self.is_writing, self.written = True, 0
            self.is_sampled = self.random.random() < self.sampled_share
            self.at = self._after_reply()

    def _after_reply(self):
        if END in self.original[self.at :]:
            return self.original.index(END, self.at) + 1
        return len(self.original)


@torch.no_grad()
def _write_together(model, rows, device, temperature, longest):
    cache = Cache(model.shape, len(rows), longest, torch.bfloat16, device)
    states = []
    with torch.autocast(device, torch.bfloat16):
        while not all(row.is_done for row in rows) and cache.length < longest:
            newest = [row.tokens[cache.length] if cache.length < len(row.tokens) else END for row in rows]
            hidden = model.hidden(torch.tensor(newest, device=device)[:, None], cache)[:, 0]
            states.append(hidden.bfloat16().cpu())
            logits = model.logits(hidden).float()
            greedy_tokens = logits.argmax(-1).tolist()
            drawn = [at for at, row in enumerate(rows) if row.is_writing and row.is_sampled]
            sampled_tokens = dict(zip(drawn, draw(logits[drawn] / temperature)))
            for at, row in enumerate(rows):
                row.advance(sampled_tokens.get(at, greedy_tokens[at]))
    states = torch.stack(states, 1)
    for row, hidden in zip(rows, states):
        count = min(len(row.tokens), len(hidden))
        yield row.tokens[:count], row.flags[:count], hidden[:count]


def draw(logits):
    """One token a row by its chance: adding Gumbel noise makes the greatest one a fair draw."""
    return (logits - torch.empty_like(logits).exponential_().log()).argmax(-1).tolist()
