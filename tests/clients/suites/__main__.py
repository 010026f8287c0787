"""Runs the suites, in an environment that has what requirements.txt lists: `run.py` makes it, and calls this."""

import argparse
import sys

from world import World

from . import Results, node, run_all
from . import (  # noqa: F401  they are what is run, in this order
    models,
    replies,
    parameters,
    extension,
    deadlines,
    errors,
    keys,
    queueing,
    cancellation,
    concurrency,
    plans,
    routes,
    formats,
    tools,
    langchain,
    embeddings,
    outage,
    watching,
)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--without-node", action="store_true")
    arguments = parser.parse_args()
    results = Results()
    with World(arguments.bin) as world:
        run_all(world, arguments.only, results)
        if not arguments.without_node:
            node.run(world, arguments.only, results)
    print(results.summary())
    sys.exit(1 if results.failed or not results.passed else 0)


main()
