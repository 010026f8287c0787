#!/usr/bin/env python3
"""A long day of a device, in minutes: `python3 tests/clients/soak.py --bin target/release --minutes 5 --streams 200`.

So many streams at a time against one device and one cloud. A third of them are left in the middle, a second crowd asks
beyond the queue, and every text that ends is compared with the oracle's. At the end all must be as it was before.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from load.counts import percentile
from load.crowd import Crowd, Pair, run
from load.processes import held
from world import World
from world.oracle import Said

PROMPTS = ("I would like a table for two tonight", "Find me a hotel in Paris", "Tell me a long story about a train",
           "What is the weather like in Oakland", "Play some music")
SEEDS, TEMPERATURES, TOKENS_MAX = 8, (0.0, 0.8, 1.5, 2.0), 48
QUEUE_MAX = 50
# Beyond turns and queue, so many are refused at any time.
BEYOND = 20
LEAVING = 1 / 3
WARM_UP_S = 30
# Once a crowd has been gone for a minute, both nodes give back what it has left.
RELIEF_S = 75
# A process that holds more than this over what it held when warm leaks.
RSS_GROWTH_MAX = 1.5
FILES_GROWTH_MAX = 16
COUNTED = ("served", "cancelled", "refused", "failed")


def main():
    arguments = parse()
    with World(arguments.bin) as world:
        pairs = asked(world)
        cloud = world.start_cloud(
            limits__sessions_max=arguments.streams, limits__sessions_per_peer_max=arguments.streams,
            limits__kv_tokens_max=arguments.streams * 4096,
        )
        device = world.device(cloud, serve__streams_max=arguments.streams, serve__queue_max=QUEUE_MAX)
        device.is_up()
        failures = soak(device, {"device": device.process.pid, "cloud": cloud.pid}, pairs, arguments)
    sys.exit("\n".join(failures) if failures else 0)


def parse():
    parser = argparse.ArgumentParser(description="many streams for a while, and what they leave behind")
    parser.add_argument("--bin", type=Path, required=True, help="the folder of edge-node and cloud-node")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--streams", type=int, default=200, help="replies at a time")
    parser.add_argument("--seed", type=int, default=0, help="of who leaves when")
    return parser.parse_args()


def asked(world):
    """40 prompts and seeds, and what the target says to each, by itself."""
    said = [Said(prompt, seed, TEMPERATURES[seed % len(TEMPERATURES)], TOKENS_MAX)
            for prompt in PROMPTS for seed in range(SEEDS)]
    return [pair(one, world.oracle.reply(one)) for one in said]


def pair(said, reply):
    request = {"model": "causeway", "messages": said.messages(), "stream": True, **said.options()}
    # What is said alone gives way: then the text is the target's, whatever a busy machine does to the link.
    request["causeway"] = {"policy": "revise"}
    return Pair(request, reply["text"], len(reply["tokens"]))


def soak(device, pids, pairs, arguments):
    """The crowds, and all that is wrong with what they saw and left."""
    snapshots = {"before": snapshot(pids)}
    seconds = arguments.minutes * 60
    crowd = lambda clients, leaving, seed: Crowd(device.process.address, clients, seconds, pairs, leaving, seed)
    crowds = [crowd(arguments.streams, LEAVING, arguments.seed), crowd(QUEUE_MAX + BEYOND, 0, arguments.seed + 1)]
    began = time.monotonic()
    with ProcessPoolExecutor(len(crowds), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(run, crowd) for crowd in crowds]
        time.sleep(min(WARM_UP_S, seconds / 2))
        snapshots["warm"] = snapshot(pids)
        busy = device.requests()
        patient, impatient = (future.result() for future in futures)
    took_s = time.monotonic() - began
    device.idle(30)
    requests = device.requests()
    time.sleep(RELIEF_S)
    snapshots["idle"] = snapshot(pids)
    print_counts(patient + impatient, busy, requests, took_s)
    print_refusals(impatient)
    print_snapshots(pids, snapshots)
    return failures(patient + impatient, requests, pids, snapshots) + is_served(device, pairs, arguments)


def snapshot(pids):
    return {name: held(pid) for name, pid in pids.items()}


def print_counts(counts, busy, requests, took_s):
    rows = [
        ("seconds", f"{took_s:.0f}"),
        ("replies", counts.replies),
        ("tokens", f"{counts.tokens} ({counts.tokens / took_s:.0f} a second)"),
        ("disconnects", counts.disconnects),
        ("wrong texts", counts.wrong),
        ("replies said alone in part", counts.alone),
        ("errors", counts.errors),
        ("refusals", len(counts.refusals_ms)),
        ("running, queued while warm", f"{busy['running']}, {busy['queued']}"),
        ("running, queued when idle", f"{requests['running']}, {requests['queued']}"),
        ("the device counts", ", ".join(f"{requests[key]} {key}" for key in COUNTED)),
    ]
    for name, value in rows:
        print(f"{name:28} {value}")
    for example in counts.examples:
        print(f"  {example}")


def print_refusals(impatient):
    """How long those waited who came in vain. They have a process of their own: one that listens to hundreds of
    streams answers late itself, and its latencies would be its own."""
    for name, waited in (("refusal latency", impatient.refusals_ms), ("of it the client's, up to", impatient.lags_ms)):
        print(f"{name:28} p50 {percentile(waited, 0.5):.1f} ms, p99 {percentile(waited, 0.99):.1f} ms")


def print_snapshots(pids, snapshots):
    print(f"\n{'':28} {'RSS MiB':>10} {'files':>8} {'threads':>8}")
    for name in pids:
        for when, all_held in snapshots.items():
            rss_mib, files, threads = all_held[name]
            print(f"{f'{name}, {when}':28} {rss_mib:10.1f} {files:8} {threads:8}")


def failures(counts, requests, pids, snapshots):
    """What must not be."""
    found = []
    for what in ("wrong", "errors"):
        if number := getattr(counts, what):
            found.append(f"{number} {what}")
    if not (counts.replies and counts.disconnects and counts.refusals_ms):
        found.append("nothing is shown: there must be replies, disconnects and refusals")
    if requests["failed"]:
        found.append(f"the device counts {requests['failed']} failed requests")
    for name in pids:
        before, warm, idle = (snapshots[when][name] for when in ("before", "warm", "idle"))
        if idle.rss_mib > warm.rss_mib * RSS_GROWTH_MAX:
            found.append(f"{name} grows from {warm.rss_mib:.0f} to {idle.rss_mib:.0f} MiB")
        if idle.files > before.files + FILES_GROWTH_MAX:
            found.append(f"{name} holds {idle.files} open files, and held {before.files}")
    return found


def is_served(device, pairs, arguments):
    """As many at once as the cloud has sessions: each gets one, so that none was left behind."""
    longest = [max(pairs, key=lambda pair: pair.tokens)]
    counts = run(Crowd(device.process.address, arguments.streams, 0, longest, 0, arguments.seed, True))
    print(f"\n{'and once more all at once':28} {counts.replies} replies, {counts.alone} alone, {counts.wrong} wrong")
    whole = (counts.replies, counts.alone, counts.wrong, counts.errors) == (arguments.streams, 0, 0, 0)
    return [] if whole else [f"not all of {arguments.streams} at once are answered by the cloud: {counts.examples}"]


if __name__ == "__main__":
    main()
