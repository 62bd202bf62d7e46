"""What machine this is, and whether anybody else is using it."""

import os
import pathlib
import platform
import subprocess
import time

BUSY_SHARE = 0.05  # of all cores, by other processes: above it a timing is not to be trusted


def cpu_ticks(text):
    """(busy, all) clock ticks of all cores since boot, from the text of /proc/stat. Time that a
    hypervisor gave to others (steal) is busy; waiting for a disk is not."""
    fields = [int(x) for x in text.split("\n", 1)[0].split()[1:9]]
    user, nice, system, idle, waiting, interrupt, soft_interrupt, steal = fields
    busy = user + nice + system + interrupt + soft_interrupt + steal
    return busy, busy + idle + waiting


def process_ticks(text):
    """Ticks of a process and its finished children, from the text of /proc/PID/stat."""
    fields = text.rsplit(")", 1)[1].split()
    return sum(int(x) for x in fields[11:15])


def own_ticks(process_ids):
    """Of this process, its finished children, and the processes in `process_ids`."""
    total = 0
    for process_id in ["self", *process_ids]:
        try:
            total += process_ticks(pathlib.Path(f"/proc/{process_id}/stat").read_text())
        except OSError:  # gone; then it is counted among the finished children
            pass
    return total


class LoadMeter:
    """The share of the machine that others used since the last reading."""

    def __init__(self, process_ids=lambda: []):
        self.process_ids = process_ids
        self.read()

    def read(self):
        busy, total = cpu_ticks(pathlib.Path("/proc/stat").read_text())
        now = (busy, total, own_ticks(self.process_ids()))
        before, self.last = getattr(self, "last", now), now
        ticks = now[1] - before[1]
        if ticks <= 0:
            return 0.0
        return max(0.0, (now[0] - before[0]) - (now[2] - before[2])) / ticks


def idle_load(seconds=2.0):
    """The share of the machine in use while this process sleeps."""
    meter = LoadMeter()
    time.sleep(seconds)
    return meter.read()


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def gpu_name():
    try:
        command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def describe():
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release(),
        "instructions": [name for name in ("avx2", "avx512f", "avx512_bf16") if name in flags],
        "gpu": gpu_name(),
    }
