"""A program that serves: started, waited for until it listens, and ended, by its own id."""

import re
import signal
import subprocess
import time

LISTENING = re.compile(r"^listening on (?:http://)?(\S+)$", re.MULTILINE)
START_S_MAX = 20
END_S_MAX = 20


class Process:
    """One program, and its log."""

    def __init__(self, command, log):
        self.log = log
        self._before = log.stat().st_size if log.exists() else 0
        with log.open("ab") as out:
            self._child = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        self.address = self._listens(command)

    @property
    def pid(self):
        return self._child.pid

    def said(self):
        """Its log since this start."""
        with self.log.open("rb") as log:
            log.seek(self._before)
            return log.read().decode(errors="replace")

    def _listens(self, command):
        until = time.monotonic() + START_S_MAX
        while time.monotonic() < until:
            if found := LISTENING.search(self.said()):
                return found[1]
            if self._child.poll() is not None:
                break
            time.sleep(0.01)
        self.kill()
        raise RuntimeError(f"{command} does not listen; it says\n{self.said()}")

    def terminate(self):
        """Asks it to end."""
        self._child.send_signal(signal.SIGTERM)

    def wait(self, timeout_s=END_S_MAX):
        """Its exit code, once it has ended."""
        return self._child.wait(timeout_s)

    def kill(self):
        """Ends it in mid-sentence."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()

    def end(self):
        """Ends it as an operator does, and if need be as one who has no time."""
        if self._child.poll() is None:
            self.terminate()
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.kill()
