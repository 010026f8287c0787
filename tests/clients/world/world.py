"""The processes of one run, in a temporary folder that looks like the repository."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import settings
from .device import Device
from .oracle import Oracle
from .process import Process

REPOSITORY = Path(__file__).resolve().parents[3]
TIERS = ("device", "gateway", "cloud")
# What the configurations that ship say; whoever tests takes the ports that are free.
CLOUD, GATEWAY = "127.0.0.1:7443", "127.0.0.1:7442"


class World:
    """A private CA, a cloud and a gateway that run, and as many devices as tests start. Leaving its `with` ends all."""

    def __init__(self, binaries):
        self.edge_node, self.cloud_node = (_program(binaries, name) for name in ("edge-node", "cloud-node"))
        self._folder = tempfile.TemporaryDirectory(prefix="causeway-clients-")
        self.folder = Path(self._folder.name)
        self.repository = REPOSITORY
        self._processes = []
        self._shared = {}
        self._count = 0
        self.oracle = Oracle(self)

    def __enter__(self):
        try:
            self._lay_out()
            self.cloud = self.start_cloud()
            self.gateway = self.start_gateway()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self._processes):
            process.kill()
        self._folder.cleanup()

    def _lay_out(self):
        shutil.copytree(REPOSITORY / "configs", self.folder / "configs")
        (self.folder / "models").symlink_to(REPOSITORY / "models")
        pki = ["--dir", str(self.folder / "pki")]
        self._certify("init", *pki)
        for tier in TIERS:
            self._certify("issue", *pki, "--role", tier, "--name", tier, "--out", str(self.folder / "pki"))

    def _certify(self, *arguments):
        out = subprocess.run([self.cloud_node, "ca", *arguments], capture_output=True, text=True)
        assert out.returncode == 0, f"cloud-node ca {arguments}: {out.stderr}"

    def config(self, template, name, changes, addresses=()):
        """Writes the configuration `name`: the one that ships as `template`, with `changes` and other `addresses`."""
        text = (self.folder / "configs" / template).read_text()
        for shipped, own in addresses:
            text = text.replace(shipped, own)
        path = self.folder / "configs" / name
        path.write_text(settings.changed(text, changes))
        return path

    def start_cloud(self, address="127.0.0.1:0", **changes):
        """A cloud at `address`; port 0 is a free one. `section__key` changes its configuration."""
        return self._start(self.cloud_node, "cloud", {"node.listen": address, **_dotted(changes)})

    def start_gateway(self, **changes):
        """A gateway before the cloud that all devices share."""
        changes = {"node.listen": "127.0.0.1:0", "upstream.address": self.cloud.address, **_dotted(changes)}
        return self._start(self.cloud_node, "gateway", changes)

    def start_device(self, cloud=None, **changes):
        """A device that serves, before `cloud` or the one that all share; who wants it ready waits for that."""
        cloud = cloud or self.cloud
        addresses = [(CLOUD, cloud.address), (GATEWAY, self.gateway.address)]
        changes = {"serve.listen": "127.0.0.1:0", **_dotted(changes)}
        return Device(self._start(self.edge_node, "device", changes, addresses))

    def device(self, cloud=None, **changes):
        """A device that takes requests, its links up where it has some."""
        device = self.start_device(cloud, **changes)
        return device.ready()

    def shared(self, key, start):
        """What `start` gives: it starts with the first who asks for `key`, and ends with the world."""
        if key not in self._shared:
            self._shared[key] = start()
        return self._shared[key]

    def _start(self, program, template, changes, addresses=()):
        self._count += 1
        name = f"{template}-{self._count}"
        config = self.config(f"{template}.toml", f"{name}.toml", changes, addresses)
        process = Process([program, "serve", "--config", str(config)], self.folder / f"{name}.log")
        self._processes.append(process)
        return process

    def intents(self, actions):
        """The intents of a home, whose actions go to the port `actions` of this machine; their file."""
        text = (self.folder / "configs/intents/home.toml").read_text()
        path = self.folder / f"configs/intents/home-{actions}.toml"
        path.write_text(re.sub(r"127\.0\.0\.1:8123", f"127.0.0.1:{actions}", text))
        return str(path)

    def write(self, name, text):
        """A file of this world; its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)


def _program(binaries, name):
    path = Path(binaries).resolve() / name
    assert path.is_file(), f"there is no {path}: `cargo build --bins` builds it"
    return str(path)


def _dotted(changes):
    return {key.replace("__", "."): value for key, value in changes.items()}
