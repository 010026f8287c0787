#!/usr/bin/env python3
"""Milliseconds a token of an experiment's runs, beside what arithmetic says they should take.

    edge-node experiment configs/experiments/distance.toml --out out/distance
    python3 benchmarks/predicted.py out/distance [--simulation FILE.py]

For a test drafter that is right with the chance `a`, a round trip `R`, drafts of `d` ms and passes of `f + r` ms for
each row, a round of `k` drafts takes `k d + R + f + (k + 1) r` and gives `(1 - a^(k+1)) / (1 - a)` tokens; the table has
the best `k`. No stream of drafts is faster than `d + (1 - a) (R + f + 2 r)` a token. `--simulation` names a Python file
with a function `sim(a, d, f, r, R, wc=BOOL, seed=INT)` that returns ms a token first: what an event simulation of
streaming (`wc=False`) and of a target that goes on by itself (`wc=True`) says; the mean of three seeds is printed.

The time to the first token is left out: the arithmetic knows only the steady state.
"""
import argparse
import csv
import importlib.util
import json
from collections import defaultdict
from pathlib import Path
from statistics import mean


def steady_ms(row):
    tokens = int(row["tokens"])
    return (float(row["ms_per_token"]) * tokens - float(row["ttft_ms"])) / (tokens - 1)


def rounds_ms(a, d, f, r, rtt):
    return min((k * d + rtt + f + (k + 1) * r) / ((1 - a ** (k + 1)) / (1 - a)) for k in range(1, 33))


def simulation(path):
    spec = importlib.util.spec_from_file_location("simulation", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda *case, wc: mean(module.sim(*case, wc=wc, seed=seed)[0] for seed in range(1, 4))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--simulation", type=Path)
    arguments = parser.parse_args()
    simulated = simulation(arguments.simulation) if arguments.simulation else None
    record = json.loads((arguments.results / "results.json").read_text())
    paces = {cell["id"]: cell["paces"] for cell in record["cells"]}

    took, passes, frames, udp = (defaultdict(list) for _ in range(4))
    for row in csv.DictReader((arguments.results / "results.csv").open()):
        if not row["tokens"]:
            continue
        pace = paces[row["cell"]]
        rtt = float(row["link"].removeprefix("rtt ").removesuffix(" ms"))
        key = (row["source"], rtt, row["mode"])
        took[key].append(steady_ms(row))
        passes[key].append(float(row["target_passes"]) / int(row["tokens"]))
        frames[key].append(float(row["application_bytes_per_token"]))
        udp[key].append(float(row["bytes_up_per_token"]) + float(row["bytes_down_per_token"]))
    (d, _), (f, r) = pace["draft_decode_and_row_ms"], pace["target_decode_and_row_ms"]

    print("| drafts | RTT ms | mode | ms a token | predicted | measured / predicted | times remote | passes a token "
          "| frame bytes a token | UDP bytes a token |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for source, rtt, mode in sorted(took, key=lambda key: (key[0] != "model", key)):
        ms = mean(took[source, rtt, mode])
        a = float(source.split()[1]) if source.startswith("accept") else None
        predicted = None
        if mode == "remote":
            predicted = f + r
        elif a and mode == "sync":
            predicted = rounds_ms(a, d, f, r, rtt)
        elif a and simulated:
            predicted = simulated(a, d, f, r, rtt, wc=mode == "work-conserving")
        beside = f"{predicted:.1f} | {ms / predicted:.2f}" if predicted else " | "
        times = mean(took["", rtt, "remote"]) / ms
        key = source, rtt, mode
        print(f"| {source} | {rtt:g} | {mode} | {ms:.1f} | {beside} | {times:.2f} | {mean(passes[key]):.2f} "
              f"| {mean(frames[key]):.1f} | {mean(udp[key]):.0f} |")


if __name__ == "__main__":
    main()
