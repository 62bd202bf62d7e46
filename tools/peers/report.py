"""Results as Markdown: the whole table beside the JSON, and the short one of the README."""

import judge
from machine import BUSY_SHARE

BATCH_HEAD = (
    "| | class | median ms | min to max | / best peer | / floor | losses off by | compiled in |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def number(value, digits=3):
    return "" if value is None else f"{value:.{digits}f}"


def milliseconds(value):
    return number(value, 3 if value < 100 else 1)


def head(result):
    machine = result["machine"]
    name = machine["gpu"] if result["device"] == "cuda" else machine["cpu"]
    return f"{name}, {machine['cores']} cores" + (
        "" if result["device"] == "cuda" else f", {' '.join(machine['instructions'])}"
    )


def busy_line(result):
    """Loud, where the machine was not quiet."""
    loads = [load for block in result["batches"] for load in block["load_of_others"]]
    worst = max([result["load_before"], *loads])
    if worst <= BUSY_SHARE:
        return ""
    return (
        f"**BUSY MACHINE: others used up to {100 * worst:.0f} % of it. "
        "These timings prove nothing.**\n\n"
    )


def batch_row(row):
    name, precision = row["name"], row["precision"]
    name = f"**{name}**" if name == "hourglass" else name
    off = f"{row['deviation']:.1e}" if "deviation" in row else ""
    if row["status"] != "timed":
        word = "**WRONG**" if row["status"] == "wrong" else "not run"
        return f"| {name} | {precision} | {word}: {row['reason']} | | | | {off} | |\n"
    cells = [
        name,
        precision,
        milliseconds(row["median_ms"]),
        f"{milliseconds(row['min_ms'])} to {milliseconds(row['max_ms'])}",
        number(row["ratio_to_best_peer"], 2),
        number(row["ratio_to_floor"], 2),
        off or "not checked",
        f"{row['compile_seconds']:.1f} s" if row.get("compile_seconds") else "",
    ]
    return "| " + " | ".join(cells) + " |\n"


def batch_section(block):
    text = f"## Training step, {block['batch']} images\n\n"
    if block["floor_ms"]:
        text += (
            f"Floor {milliseconds(block['floor_ms'])} ms: the step's dense products at "
            f"{block['multiply_add_gflops']:.0f} GFLOP/s, the fp32 multiply-add peak measured in "
            "the same rounds.\n"
        )
        if block["native_bf16"] is False:
            text += "This CPU has no bf16 instructions: all bf16 rows are emulated.\n"
        text += "\n"
    text += BATCH_HEAD + "".join(batch_row(row) for row in block["rows"])
    if block["worst_pairs"]:
        a, b, precision, off = block["worst_pairs"][0]
        text += f"\nFurthest apart of two that compute the same: {a} and {b} ({precision}), "
        text += f"{off:.1e}.\n"
    return text + "\n"


def whole_job_section(rows):
    text = "## The tutorial's whole job, from process start\n\n"
    text += "| | median s | min to max | test MSE |\n|---|---|---|---|\n"
    for row in rows:
        if row["status"] == "timed":
            text += (
                f"| {row['name']} | {row['median_s']:.2f} | {row['min_s']:.2f} to "
                f"{row['max_s']:.2f} | {row['test_mse']:.5f} |\n"
            )
        else:
            text += f"| {row['name']} | not run: {row['reason']} | | |\n"
    return text + "\n"


def quality_section(rows):
    text = "## Seconds from process start to a test SE\n\n"
    text += "| | recipe | SE 1.81 (PCA with 196 numbers) | SE 1.50 | last run |\n"
    text += "|---|---|---|---|---|\n"
    for row in rows:
        if row["status"] != "timed":
            text += f"| {row['name']} | {row['recipe']} | not run: {row['reason']} | | |\n"
            continue
        cells = [
            f"not reached in {row['epochs']} epochs" if value is None else f"{value:.1f}"
            for value in row["reached"].values()
        ]
        last = f"SE {row['test_se']:.2f}, {row['epochs']} epochs"
        text += f"| {row['name']} | {row['recipe']} | {cells[0]} | {cells[1]} | {last} |\n"
    return text + "\n"


def busy_machine_section(rows):
    text = "## Beside two spinning processes, 150 images\n\n"
    text += "| | class | ms | slowdown | min to max |\n|---|---|---|---|---|\n"
    for row in rows:
        if "slowdown" in row:
            text += (
                f"| {row['name']} | {row['precision']} | {milliseconds(row['busy_ms'])} "
                f"| {row['slowdown']:.2f} "
                f"| {row['slowdown_min']:.2f} to {row['slowdown_max']:.2f} |\n"
            )
        else:
            text += f"| {row['name']} | {row['precision']} | {row['status']} | | |\n"
    return text + "\n"


def targets_section(result):
    found = judge.targets(result)
    if not found:
        return ""
    text = "## Aims\n\n| ratio | measured | at most |\n|---|---|---|\n"
    for aim in found:
        missed = "" if aim["measured"] <= aim["limit"] else " **missed**"
        text += f"| {aim['what']} | {aim['measured']:.2f}{missed} | {aim['limit']:.2f} |\n"
    return text + "\n"


def markdown(result):
    text = f"# {result['date']}, {result['device']}\n\n{busy_line(result)}{head(result)}.\n"
    text += f"{result['rounds']} interleaved rounds, {result['threads']} threads each. "
    versions = sorted(result["versions"].items())
    text += ", ".join(f"{name} {version}" for name, version in versions)
    text += ".\n\n[What the numbers mean](README.md).\n\n"
    text += "".join(batch_section(block) for block in result["batches"])
    if result.get("whole_job"):
        text += whole_job_section(result["whole_job"])
    if result.get("quality"):
        text += quality_section(result["quality"])
    if result.get("busy_machine"):
        text += busy_machine_section(result["busy_machine"])
    return text + targets_section(result)


def summary(result):
    """The README's table: ours beside the best peer of the same class."""
    link = f"docs/results/{result['date']}-{result['device']}.md"
    text = busy_line(result)
    command = "tools/compare.sh --quick" if result["quick"] else "tools/compare.sh"
    text += f"Measured {result['date']} on {head(result)}, all in one run of `{command}` "
    text += f"([every row]({link})):\n\n| | hourglass | best peer | ratio |\n|---|---|---|---|\n"
    for block in result["batches"]:
        for precision in ("fp32", "tf32", "bf16"):
            ours = judge.find(block["rows"], "hourglass", precision)
            best = judge.best_peer(block["rows"], precision)
            if ours and best and ours["status"] == "timed":
                kind = precision
                if precision == "bf16" and block["native_bf16"] is False:
                    kind += " (emulated: no such instructions)"
                text += (
                    f"| step, {block['batch']:,} images, {kind} "
                    f"| {milliseconds(ours['median_ms'])} ms "
                    f"| {milliseconds(best['median_ms'])} ms ({best['name']}) "
                    f"| {ours['ratio_to_best_peer']:.2f} |\n"
                )
    text += job_summary(result.get("whole_job", []))
    return text + quality_summary(result.get("quality", []))


def job_summary(rows):
    able = [row for row in rows if row["status"] == "timed"]
    ours = next((row for row in able if row["name"] == "hourglass"), None)
    peers = [row for row in able if row["name"] != "hourglass"]
    if ours is None or not peers:
        return ""
    best = min(peers, key=lambda row: row["median_s"])
    return (
        f"| the tutorial, process start to test MSE | {ours['median_s']:.1f} s "
        f"| {best['median_s']:.1f} s ({best['name']}) "
        f"| {ours['median_s'] / best['median_s']:.2f} |\n"
    )


def quality_summary(rows):
    """Peers with what they ship, and, beside that, given hourglass's start. The ratio is to the
    faster of the two."""
    able = [row for row in rows if row["status"] == "timed"]
    ours = next((row for row in able if row["name"] == "hourglass"), None)
    peers = [row for row in able if row["name"] != "hourglass"]
    never = "not reached in 5 epochs"

    def seconds(value):
        return never if value is None else f"{value:.1f} s"

    text = ""
    for quality in ours["reached"] if ours else ():
        mine = ours["reached"][quality]
        cells, best = [], []
        for given, prefix in ((False, ""), (True, "given our start: ")):
            times = [
                (row["reached"][quality], row["name"])
                for row in peers
                if (row["recipe"] == "principal") == given and row["reached"][quality] is not None
            ]
            value, name = min(times, default=(None, ""))
            cells.append(prefix + seconds(value) + (f" ({name})" if name else ""))
            best += [value] if value is not None else []
        ratio = f"{mine / min(best):.2f}" if best and mine is not None else ""
        text += f"| default recipe to test SE {quality} | {seconds(mine)} "
        text += f"| {'; '.join(cells)} | {ratio} |\n"
    return text
