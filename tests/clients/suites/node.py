"""The `openai` package for Node, and LangChain's for it: `node/main.mjs` runs against devices that are started here."""

import json
import subprocess
import time
from pathlib import Path

from .callbacks import Callbacks
from .clients import MODEL
from .concurrency import mix
from .saying import CITY, HOTEL, LONG, TABLE
from .tooled_device import tooled
from .tools import SAID, TOOL

FOLDER = Path(__file__).resolve().parents[1] / "node"
PACE = {"decode_ms": 40, "per_row_ms": 0}
KEY, LIMITED = "node-0123456789abcdef", "limited-0123456789abcdef"
KEYS = f"""
[[keys]]
name = "node"
secret = "{KEY}"
[[keys]]
name = "limited"
secret = "{LIMITED}"
requests_per_minute = 1
"""
TIMEOUT_S = 120


def _said(world, said, **more):
    """What Node is to say, and the oracle's answer."""
    reply = world.oracle.reply(said._replace(**more))
    said = said._replace(**more)
    asked = {"prompt": said.prompt} if said.raw else {"messages": said.messages()}
    return {
        "raw": said.raw,
        "request": {"model": MODEL, **asked, **said.options()},
        "text": reply["text"],
        "finish_reason": reply["finish_reason"],
        "prompt_tokens": reply["usage"]["prompt_tokens"],
        "completion_tokens": reply["usage"]["completion_tokens"],
    }


def _devices(world, calls):
    gone = world.start_cloud()
    gone.kill()
    slow = world.start_cloud(engine__pace=PACE, limits__sessions_max=1, limits__sessions_per_peer_max=1)
    return {
        "plain": world.device(serve__streams_max=16),
        "keyed": world.device(serve__keys=world.write("node-keys.toml", KEYS)),
        "narrow": world.device(slow, serve__streams_max=1, serve__queue_max=0),
        "routed": world.device(intents__files=[world.intents(calls.port)], routing__policy="policy.toml",
                               journal__path="../journal-node"),
        # Last: it is to be asked while it starts.
        "starting": world.start_device(gone),
    }


def run(world, only, results):
    """Runs what `only` is in, and adds what came of it to `results`."""
    if only and not only.startswith("node"):
        return
    with Callbacks() as calls:
        texts = {
            "table": _said(world, TABLE),
            "hotel": _said(world, HOTEL),
            "city": _said(world, CITY),
            "long": _said(world, LONG, max_tokens=80),
            "short": _said(world, TABLE, max_tokens=4),
            "seeds": [_said(world, TABLE, seed=TABLE.seed + i) for i in range(3)],
            "mix": [_said(world, said) for said in mix()],
        }
        devices = _devices(world, calls)
        told = {
            "texts": texts,
            "call": {"tool": TOOL, "request": _said(world, SAID)["request"]},
            "keys": {"good": KEY, "limited": LIMITED},
            "urls": {"tooled": tooled(world, "Hermes").url, **{name: device.url for name, device in devices.items()}},
            "only": only,
        }
        _relay(world.write("node.json", json.dumps(told)), results)
        for device in devices.values():
            device.process.end()


def _relay(told, results):
    """Each line of Node is one result."""
    began = time.monotonic()
    node = subprocess.Popen(["node", str(FOLDER / "main.mjs"), told], stdout=subprocess.PIPE, text=True)
    seen = 0
    for line in node.stdout:
        seen += 1
        result = json.loads(line)
        results.add(result["verdict"], f"node: {result['name']}", result["took_s"], result["why"])
    code = node.wait(TIMEOUT_S)
    if code != 0 or not seen:
        why = f"it exits with {code} after {seen} tests"
        results.add("FAIL", "node: main.mjs ends well", time.monotonic() - began, why)
