"""Trains the draft to guess what the target says next.

The draft learns on dialogues in which the target wrote many of the replies itself (on-policy), since
those are the places where the draft will have to guess. Its goal at every token is a mix of the
target's whole distribution and of the target's single most likely token, which is what a greedy
verifier accepts. It starts from the target's embedding and last norm.
"""

import time

import numpy as np
import torch
import torch.nn.functional as F

import data
from data import IS_MARKER_OR_USER
from generate import IS_WRITTEN, read_replies, write_replies
from model import Llama, parameter_counts, save
from optimizer import Optimizer


def distill(preset, target, tokenizer, data_folder, work_folder):
    """Trains and returns the draft; the target's dialogues are kept in the work folder."""
    torch.manual_seed(preset.seed)
    lessons = kept_lessons(preset, target, tokenizer, data_folder, work_folder / "lessons.pt")
    draft = Llama(preset.draft).to(preset.device)
    draft.embedding.weight.data.copy_(target.embedding.weight.data)
    draft.norm.weight.data.copy_(target.norm.weight.data)
    output = target.embedding.weight.detach().clone()

    stages = [preset.draft_full_rate, preset.draft_falling_long, preset.draft_falling_written]
    full, total = stages[0].steps, sum(stage.steps for stage in stages)
    optimizer = Optimizer(draft, steps=total, warmup=preset.warmup, falling=total - full)
    print("draft parameters (all, layers):", parameter_counts(draft), flush=True)
    begun, seen = time.time(), 0
    for step, rows in enumerate(batches(lessons, stages, preset.seed)):
        loss, agreement = train_step(draft, output, lessons, rows, preset)
        optimizer.step(step)
        seen += rows.size
        if step % 10 == 0:
            speed = seen / (time.time() - begun)
            print(
                f"draft step {step}/{total} loss {loss:.4f} agreement {agreement:.3f} {speed:.0f} tokens/s", flush=True
            )
        if (step + 1) % 50 == 0:
            save(draft, work_folder / "draft.pt")
    save(draft, work_folder / "draft.pt")
    return draft


def kept_lessons(preset, target, tokenizer, data_folder, path):
    """Dialogues with the target's hidden states: those it took part in, then those it only read."""
    if path.exists():
        return torch.load(path, weights_only=True)
    encoded = data.encode_all(tokenizer, data_folder, "train")
    random = np.random.default_rng(preset.seed)
    random.shuffle(encoded)
    cut = [
        (tokens[: preset.written_length], flags[: preset.written_length])
        for tokens, flags in encoded[: preset.written_dialogues]
    ]
    written = stream(
        "written",
        write_replies(
            target,
            cut,
            preset.device,
            preset.written_share,
            preset.sampled_share,
            preset.sampled_temperature,
            preset.dialogues_at_once,
            preset.seed,
        ),
    )
    read = stream("read", read_replies(target, encoded[-preset.read_dialogues :], preset.device, batch=16))
    lessons = {part: torch.cat([written[part], read[part]]) for part in written}
    lessons["written"] = len(written["tokens"])
    torch.save(lessons, path)
    return lessons


def stream(name, dialogues):
    """Dialogues one after the other, as three tensors."""
    tokens, flags, states, begun = [], [], [], time.time()
    for number, (some_tokens, some_flags, hidden) in enumerate(dialogues):
        tokens += some_tokens
        flags += some_flags
        states.append(hidden)
        if number % 1000 == 0:
            speed = len(tokens) / (time.time() - begun)
            print(f"lessons {name}: {number} dialogues, {len(tokens)} tokens, {speed:.0f} tokens/s", flush=True)
    return {"tokens": torch.tensor(tokens), "flags": torch.tensor(flags), "states": torch.cat(states)}


def batches(lessons, stages, seed):
    """The places of a batch's tokens in the lessons, [rows, length], for each step of the stages.

    The last stage stays with what the target wrote. Rows start at a new offset in each pass, so that
    they are never cut twice at the same place.
    """
    random = np.random.default_rng(seed)
    for number, stage in enumerate(stages):
        end = lessons["written"] if number + 1 == len(stages) else len(lessons["tokens"])
        left = stage.steps
        while left:
            starts = np.arange(random.integers(stage.length), end - stage.length, stage.length)
            random.shuffle(starts)
            for at in range(0, len(starts) - stage.batch + 1, stage.batch):
                if not left:
                    break
                left -= 1
                yield starts[at : at + stage.batch, None] + np.arange(stage.length)


def train_step(draft, output, lessons, places, preset):
    """Adds up the gradients of one batch; returns the loss and how often both agree on written replies.

    All tokens of replies count, and of the others, which the draft never has to guess, a random share.
    """
    places = torch.from_numpy(places)
    flags = lessons["flags"][places + 1]
    counts = (flags != IS_MARKER_OR_USER) | (torch.rand(flags.shape) < preset.other_share)
    pieces = max(1, places.numel() // 2048) if preset.device == "cpu" else 1
    total, agreed, written = 0.0, 0, 0
    for part, part_counts in zip(places.chunk(pieces), counts.chunk(pieces)):
        tokens = lessons["tokens"][part].to(preset.device)
        states = lessons["states"][part[part_counts]].to(preset.device)
        with torch.autocast(preset.device, torch.bfloat16):
            ours = draft.logits(draft.hidden(tokens)[part_counts.to(preset.device)])
            with torch.no_grad():
                theirs = F.linear(states, output)
        ours = ours.float().log_softmax(-1)
        goal, best = goals(theirs, preset.best_share)
        loss = -(goal * ours).sum() / counts.sum()
        loss.backward()
        total += loss.item()
        is_written = (lessons["flags"][part + 1][part_counts] == IS_WRITTEN).to(preset.device)
        agreed += (ours.argmax(-1) == best)[is_written].sum().item()
        written += is_written.sum().item()
    return total, agreed / max(1, written)


def goals(logits, best_share):
    """The target's distribution mixed with its most likely token, and that token."""
    goal = logits.float().softmax(-1)
    best = goal.argmax(-1)
    goal *= 1 - best_share
    goal[torch.arange(len(goal), device=goal.device), best] += best_share
    return goal, best
