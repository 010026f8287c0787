"""What a process holds, as the system says it."""

import os
from pathlib import Path
from typing import NamedTuple


class Held(NamedTuple):
    """Memory in MiB, open files, threads."""

    rss_mib: float
    files: int
    threads: int


def held(pid):
    """By a process now."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    kib = int(status["VmRSS"].split()[0])
    return Held(kib / 1024, len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"]))
