"""What every text must be: what the target says by itself, on one machine, without any network.

`edge-node run` in mode local with the whole target takes no part of what is tested: no HTTP, no cloud, no drafts.
"""

import json
import subprocess
from typing import NamedTuple


class Said(NamedTuple):
    """A prompt, and how it is answered."""

    prompt: str
    seed: int = 0
    temperature: float = 0.0
    max_tokens: int = 64
    raw: bool = False

    def options(self):
        """The same for a client."""
        return {"seed": self.seed, "temperature": self.temperature, "max_tokens": self.max_tokens}

    def messages(self):
        """The prompt as a conversation."""
        return [{"role": "user", "content": self.prompt}]


class Oracle:
    """Answers by `edge-node run --json`, once for each question."""

    def __init__(self, world):
        self._world = world
        self._known = {}

    def reply(self, said, **changes):
        """The whole reply, by a device with `changes` in its configuration."""
        known = (said, repr(sorted(changes.items())))
        if known not in self._known:
            self._known[known] = self._run(said, changes)
        return self._known[known]

    def text(self, said, **changes):
        """The text alone."""
        return self.reply(said, **changes)["text"]

    def _run(self, said, changes):
        local = {"plan.mode": "local", "plan.local": "target", "models.draft": None}
        config = self._world.config("device.toml", "oracle.toml", {**local, **changes})
        how = ["--seed", said.seed, "--temperature", said.temperature, "--max-tokens", said.max_tokens]
        command = [self._world.edge_node, "run", "--config", config, "--prompt", said.prompt, "--json", *how]
        command += ["--raw"] if said.raw else []
        out = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
        assert out.returncode == 0, f"the oracle fails: {out.stderr}"
        return json.loads(out.stdout)
