#!/usr/bin/env python3
"""What the planner said of an experiment's runs, beside what they took, and how good its choices are.

    edge-node experiment configs/experiments/plans.toml --out out/plans
    python3 benchmarks/plans.py out/plans [--summary]

A combination is a link, a drafter, a pace and a plan; of its prompts and repetitions the medians are printed. A run in
which the target was lost, and the device spoke alone, is not one of its plan: such runs are left out and counted. TTFT is the time to the first token, ITL the mean time
between tokens. The planner would choose the plan with the least predicted time of the reply; its *regret* is how much
longer that plan was measured to take than the best one, of the same link, drafter and pace. A plan without drafts stands
beside those of every drafter.
"""
import argparse
import csv
from collections import defaultdict
from pathlib import Path
from statistics import median

CLOSE = 0.05


class Combination:
    """The runs of one plan under one set of conditions."""

    def __init__(self, runs):
        tokens = [int(run["tokens"]) for run in runs]
        replies = [float(run["ms_per_token"]) * count for run, count in zip(runs, tokens)]
        firsts = [float(run["ttft_ms"]) for run in runs]
        itls = [(reply - first) / (count - 1) for reply, first, count in zip(replies, firsts, tokens)]
        said = [(float(run["predicted_ttft_ms"]), float(run["predicted_itl_ms"])) for run in runs]
        self.ttft_ms, self.itl_ms, self.reply_ms = median(firsts), median(itls), median(replies)
        self.said_ttft_ms, self.said_itl_ms = median(ttft for ttft, _ in said), median(itl for _, itl in said)
        self.said_reply_ms = median(ttft + (count - 1) * itl for (ttft, itl), count in zip(said, tokens))

    def errors(self):
        pairs = [(self.said_ttft_ms, self.ttft_ms), (self.said_itl_ms, self.itl_ms), (self.said_reply_ms, self.reply_ms)]
        return [said / measured - 1 for said, measured in pairs]


def combinations(path):
    """By link, pace and drafter, and then by plan, and the runs left out; without drafts the drafter is empty."""
    runs, alone = defaultdict(list), 0
    for row in csv.DictReader(path.open()):
        if row["predicted_itl_ms"] and int(row["failovers"]):
            alone += 1
        elif row["predicted_itl_ms"]:
            plan = f"{row['mode']}, {row['draft']} drafts" if row["draft"] not in ("", "0") else row["mode"]
            runs[row["link"], row["pace"], row["source"], plan].append(row)
    groups = defaultdict(dict)
    for (link, pace, source, plan), rows in runs.items():
        groups[link, pace, source][plan] = Combination(rows)
    return groups, alone


def with_undrafted(groups):
    """The groups of drafters, with the plans that need none."""
    for (link, pace, source), plans in groups.items():
        if source:
            yield (link, pace, source), {**groups.get((link, pace, ""), {}), **plans}


def percent(share):
    return f"{100 * share:+.1f} %"


def print_combinations(groups):
    print("| link | pace | drafter | plan | TTFT ms | predicted | error | ITL ms | predicted | error |")
    print("|---" * 10 + "|")
    for (link, pace, source), plans in groups.items():
        for plan, it in plans.items():
            ttft, itl, _ = it.errors()
            print(f"| {link} | {pace} | {source or 'none'} | {plan} | {it.ttft_ms:.0f} | {it.said_ttft_ms:.0f} | "
                  f"{percent(ttft)} | {it.itl_ms:.1f} | {it.said_itl_ms:.1f} | {percent(itl)} |")
    print()


def print_choices(groups):
    print("| link | pace | drafter | the planner's choice | the best | regret |")
    print("|---" * 6 + "|")
    regrets = []
    for (link, pace, source), plans in with_undrafted(groups):
        chosen = min(plans, key=lambda plan: plans[plan].said_reply_ms)
        best = min(plans, key=lambda plan: plans[plan].reply_ms)
        regrets.append(plans[chosen].reply_ms / plans[best].reply_ms - 1)
        print(f"| {link} | {pace} | {source} | {chosen} | {best} | {100 * regrets[-1]:.1f} % |")
    print()
    return regrets


def quantile(values, share):
    """The least value that at least this share is not above."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(100 * share) // 100) - 1)]


def print_errors(title, all_errors):
    cells = [f"{100 * quantile([abs(error[at]) for error in all_errors], share):.1f} %" for at in range(3) for share in (0.5, 0.9)]
    print(f"| {title} | {len(all_errors)} | " + " | ".join(cells) + " |")


def print_summary(groups, regrets):
    by_plan, by_link = defaultdict(list), defaultdict(list)
    for (link, _, _), plans in groups.items():
        for plan, it in plans.items():
            by_plan[plan].append(it.errors())
            by_link[link].append(it.errors())
    print("Median and 90th percentile of the error's size.\n")
    print("| of | combinations | TTFT, median | 90 % | ITL, median | 90 % | reply, median | 90 % |")
    print("|---" * 8 + "|")
    print_errors("all", [error for errors in by_plan.values() for error in errors])
    for title, errors in [*by_plan.items(), *by_link.items()]:
        print_errors(title, errors)
    close = sum(regret <= CLOSE for regret in regrets)
    print(f"\nChosen plans within {100 * CLOSE:.0f} % of the best measured one: {close} of {len(regrets)} "
          f"({100 * close / len(regrets):.0f} %); the largest regret is {100 * max(regrets):.1f} %.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("results", type=Path, help="the experiment's folder, or its results.csv")
    parser.add_argument("--summary", action="store_true", help="without the table of all combinations")
    arguments = parser.parse_args()
    path = arguments.results
    groups, alone = combinations(path / "results.csv" if path.is_dir() else path)
    print(f"Runs left out because the device spoke alone: {alone}.\n")
    if not arguments.summary:
        print_combinations(groups)
    print_summary(groups, print_choices(groups))


if __name__ == "__main__":
    main()
