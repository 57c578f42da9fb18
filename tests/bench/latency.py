"""The 99th percentile of what clients wait at a steady rate of cache hits, beside the bare responder, by turns."""
import statistics
import subprocess
import time

import figures

RATE = 10_000   # questions a second
ROUNDS = 11
SECONDS = 3     # of each turn
WARM_S = 0.5    # before it


def p99_us(bench, server, questions):
    """tests/integration/steady_load.c sends at its times, and takes the kernel's time of arrival."""
    command = [bench.build / "tests/steady_load", "127.0.0.1", str(server.port), str(RATE), questions]
    load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(WARM_S)
    load.stdin.write("phase measured\n")
    load.stdin.flush()
    time.sleep(SECONDS)
    out = load.communicate("end\n")[0]
    for line in out.splitlines():
        words = line.split()
        if words[:2] == ["measured", "all"]:
            sent, _, lost, wrong = (int(word) for word in words[2:6])
            if lost + wrong > 0 or sent < RATE * SECONDS * 0.9:
                raise RuntimeError(f"{server.name}: of {sent} questions {lost} were lost, {wrong} answers wrong")
            return int(words[6]), int(words[8])
    raise RuntimeError(f"steady_load said nothing of {server.name}")


def run(bench, server):
    questions = bench.work / "steady"
    questions.write_text("".join(f"hit {line.split(' ')[0]} 192.0.2.1\n" for line in bench.questions("warm")))
    bench.ask(server, bench.work / "warm", once=True)
    rows = [(p99_us(bench, bench.bare, questions), p99_us(bench, server, questions)) for _ in range(ROUNDS)]
    ratios = [ours[1] / bare[1] for bare, ours in rows]
    print(f"\nLatency at {RATE:,} questions a second, {ROUNDS} turns of {SECONDS} s each by turns, microseconds: median, least and most\n"
          "| | half | 99 of 100 |\n| --- | --- | --- |")
    for title, which in (("bare responder", 0), (server.name, 1)):
        print(f"| {title} | {figures.spread([row[which][0] for row in rows], '{:.0f}')} | "
              f"{figures.spread([row[which][1] for row in rows], '{:.0f}')} |")
    print(f"\nratio of the 99th percentiles: {figures.spread(ratios)}")
    bench.figures.put("latency", ratios, f"{statistics.median(row[1][1] for row in rows):.0f} us")
