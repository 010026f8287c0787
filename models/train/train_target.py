"""Trains the target: next-token prediction on the dialogues, in three stages (see presets.py)."""

import time

import numpy as np
import torch
import torch.nn.functional as F

import data
from model import Llama, parameter_counts, save
from optimizer import Optimizer

SAVE_EVERY = 50


def train_target(preset, tokenizer, data_folder, work_folder):
    """Trains and returns the target. Continues from the last save in the work folder, if any."""
    torch.manual_seed(preset.seed)
    model = Llama(preset.target).to(preset.device)
    stages = [preset.target_full_rate, preset.target_falling, preset.target_falling_long]
    full, total = stages[0].steps, sum(stage.steps for stage in stages)
    optimizer = Optimizer(model, steps=total, warmup=preset.warmup, falling=total - full)
    progress = work_folder / "target-progress.pt"
    first = restore(model, optimizer, progress) if progress.exists() else 0

    print("target parameters (all, layers):", parameter_counts(model), flush=True)
    encoded = data.encode_all(tokenizer, data_folder, "train")
    dev_rows = data.pack(data.encode_all(tokenizer, data_folder, "dev"), 256, seed=0)[0][::40]
    begun, seen = time.time(), 0
    for step, (tokens, replies) in enumerate(batches(encoded, stages, preset.seed)):
        if step < first:
            continue
        user_weight = 1.0 if step < full else preset.user_weight_falling
        loss = train_step(model, tokens, replies, user_weight, preset.device)
        optimizer.step(step)
        seen += tokens.size - len(tokens)
        if step % 10 == 0:
            print(f"target step {step}/{total} loss {loss:.4f} {seen / (time.time() - begun):.0f} tokens/s", flush=True)
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == total:
            keep(model, optimizer, step + 1, progress)
            print(f"target step {step + 1} dev loss {evaluate(model, dev_rows, preset.device):.4f}", flush=True)
    save(model, work_folder / "target.pt")
    return model


def train_step(model, tokens, replies, user_weight, device):
    """Adds up the gradients of one batch, in pieces small enough for the processor's caches."""
    tokens = torch.from_numpy(tokens.astype(np.int64)).to(device)
    weights = torch.from_numpy(np.where(replies[:, 1:] == data.IS_REPLY, 1.0, user_weight)).float().to(device)
    total = 0.0
    rows = max(1, 4096 // tokens.shape[1]) if device == "cpu" else len(tokens)
    for at in range(0, len(tokens), rows):
        with torch.autocast(device, torch.bfloat16):
            logits = model(tokens[at : at + rows, :-1])
        losses = F.cross_entropy(logits.float().flatten(0, 1), tokens[at : at + rows, 1:].flatten(), reduction="none")
        loss = (losses * weights[at : at + rows].flatten()).sum() / weights.sum()
        loss.backward()
        total += loss.item()
    return total


def batches(encoded, stages, seed):
    """(tokens, reply flags) for each step of the stages; every pass over the data has a new order."""
    for number, stage in enumerate(stages):
        left, epoch = stage.steps, 0
        while left:
            tokens, flags = data.pack(encoded, stage.length, seed=(seed, number, epoch))
            for at in range(0, len(tokens) - stage.batch + 1, stage.batch):
                if not left:
                    break
                left -= 1
                yield tokens[at : at + stage.batch], flags[at : at + stage.batch]
            epoch += 1


@torch.no_grad()
def evaluate(model, rows, device):
    """Mean loss in nats per token."""
    rows = torch.from_numpy(rows.astype(np.int64)).to(device)
    with torch.autocast(device, torch.bfloat16):
        logits = model(rows[:, :-1])
    return F.cross_entropy(logits.float().flatten(0, 1), rows[:, 1:].flatten()).item()


def keep(model, optimizer, step, path):
    parts = [part.state_dict() for part in optimizer.parts]
    temporary = path.with_suffix(".tmp")
    torch.save({"step": step, "model": model.state_dict(), "optimizer": parts}, temporary)
    temporary.replace(path)


def restore(model, optimizer, path):
    saved = torch.load(path, weights_only=True)
    model.load_state_dict(saved["model"])
    for part, state in zip(optimizer.parts, saved["optimizer"]):
        part.load_state_dict(state)
    return saved["step"]
