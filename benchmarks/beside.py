#!/usr/bin/env python3
"""Prefill and decode of Causeway beside llama.cpp, on the same files, interleaved.

    cargo build --release -p edge-node
    python3 benchmarks/beside.py --llama-bench PATH/llama-bench MODEL.gguf ... [--threads 1,2] [--rounds 3]

A round measures every engine once, one after the other, so that a disturbance of the machine does not
hit one of them alone. The table has the medians of the rounds, and what Causeway makes of them as a
ratio; of llama.cpp's two weight layouts (`--repack 0|1`) each figure takes the better one.

`--other NAME=COMMAND` adds an engine: the command, in which `{model}` and `{threads}` are replaced,
prints one JSON object with `prefill128`, `prefill512` and `decode` in tokens per second.
"""
import argparse
import json
import shlex
import statistics
import subprocess
from pathlib import Path

FIGURES = ("prefill128", "prefill512", "decode")


def output(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def causeway(edge_node, model, threads):
    report = output([edge_node, "bench", "engine", "--model", model, "--threads", threads,
                     "--repeat", "1", "--only", "prefill,decode", "--json"])
    keys = ("prefill_128_tokens_per_s", "prefill_512_tokens_per_s", "decode_64_at_0_tokens_per_s")
    figures = {name: report[key]["median"] for name, key in zip(FIGURES, keys)}
    return figures | {"limit": report[keys[2]]["share_of_limit"]}


def llama_cpp(llama_bench, model, threads, repack):
    rows = output([llama_bench, "-m", model, "-t", threads, "--repack", repack,
                   "-p", "128,512", "-n", "64", "-r", "1", "-o", "json"])
    return dict(zip(FIGURES, (row["avg_ts"] for row in rows)))


def measure(arguments, model, threads):
    """Of each engine, the median of every figure over the rounds."""
    engines = {"causeway": lambda: causeway(arguments.edge_node, model, threads)}
    for repack in "01":
        engines["llama.cpp " + repack] = (
            lambda repack=repack: llama_cpp(arguments.llama_bench, model, threads, repack))
    for name, command in (other.split("=", 1) for other in arguments.other):
        command = shlex.split(command.format(model=model, threads=threads))
        engines[name] = lambda command=command: output(command)
    rounds = [{name: run() for name, run in engines.items()} for _ in range(arguments.rounds)]
    median = lambda name: {figure: statistics.median(r[name][figure] for r in rounds)
                           for figure in rounds[0][name]}
    medians = {name: median(name) for name in engines}
    layouts = [medians.pop("llama.cpp " + repack) for repack in "01"]
    return medians | {"llama.cpp": {f: max(layout[f] for layout in layouts) for f in FIGURES}}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--edge-node", default="target/release/edge-node")
    parser.add_argument("--llama-bench", required=True)
    parser.add_argument("--other", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    others = ["llama.cpp"] + [other.split("=", 1)[0] for other in arguments.other]
    print("| model | threads | prefill 128 | prefill 512 | decode | share of bandwidth | "
          + " | ".join(f"{name}: 128, 512, decode | ratios" for name in others) + " |")
    print("|---|---|---|---|---|---|" + "---|---|" * len(others))
    for model in arguments.models:
        for threads in arguments.threads.split(","):
            medians = measure(arguments, str(model), threads)
            ours = medians["causeway"]
            cells = [model.stem, threads, *(f"{ours[f]:.4g}" for f in FIGURES),
                     f"{100 * ours['limit']:.0f} %"]
            for name in others:
                theirs = medians[name]
                cells.append(", ".join(f"{theirs[f]:.4g}" for f in FIGURES))
                cells.append(", ".join(f"{ours[f] / theirs[f]:.2f}" for f in FIGURES))
            print("| " + " | ".join(cells) + " |", flush=True)


main()
