"""Pure functions: agreement of losses, medians, ratios. No process, no clock."""

import math
import statistics

# Relative, over the first 20 losses. fp32 as the frameworks round it; the second loss is 40 times
# the first (a rate of 0.01 overshoots), which amplifies bf16's 2^-8. The wrong place of Adam's
# epsilon, the smallest error we know of, is a deviation of 0.18.
TOLERANCES = {"fp32": 1e-4, "tf32": 5e-3, "bf16": 5e-2}


def deviation(losses, reference):
    """The largest relative difference; infinite for NaN or a different number of losses."""
    if len(losses) != len(reference) or not losses:
        return math.inf
    worst = 0.0
    for a, b in zip(losses, reference):
        difference = abs(a - b) / abs(b) if b else abs(a)
        if not math.isfinite(difference):
            return math.inf
        worst = max(worst, difference)
    return worst


def judge(rows, references):
    """Marks rows whose losses are wrong. A row is a dict with `precision`, `adam_form`, `losses`
    (or none) and `status`; `references` are float64 losses by form. Adds `deviation` (from the
    reference) and, where the form allows it, `deviation_from_hourglass`. A form without a reference
    is not judged."""
    ours = {
        (row["precision"], row["adam_form"]): row["losses"]
        for row in rows
        if row["name"] == "hourglass" and row.get("losses")
    }
    for row in rows:
        reference = references.get(row["adam_form"])
        if not row.get("losses") or reference is None:
            continue
        row["deviation"] = deviation(row["losses"], reference)
        mine = ours.get((row["precision"], row["adam_form"]))
        if mine and row["name"] != "hourglass":
            row["deviation_from_hourglass"] = deviation(row["losses"], mine)
        if row["deviation"] > TOLERANCES[row["precision"]]:
            row["status"] = "wrong"
            row["reason"] = (
                f"its losses are {row['deviation']:.1e} from float64, "
                f"{TOLERANCES[row['precision']]:.0e} is the limit"
            )


def pairs(rows):
    """Deviation of every two peers of one class and form, worst first."""
    found = []
    able = [row for row in rows if row.get("losses")]
    for i, a in enumerate(able):
        for b in able[i + 1 :]:
            if (a["precision"], a["adam_form"]) == (b["precision"], b["adam_form"]):
                off = deviation(a["losses"], b["losses"])
                found.append([a["name"], b["name"], a["precision"], off])
    return sorted(found, key=lambda pair: -pair[3])


def summarise(rows, floor_ms):
    """Adds median, min, max and ratios to rows with `rounds_ms`. The best peer is the fastest of
    the class that is not hourglass and not wrong."""
    for row in rows:
        if row["status"] == "timed":
            values = row["rounds_ms"]
            row["median_ms"] = statistics.median(values)
            row["min_ms"], row["max_ms"] = min(values), max(values)
    for row in rows:
        if row["status"] != "timed":
            continue
        best = best_peer(rows, row["precision"])
        row["ratio_to_best_peer"] = row["median_ms"] / best["median_ms"] if best else None
        row["ratio_to_floor"] = row["median_ms"] / floor_ms if floor_ms else None


def best_peer(rows, precision):
    able = [
        row
        for row in rows
        if row["status"] == "timed" and row["precision"] == precision and row["name"] != "hourglass"
    ]
    return min(able, key=lambda row: row["median_ms"], default=None)


def find(rows, name, precision):
    return next((r for r in rows if r["name"] == name and r["precision"] == precision), None)


def targets(result):
    """[(what, measured ratio, limit)] of the project's aims, where this run has the numbers."""
    found = []

    def ratio(what, ours, theirs, limit):
        if ours and theirs:
            found.append({"what": what, "measured": ours / theirs, "limit": limit})

    def median(row):
        return row["median_ms"] if row and row["status"] == "timed" else None

    cuda = result["device"] == "cuda"
    limits = {150: 1 / 3, 60000: 1.0} if cuda else {150: 0.70, 1024: 0.85, 4096: 0.85}
    for block in result["batches"]:
        rows, batch = block["rows"], block["batch"]
        for precision in ("fp32", "bf16"):
            limit = limits.get(batch) if cuda or precision == "fp32" else {150: 0.50}.get(batch)
            if limit:
                ours = median(find(rows, "hourglass", precision))
                theirs = median(best_peer(rows, precision))
                what = f"{precision} step of {batch} images / best {precision} peer"
                ratio(what, ours, theirs, limit)
        if batch == 150 and not cuda:
            ours = median(find(rows, "hourglass", "bf16"))
            ratio(
                "bf16 step of 150 images / best fp32 peer",
                ours,
                median(best_peer(rows, "fp32")),
                0.45,
            )
    jobs = [row for row in result.get("whole_job", []) if row["status"] == "timed"]
    ours = [row["median_s"] for row in jobs if row["name"] == "hourglass"]
    theirs = [row["median_s"] for row in jobs if row["name"] != "hourglass"]
    ratio(
        "the tutorial's whole job / best peer's",
        min(ours, default=None),
        min(theirs, default=None),
        0.5,
    )
    busy = [row for row in result.get("busy_machine", []) if row["status"] == "timed"]
    busy = [row for row in busy if row["precision"] == "fp32"]
    ours = [row["slowdown"] for row in busy if row["name"] == "hourglass"]
    theirs = [row["slowdown"] for row in busy if row["name"] != "hourglass"]
    ratio(
        "slowdown beside two spinning processes / least slowed fp32 peer's",
        min(ours, default=None),
        min(theirs, default=None),
        1.0,
    )
    return found
