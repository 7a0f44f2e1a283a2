"""Memory and time of the processes below this one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from threading import Event, Thread


class Watch(Thread):
    """Samples the memory of the processes below this one every tenth of a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peaks: dict[int, int] = {}
        self._over = Event()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        """Sample until stopped."""
        while not self._over.wait(0.1):
            for process in beneath(os.getpid()):
                with contextlib.suppress(OSError, IndexError):
                    self.peaks[process] = peak(str(process))

    @staticmethod
    def living() -> float:
        """Return the CPU seconds of living children, and of those that they waited for:
        the process that others were forked from is one."""
        ticks = 0
        for process in beneath(os.getpid()):
            with contextlib.suppress(OSError):
                said = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, said[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")


def beneath(process: int) -> list[int]:
    """Return the processes that a process started, and their descendants."""
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *beneath(child)]
    return found


def peak(process: str) -> int:
    """Return the peak memory of a process in kilobytes."""
    return int(Path(f"/proc/{process}/status").read_text().split("VmHWM:")[1].split()[0])
