"""Trains the tokenizer, the target and the draft, and writes the two GGUF files.

    python models/train/train.py --preset cpu --data ../shared/data --out models

A run that was stopped goes on where it was, from what it kept in the work folder.
"""

import argparse
import os
from pathlib import Path

# Threads that wait must sleep: spinning ones take the processor from whatever else runs. This has to
# be set before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import data
from distill import distill
from export_gguf import export
from model import load
from presets import PRESETS
from tokenizer import Tokenizer, train_tokenizer
from train_target import train_target

TRAINED_ON = "Task dialogues in English. Trained on Schema-Guided Dialogue (CC BY-SA 4.0) and Taskmaster-4 (CC BY 4.0)."


def main():
    arguments = parse_arguments()
    preset = PRESETS[arguments.preset]
    arguments.work.mkdir(parents=True, exist_ok=True)
    arguments.out.mkdir(parents=True, exist_ok=True)

    tokenizer_path = arguments.out / "tokenizer.json"
    if not tokenizer_path.exists():
        train_tokenizer(data.texts(arguments.data, "train"), tokenizer_path)
    tokenizer = Tokenizer(tokenizer_path)

    finished = arguments.work / "target.pt"
    if finished.exists():
        target = load(finished).to(preset.device)
    else:
        target = train_target(preset, tokenizer, arguments.data, arguments.work)
    export(target, tokenizer, arguments.out / "causeway-demo-target-q8_0.gguf", "Causeway demo target", TRAINED_ON)
    draft = distill(preset, target, tokenizer, arguments.data, arguments.work)
    export(draft, tokenizer, arguments.out / "causeway-demo-draft-q8_0.gguf", "Causeway demo draft", TRAINED_ON)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, default="cpu")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder that holds dialogues/")
    parser.add_argument("--out", type=Path, default=Path("models"), help="where the GGUF files go")
    parser.add_argument("--work", type=Path, default=Path("target/train"), help="where unfinished work is kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
