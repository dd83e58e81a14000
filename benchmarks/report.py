"""Tables and chart from the results of compare.py (a plain dict, also stored as JSON)."""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

QUIET = 0.1  # CPUs other processes may use before a result carries a warning

Results = dict[str, Any]


def ratios(result: Results, baseline: str) -> dict[str, list[float]]:
    """Each peer's value divided by the baseline's of the same round."""
    base = result["values"].get(baseline)
    if not base:
        return {}
    return {
        peer: [value / own for value, own in zip(values, base, strict=True)]
        for peer, values in result["values"].items()
        if peer != baseline
    }


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """(first quartile, median, third quartile)."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _quantity(value: float, kind: str) -> str:
    """Seconds, or bytes for the memory job, in a unit that reads well."""
    if kind == "memory":
        return f"{value / 1e6:.0f} MB"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def _share_of_bound(result: Results, seconds: float) -> str:
    """The bound in per cent of the time, for summed and overlapped work."""
    bound = result["bound_seconds"]
    if not bound:
        return ""
    # An engine that skips zeros is held to the tighter bound, one that does not is not
    # excused: the input has them either way.
    summed, overlapped = bound["skipping_summed"], bound["skipping_overlapped"]
    return f"{100 * summed / seconds:.0f} % / {100 * overlapped / seconds:.0f} %"


def job_section(result: Results, results: Results) -> str:
    """Markdown of one job: time, ratio to the baseline, share of the bound, final loss."""
    job, baseline = result["job"], results["baseline"]
    relative = ratios(result, baseline)
    lines = [
        f"### {job['name']}: {job['title']}",
        "",
        f"| peer | median (quartiles) | per step | ratio to {baseline} (quartiles) "
        "| bound / time, summed / overlapped | loss |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    by_time = sorted(result["values"].items(), key=lambda item: statistics.median(item[1]))
    for peer, values in by_time:
        low, middle, high = (_quantity(v, job["kind"]) for v in quartiles(values))
        step = statistics.median(values) / job["steps"]
        ratio = "1"
        if peer in relative:
            first, median, third = quartiles(relative[peer])
            ratio = f"{median:.2f} ({first:.2f} to {third:.2f})"
        elif peer != baseline:
            ratio = ""
        loss = result["losses"].get(peer)
        cells = [
            results["peers"][peer]["title"],
            f"{middle} ({low} to {high})",
            _quantity(step, job["kind"]) if job["steps"] > 1 else "",
            ratio,
            _share_of_bound(result, statistics.median(values)),
            "" if loss is None else f"{loss:.4g}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    for peer, reason in result["absent"].items():
        lines.append(f"- {results['peers'][peer]['title']}: not measured, {reason}")
    if result["foreign"] is not None and result["foreign"] > QUIET:
        busy = f"{result['foreign']:.2f}"
        lines.append(f"- **Disturbed**: other processes kept {busy} CPUs busy meanwhile")
    if job["dropout"] and job["kind"] == "train":
        noted = [p for p in result["values"] if results["peers"][p]["note"] == "no dropout"]
        lines += [f"- {results['peers'][p]['title']}: has no dropout, does less" for p in noted]
    return "\n".join(lines) + "\n"


def fastest(medians: dict[str, float], results: Results) -> str:
    """The peer with the lowest of some median ratios, by its title."""
    peer = min(medians, key=medians.__getitem__, default=None)
    return "-" if peer is None else f"{results['peers'][peer]['title']}: {medians[peer]:.2f}"


def summary(results: Results) -> str:
    """Markdown: one row a job, one column a peer, median ratios to the baseline; first that of
    the fastest peer, which is named."""
    baseline, peers = results["baseline"], list(results["peers"])
    others = [peer for peer in peers if peer != baseline]
    lines = [
        f"Times slower than {baseline}: median of the ratios within each round.",
        "",
        "| " + " | ".join(["job", baseline, "the fastest peer", *others]) + " |",
        "| --- | ---: | --- |" + " ---: |" * len(others),
    ]
    for result in results["jobs"]:
        medians = {
            peer: statistics.median(values) for peer, values in ratios(result, baseline).items()
        }
        own = result["values"].get(baseline)
        time = _quantity(statistics.median(own), result["job"]["kind"]) if own else "-"
        cells = [f"{medians[peer]:.2f}" if peer in medians else "-" for peer in others]
        row = [result["job"]["name"], time, fastest(medians, results), *cells]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def _versions(results: Results) -> list[str]:
    """One line a peer: versions and the BLAS kernels and pools it ran with."""
    lines = []
    for peer, about in results["peers"].items():
        facts = next((r["facts"][peer] for r in results["jobs"] if peer in r["facts"]), None)
        note = f" ({about['note']})" if about["note"] else ""
        if facts is None:
            lines.append(f"- {about['title']}{note}: not measured")
            continue
        short = {k: v for k, v in facts["versions"].items() if "\n" not in v}
        versions = ", ".join(f"{package} {version}" for package, version in short.items())
        pools = "; ".join(" ".join(str(v) for v in pool.values()) for pool in facts["thread_pools"])
        lines.append(f"- {about['title']}{note}: {versions}" + (f"; {pools}" if pools else ""))
    return lines


def _dates(results: Results) -> str:
    """The day of the oldest job, and of the newest if it is another."""
    days = sorted({result["date"][:10] for result in results["jobs"]})
    return " to ".join(dict.fromkeys((days[0], days[-1])))


def markdown(results: Results) -> str:
    """The whole report."""
    machine = results["machine"]
    parts = [
        "# fastmlp and its peers",
        f"`{machine['command']}`",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads; "
        f"{machine['system']}, Python {machine['python']}, {machine['compiler']}; "
        f"{_dates(results)}; fastmlp's instruction set: {machine['isa']}. float64 throughout. "
        "Training jobs: an epoch within a call of several.",
        summary(results),
        "\n".join(_versions(results)),
        *(job_section(result, results) for result in results["jobs"]),
    ]
    return "\n\n".join(parts)


def draw_chart(results: Results, path: Path) -> None:
    """Bars of the median ratios with quartiles, a panel for each kind of job, log scale."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    baseline = results["baseline"]
    bars = []  # (job, peer, first quartile, median, third quartile)
    for result in results["jobs"]:
        for peer, values in ratios(result, baseline).items():
            bars.append((result["job"]["name"], peer, *quartiles(values)))
    if not bars:
        return
    colours = {
        peer: f"C{index}" for index, peer in enumerate(p for p in results["peers"] if p != baseline)
    }
    figure, axes = pyplot.subplots(figsize=(9, 1 + 0.19 * len(bars)), layout="constrained")
    labels, middles, at = [], [], 0.0
    previous, begin = bars[0][0], 0.0
    named = set()
    for job, peer, low, median, high in [*bars, ("", "", 0.0, 0.0, 0.0)]:
        if job != previous:
            labels.append(previous)
            middles.append((begin + at - 1) / 2)
            at += 1
            previous, begin = job, at
        if not job:
            break
        title = None if peer in named else results["peers"][peer]["title"]
        named.add(peer)
        axes.barh(
            at,
            median - 1.0,
            left=1.0,  # equal to the baseline: shorter to the left is faster
            height=0.9,
            color=colours[peer],
            label=title,
            xerr=[[median - low], [high - median]],
            error_kw={"linewidth": 0.8},
        )
        at += 1
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_yticks(middles, labels)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.set_xlabel(f"times slower than {baseline}")
    axes.set_title(f"{results['machine']['cpu']}, {results['machine']['threads']} threads, float64")
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.savefig(path)
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the report of a stored JSON file.")
    parser.add_argument("results", type=Path)
    results = json.loads(parser.parse_args().results.read_text())
    print(markdown(results))


if __name__ == "__main__":
    main()
