"""Measure every network of configs/ beside what users would otherwise run; the table is written worst first.

    python every_config.py --skipzoo ../../build/skipzoo --out sweep [--threads 2] [--dtype fp32]... [--only conv_net]...

A config's row is its training and its inference at the config's batch (ImageNet's: 8), and its inference of one image; in
fp32, and in bf16 where that is asked for.  A batch is halved until no process of its row takes more than 16 GiB.  A network
that stands in several configs is measured once.  Those that take least time come first.  Beside skipzoo: PyTorch eager
(channels_last); for inference ONNX Runtime (fp32) and OpenVINO; torch.compile for the rows of the README alone, for it
takes minutes to start.

Each row is of one run on one machine, which it names: another machine has rows of its own.  A row that its first round
leaves --clear times ahead of all others ends with that; the others have all rounds, of us and of those that the first round
leaves within 0.7 of the best.  It goes to OUT/rows.jsonl when it is done, and one that is there is not measured again: what
was interrupted goes on, in another hour too.  --again adds rounds to rows that are not far enough ahead.  OUT/table.md is
written anew after each row.
"""
import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGS = os.path.join(HERE, "..", "..", "configs")
sys.path[:0] = [HERE, os.path.join(HERE, "..", "goldens")]
from bench_peers import TUNED, measure_peer  # noqa: E402
from config_networks import NETWORKS, REPEATED  # noqa: E402

README = ("cifar10/conv_net", "imagenet/resnet50", "imagenet/densenet121")
MOST_MIB = 16 * 1024
MOST_SECONDS = 1800


def peers_of(config, mode, dtype):
    peers = ["skipzoo", "eager-nhwc"]
    if mode == "infer":
        peers += (["onnxruntime"] if dtype == "fp32" else []) + ["openvino"]
    return peers + (["compile"] if config in README else [])


def resident_mib(pid):
    """Most memory of a process so far; of the children that a compiler is, too."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return max([int(line.split()[1]) // 1024 for line in f if line.startswith("VmHWM")] or [0])
    except OSError:
        return 0


def run(body):
    """The last line, JSON, that `body` prints in a process of its own, or why there is none: "memory" where it took
    more than it may.  A process that is forked from this one has PyTorch, which takes seconds to import; no thread of it
    has begun here.
    """
    end = time.monotonic() + MOST_SECONDS
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            code = 1
            try:
                body()
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
            reason = ("memory" if resident_mib(child) > MOST_MIB else
                      f"no end in {MOST_SECONDS} s" if time.monotonic() > end else None)
            if reason:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return reason
            time.sleep(0.05)
        out.seek(0)
        err.seek(0)
        try:
            return dict(json.loads(out.read().strip().splitlines()[-1]))
        except (IndexError, TypeError, ValueError):
            text = err.read().strip()
            killed = os.waitstatus_to_exitcode(ended[1]) == -signal.SIGKILL
            if killed or "memory" in text.lower():
                return "memory"
            return re.sub(r"(/[^\s/:]+)+/", "", text[-300:]) or "it printed nothing"  # The rows may travel: no folders.


def measure_skipzoo(a, config, wanted):
    """Becomes the binary, with the malloc of whoever types it."""
    environment = {name: value for name, value in os.environ.items() if name not in TUNED}
    options = [text for name, value in wanted.items() for text in ("--" + name, str(value))]
    os.execvpe(a.skipzoo, [a.skipzoo, "benchmark", "-c", os.path.join(CONFIGS, config + ".yaml"), *options, "--json"],
               environment)


def measure(a, config, mode, dtype, batch, before=None):
    """One row; each peer in turn, a.rounds times, or so many times more than before."""
    wanted = {"mode": mode, "dtype": dtype, "batch": batch, "threads": a.threads, "seconds": a.seconds}
    parts = before or {}
    rates, least, peak, errors = (parts.get(name, {}) for name in ("rates", "least", "peak_rss_mb", "errors"))
    peers = peers_of(config, mode, dtype)
    for number in range(len(rates.get("skipzoo", [])), len(rates.get("skipzoo", [])) + a.rounds):
        if number and not before and is_clear(a, rates) and is_clear(a, least):
            break
        for peer in peers:
            if peer in errors or peer == "compile" and number:
                continue
            if number and peer != "skipzoo" and is_behind(peer, rates) and is_behind(peer, least):
                continue
            line = run(lambda: measure_skipzoo(a, config, wanted) if peer == "skipzoo" else
                       print(json.dumps(measure_peer(argparse.Namespace(peer=peer, model=NETWORKS[config], **wanted)))))
            if line == "memory":
                if batch == 1:
                    errors[peer] = "more than 16 GiB"
                    continue
                return measure(a, config, mode, dtype, batch // 2)  # Of another batch than before, nothing is kept.
            if isinstance(line, str):
                errors[peer] = line
                continue
            rates.setdefault(peer, []).append(line["images_per_s"])
            least.setdefault(peer, []).append(round(batch * 1e3 / line["ms_min"], 2))
            peak[peer] = line["peak_rss_mb"]
    if errors.get("skipzoo"):
        sys.exit(f"{config}: skipzoo: {errors['skipzoo']}")
    if len(rates) == 1:
        sys.exit(f"{config}: nobody to be measured beside: {errors}")
    medians = {peer: statistics.median(r) for peer, r in rates.items()}
    best, ratio = ahead(medians)
    fastest = {peer: max(r) for peer, r in least.items()}
    return {"config": config, "mode": mode, "dtype": dtype, "batch": batch, "skipzoo": medians["skipzoo"], "best": best,
            "ratio": ratio, "ratio_of_fastest": ahead(fastest)[1], "medians": medians, "rates": rates, "least": least,
            "peak_rss_mb": peak, "errors": errors, "rounds": len(rates["skipzoo"]), "machine": machine(a)}


def ahead(rates):
    """Return the best of the others and how far skipzoo is ahead of it."""
    others = {peer: rate for peer, rate in rates.items() if peer != "skipzoo"}
    best = max(others, key=others.get)
    return best, round(rates["skipzoo"] / others[best], 3)


def is_behind(peer, rates):
    """Whether the first round has left a peer so far behind another that it will not be the best."""
    return rates[peer][0] < 0.7 * max(r[0] for other, r in rates.items() if other != "skipzoo")


def is_clear(a, rates):
    """Whether one round has left skipzoo so far ahead that another would not tell more."""
    others = [r[0] for peer, r in rates.items() if peer != "skipzoo"]
    return "skipzoo" in rates and others and rates["skipzoo"][0] >= a.clear * max(others)


def described(a, configs):
    """Parameters, input shape and multiplications of each, which are kept in OUT/networks.json."""
    path = os.path.join(a.out, "networks.json")
    known = {}
    if os.path.exists(path):
        with open(path) as f:
            known = json.load(f)
    for config in configs:
        if config in known:
            continue
        done = subprocess.run([a.skipzoo, "describe", "-c", os.path.join(CONFIGS, config + ".yaml"), "--json"],
                              capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        known[config] = {name: found[name] for name in ("parameters", "input_shape", "macs")}
    with open(path, "w") as f:
        json.dump(known, f)
    return known


def batch_of(config):
    if config.startswith("imagenet/"):
        return 8
    with open(os.path.join(CONFIGS, config + ".yaml")) as f:
        return next(int(line.split()[1]) for line in f if line.strip().startswith("batch_size:"))


def check_configs():
    """That each config has its network."""
    found = {os.path.relpath(os.path.join(folder, name), CONFIGS)[:-5]
             for folder, _, names in os.walk(CONFIGS) for name in names if name.endswith(".yaml")}
    missing = sorted(c for c in found - NETWORKS.keys() if not c.startswith(REPEATED))
    if missing:
        sys.exit(f"config_networks.py has no network of {', '.join(missing)}")


def check_size(config, ours):
    """That a config and its network are of one size."""
    def size():
        from reference_models import build, image_shape
        network = NETWORKS[config]
        print(json.dumps({"parameters": sum(p.numel() for p in build(network).parameters()),
                          "input_shape": image_shape(network)}))

    found = run(size)
    if found != {name: ours[name] for name in ("parameters", "input_shape")}:
        sys.exit(f"{config} has {ours['parameters']} parameters and images of {ours['input_shape']}, "
                 f"{NETWORKS[config]}: {found}")


def machine(a):
    """The processor with the widest of its instruction sets that matter here, and the threads."""
    with open("/proc/cpuinfo") as f:
        lines = f.read().splitlines()
    name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    flags = next(line.split() for line in lines if line.startswith("flags"))
    widest = [i for i in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if i in flags]
    return f"{name} ({widest[0] if widest else 'no AVX2'}), {a.threads} threads"


def write_table(a, rows):
    lines = []
    for where in sorted({r["machine"] for r in rows}):
        lines += [f"{where}; images a second, medians of as many rounds as the last column says; the second ratio is of "
                  "the fastest step of each.", "",
                  "| network | | type | batch | skipzoo | the best other | ratio | fastest | all others | rounds |",
                  "|---|---|---|---|---|---|---|---|---|---|"]
        for r in sorted((r for r in rows if r["machine"] == where), key=lambda r: r["ratio"]):
            others = ", ".join(f"{p} {v:g}" for p, v in r["medians"].items() if p != "skipzoo")
            failed = "".join(f"; {p} failed" for p in r["errors"])
            lines.append("| " + " | ".join([
                f"`{r['config']}`", r["mode"], r["dtype"], str(r["batch"]), f"{r['skipzoo']:g}",
                f"{r['medians'][r['best']]:g}, {r['best']}", f"**{r['ratio']:.2f}**", f"{r['ratio_of_fastest']:.2f}",
                others + failed, str(r["rounds"])]) + " |")
        lines.append("")
    beside = os.path.join(a.out, "table.md.part")
    with open(beside, "w") as f:
        f.write("\n".join(lines))
    os.replace(beside, os.path.join(a.out, "table.md"))


def rows_to_measure(a, networks):
    """What is asked for, by how much there is to multiply; a step of training is three times an inference."""
    rows = [(config, mode, dtype, batch) for config in networks for dtype in a.dtype or ["fp32"]
            for mode, batch in (("train", batch_of(config)), ("infer", batch_of(config)), ("infer", 1))
            if not a.mode or mode in a.mode]
    return sorted(rows, key=lambda r: networks[r[0]]["macs"] * r[3] * (3 if r[1] == "train" else 1))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--skipzoo", required=True, help="our binary")
    p.add_argument("--out", required=True, help="folder of rows.jsonl and table.md")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--clear", type=float, default=1.3, help="a first round so far ahead of all others is enough (1.3)")
    p.add_argument("--again", type=float, metavar="BELOW",
                   help="rows with a ratio below this get --rounds more, beside those that they have")
    p.add_argument("--dtype", action="append", choices=("fp32", "bf16"), help="fp32 where none is named")
    p.add_argument("--mode", action="append", choices=("train", "infer"), help="both where none is named")
    p.add_argument("--only", action="append", help="only configs with this in their name")
    a = p.parse_args()
    if any(os.environ.get(name) != value for name, value in TUNED.items()):  # What a malloc reads when it begins.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **TUNED})
    import torch  # noqa: F401  For all who are forked.
    configs = [c for c in NETWORKS if not a.only or any(o in c for o in a.only)]
    check_configs()
    os.makedirs(a.out, exist_ok=True)
    networks = {config: one for config, one in described(a, configs).items() if config in configs}
    checked = set()
    kept = os.path.join(a.out, "rows.jsonl")
    rows = {}  # The last line of a row is the one with most rounds.
    if os.path.exists(kept):
        with open(kept) as f:
            rows = {(r["config"], r["mode"], r["dtype"], r["asked"], r["machine"]): r for r in map(json.loads, f)}
    for asked in rows_to_measure(a, networks):
        config, mode, dtype, batch = asked
        before = rows.get((*asked, machine(a)))
        if before and not (a.again and before["ratio"] < a.again):
            continue
        if config not in checked:
            check_size(config, networks[config])
            checked.add(config)
        row = {**measure(a, config, mode, dtype, before["batch"] if before else batch, before), "asked": batch}
        rows[*asked, machine(a)] = row
        with open(kept, "a") as f:
            f.write(json.dumps(row) + "\n")
        write_table(a, list(rows.values()))
        print(f"{config} {mode} {dtype} {row['batch']}: {row['skipzoo']:g}, {row['best']} {row['medians'][row['best']]:g}, "
              f"{row['ratio']:.2f}, of the fastest steps {row['ratio_of_fastest']:.2f}", flush=True)


if __name__ == "__main__":
    main()
