#!/usr/bin/env python3
"""The table of the ladder in docs/EXPERIMENTS.md, from an experiment's runs.

    edge-node experiment configs/experiments/ladder.toml --out out/ladder
    python3 benchmarks/ladder.py out/ladder

Milliseconds a token, the first one included, and how many times as fast as `remote`; passes of the target for 1,000
tokens and UDP payload a token, both ways, in the order of the modes. Links on which the device spoke alone in every
mode, at the end of every run, are named below.
"""
import argparse
import csv
from collections import defaultdict
from pathlib import Path
from statistics import mean

MODES = ["remote", "sync", "streaming", "work-conserving"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("results", type=Path)
    runs = defaultdict(list)
    for row in csv.DictReader((parser.parse_args().results / "results.csv").open()):
        runs[row["link"], row["mode"]].append(row)

    def average(link, mode, *columns):
        return mean(sum(float(row[column]) for column in columns) for row in runs[link, mode])

    print("| link | " + " | ".join(MODES) + " | passes for 1,000 tokens | UDP bytes a token |")
    print("|---" * 7 + "|")
    alone = []
    for link in dict.fromkeys(link for link, _ in runs):
        if all(int(row["unverified"]) for mode in MODES for row in runs[link, mode]):
            alone.append(link)
            continue
        took = {mode: average(link, mode, "ms_per_token") for mode in MODES}
        cells = [f"{ms:.1f}" + (f" ({took['remote'] / ms:.2f})" if mode != "remote" else "") for mode, ms in took.items()]
        passes = " / ".join(f"{average(link, mode, 'target_passes_per_1000'):.0f}" for mode in MODES)
        udp = " / ".join(f"{average(link, mode, 'bytes_up_per_token', 'bytes_down_per_token'):.0f}" for mode in MODES)
        print(f"| {link} | " + " | ".join(cells) + f" | {passes} | {udp} |")
    if alone:
        print("\nEnded alone: " + ", ".join(alone))


if __name__ == "__main__":
    main()
