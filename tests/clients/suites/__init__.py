"""Tests with clients that nobody here wrote. Each module is a suite; each function that is marked is a test.

A test gets the world; what it starts there ends with it. Its name is a sentence: the function's.
"""

import time
import traceback

_TESTS = []


class Skip(Exception):
    """A test that cannot be, and why."""


def test(function):
    """Marks a test: `function(world)`."""
    _TESTS.append((_suite(function), _sentence(function), function))
    return function


def test_each(**variants):
    """Marks a test for each of the variants: `function(world, variant)`."""

    def mark(function):
        for name, variant in variants.items():
            # Bound by its default: the loop goes on.
            run = lambda world, variant=variant: function(world, variant)
            _TESTS.append((_suite(function), f"{_sentence(function)} [{name}]", run))
        return function

    return mark


def _suite(function):
    return function.__module__.rpartition(".")[2]


def _sentence(function):
    return function.__name__.replace("_", " ")


class Results:
    """What came of the tests: a line for each as it ends."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self._failures = []

    def add(self, verdict, name, took_s, why=""):
        """Takes one result: `ok`, `FAIL` or `skip`."""
        counts = {"ok": "passed", "FAIL": "failed", "skip": "skipped"}
        setattr(self, counts[verdict], getattr(self, counts[verdict]) + 1)
        reason = f" ({why})" if verdict == "skip" else ""
        print(f"{verdict:4} {took_s:6.2f} s  {name}{reason}", flush=True)
        if verdict == "FAIL":
            print("\n".join(f"       {line}" for line in why.splitlines()), flush=True)
            self._failures.append(name)

    def summary(self):
        """All of it; the last line counts."""
        lines = [f"failed: {name}" for name in self._failures]
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return "\n".join([*lines, f"{self.passed} passed, {self.failed} failed{skipped}"])


def run_all(world, only, results):
    """Runs the tests whose suite or name has `only` in it."""
    for suite, sentence, function in _TESTS:
        name = f"{suite}: {sentence}"
        if only and only not in name:
            continue
        began = time.monotonic()
        try:
            function(world)
            verdict, why = "ok", ""
        except Skip as skip:
            verdict, why = "skip", str(skip)
        except Exception:
            verdict, why = "FAIL", traceback.format_exc(limit=-4)
        results.add(verdict, name, time.monotonic() - began, why)
