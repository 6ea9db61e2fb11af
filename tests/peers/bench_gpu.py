"""Measure skipzoo on a GPU beside what users would otherwise run there: PyTorch eager, torch.compile, its CUDA graphs.

    python bench_gpu.py --out FOLDER --skipzoo BINARY resnet50:train:bf16:256 resnet50:infer:bf16:1:eager,reduce ...

A row is model:train|infer:fp32|bf16|fp16:batch[:peers]; a model is one of NETWORKS.  Peers: `eager`, `compile`
(torch.compile's default mode), `reduce` (mode="reduce-overhead", CUDA graphs), `autotune` (mode="max-autotune"); else the
first two.  They get channels-last, autocast, fused SGD and cuDNN's benchmark; in inference weights of the type measured and
compile's freezing.  fp32 is without TF32 for all.

Each measurement is a process of its own: seven steps to warm up, then windows of ten steps between two CUDA events, at least
five and for --seconds; images a second are of the median window.  Memory is the most that tensors had from the third step
on, what a recorded graph runs in included, as `skipzoo benchmark` counts it.

A row and its peers are measured in one run, on one card.  OUT/rows.jsonl gets a line for each; a row that is whole there is
not measured again, one that was cut short is, as a whole.  OUT/table.md is written anew after each row, worst first.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# The networks in plain PyTorch, which the goldens were made with.
sys.path.insert(0, os.path.join(HERE, "..", "goldens"))

# The config of each network of reference_models.py.
NETWORKS = {"resnet18": "imagenet/resnet18", "resnet50": "imagenet/resnet50", "densenet121": "imagenet/densenet121",
            "resnet20-a": "cifar10/resnet20", "resnet18-cifar": "cifar10/resnet18",
            "densenet-bc-100-12": "cifar10/densenet_bc_100_12"}
MODES = {"compile": None, "reduce": "reduce-overhead", "autotune": "max-autotune"}
PEERS = ("eager", "compile")
MOST_SECONDS = 240


def training_step(net, x, y, device, low, peer):
    import torch
    forward = net.train() if peer == "eager" else torch.compile(net.train(), mode=MODES[peer])
    sgd = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, weight_decay=5e-4, nesterov=True, fused=True)
    # bf16 needs no loss scaler; with fp16 the losses of a network that was never trained do not overflow.
    def step():
        with torch.autocast(device, low or torch.bfloat16, enabled=low is not None):
            loss = torch.nn.functional.cross_entropy(forward(x).float(), y)
        sgd.zero_grad(set_to_none=True)
        loss.backward()
        sgd.step()
    return step


def inference_step(net, x, low, peer):
    import torch
    net.eval()
    if low is not None:
        net, x = net.to(low), x.to(low)
    forward = net
    if peer != "eager":
        import torch._inductor.config as config
        config.freezing = True
        forward = torch.compile(net, mode=MODES[peer])

    def step():
        with torch.no_grad():
            forward(x)
    return step


def windows_of(step, seconds, device):
    """Return milliseconds of a step in each window of ten."""
    import torch
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        if device == "cpu":  # A rehearsal.
            t = time.perf_counter()
            step()
            times.append((time.perf_counter() - t) * 1e3)
            continue
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        for _ in range(10):
            step()
        last.record()
        torch.cuda.synchronize()
        times.append(first.elapsed_time(last) / 10)
    return times


def run_peer(row, peer, seconds, device):
    import torch
    from reference_models import build, image_shape
    model, mode, dtype, batch = row.split(":")[:4]
    batch, low = int(batch), {"bf16": torch.bfloat16, "fp16": torch.float16}.get(dtype)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(0)
    started = time.perf_counter()
    net = build(model).to(device, memory_format=torch.channels_last)
    x = torch.randn(batch, *image_shape(model), device=device).to(memory_format=torch.channels_last)
    y = torch.randint(1000 if x.shape[-1] == 224 else 10, (batch,), device=device)
    step = training_step(net, x, y, device, low, peer) if mode == "train" else inference_step(net, x, low, peer)
    for _ in range(2 if device == "cuda" else 1):  # Libraries try their algorithms, and take memory for it.
        step()
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    for _ in range(5 if device == "cuda" else 0):
        step()
    if device == "cuda":
        torch.cuda.synchronize()
    setup = time.perf_counter() - started
    times = windows_of(step, seconds, device)
    ms = statistics.median(times)
    memory = torch.cuda.max_memory_allocated() >> 20 if device == "cuda" else 0
    print(json.dumps({"images_per_s": round(batch / ms * 1e3, 1), "ms_median": round(ms, 3), "ms_min": round(min(times), 3),
                      "peak_mb": memory, "setup_s": round(setup, 1), "torch": torch.__version__}))


def command_of(row, peer, a):
    model, mode, dtype, batch = row.split(":")[:4]
    if peer == "skipzoo":
        return [a.skipzoo, "benchmark", "-c", os.path.join(a.configs, NETWORKS[model] + ".yaml"), "--mode", mode, "--dtype",
                dtype, "--batch", batch, "--device", a.device, "--seconds", str(a.seconds), "--json", "--set",
                "train.channels_last=true", *(["--set", "train.tf32=false"] if dtype == "fp32" else []), *(word for key in a.set for word in ("--set", key))]
    return [sys.executable, os.path.abspath(__file__), "--single", peer, "--device", a.device, "--seconds", str(a.seconds), row]


def measured(row, peer, a):
    """Run one measurement; its line, with "failed" where there is none."""
    line = {"row": ":".join(row.split(":")[:4]), "peer": peer, "run": a.run, "card": a.card}
    limit = max(1, min(MOST_SECONDS, a.until - time.time()))
    started = time.time()
    try:
        done = subprocess.run(command_of(row, peer, a), capture_output=True, text=True, timeout=limit)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        found.pop("peer", None)
        line.update(found)
    except subprocess.TimeoutExpired:
        line["failed"] = f"takes more than {limit} s" if limit == MOST_SECONDS else f"not done in the {limit:.0f} s left"
    except (IndexError, ValueError):
        line["failed"] = done.stderr.strip()[-500:] or f"status {done.returncode}"
    line["whole_s"] = round(time.time() - started, 1)
    return line


def lines_of(path):
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [json.loads(line) for line in f if line.strip()]


def runs_of(lines, row):
    """Return the lines of each run that measured it, by peer, in their order."""
    runs = {}
    for line in lines:
        if line["row"] == row:
            runs.setdefault((line["run"], line["card"]), {})[line["peer"]] = line
    return list(runs.values())


def is_whole(lines, row, peers):
    """Whether one run has tried all of them; one that had no time for it has not."""
    def tried(line):
        return not line.get("failed", "").startswith("not done")
    return any(set(peers) <= {p for p, line in run.items() if tried(line)} for run in runs_of(lines, row))


def table_of(lines):
    rows = []
    for row in dict.fromkeys(line["row"] for line in lines if not line["row"].endswith(":to_94")):
        run = max(runs_of(lines, row), key=lambda r: sum("images_per_s" in line for line in r.values()))
        rates = {p: line["images_per_s"] for p, line in run.items() if "images_per_s" in line}
        ours = rates.pop("skipzoo", None)
        best = max(rates, key=rates.get, default=None)
        rows.append({"row": row, "ours": ours, "best": best, "run": run, "rates": rates,
                     "ratio": ours / rates[best] if ours and best else None})
    rows.sort(key=lambda r: (r["ratio"] is None, r["ratio"]))
    text = ["| row | skipzoo | best other | ratio | memory | to compile's (else the best's) | set-up | all others |", "|---|---|---|---|---|---|---|---|"]
    for r in rows:
        line = r["run"].get("skipzoo", {})
        other = r["run"].get("compile" if "compile" in r["rates"] else r["best"], {})
        memory, theirs = line.get("peak_mb"), other.get("peak_mb")
        failed = [f"{p} failed" for p, one in r["run"].items() if "failed" in one]
        text.append("| " + " | ".join([
            r["row"], f"{r['ours']:,.0f}" if r["ours"] else "", f"{r['rates'][r['best']]:,.0f}, {r['best']}" if r["best"] else "",
            f"**{r['ratio']:.2f}**" if r["ratio"] else "", f"{memory:,} MB" if memory else "",
            f"{memory / theirs:.2f}" if memory and theirs else "", f"{line.get('setup_s', '')} s of {other.get('setup_s', '')}",
            ", ".join([f"{p} {v:,.0f}" for p, v in r["rates"].items()] + failed)]) + " |")
    text += [f"{line['row']}, {line['peer']}: {line['seconds']} s ({line['epochs']} epochs, {line['top1']:.2f} %)"
             for line in lines if "epochs" in line and "failed" not in line]
    return "\n".join(text) + "\n"


def write_table(folder):
    with open(os.path.join(folder, "table.md"), "w") as f:
        f.write(table_of(lines_of(os.path.join(folder, "rows.jsonl"))))


def card_name(device):
    if device == "cpu":
        return "cpu"
    done = subprocess.run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "unknown"


def rehearsed(row):
    model, mode, dtype, batch = row.split(":")[:4]
    return f"{model}:{mode}:{'bf16' if dtype == 'fp16' else dtype}:{min(int(batch), 2)}:eager"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("row", nargs="+")
    p.add_argument("--out", default=".")
    p.add_argument("--skipzoo", help="our binary; else the others alone")
    p.add_argument("--configs", default=os.path.join(HERE, "..", "..", "configs"))
    p.add_argument("--set", action="append", default=[], help="of skipzoo's config")
    p.add_argument("--seconds", type=float, default=3)
    p.add_argument("--until", type=float, default=float("inf"), help="seconds since 1970: no measurement goes on behind it")
    p.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    p.add_argument("--rehearse", action="store_true", help="on the CPU: two images, eager alone, a moment each")
    p.add_argument("--single", metavar="PEER", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.single:
        return run_peer(a.row[0], a.single, a.seconds, a.device)
    if a.rehearse:
        a.device, a.seconds, a.row = "cpu", 0.1, [rehearsed(row) for row in a.row]
    os.makedirs(a.out, exist_ok=True)
    a.run, a.card, path = f"{time.time():.0f}", card_name(a.device), os.path.join(a.out, "rows.jsonl")
    for row in a.row:
        name, given = ":".join(row.split(":")[:4]), row.split(":")[4:]
        peers = (["skipzoo"] if a.skipzoo else []) + (given[0].split(",") if given else list(PEERS))
        if is_whole(lines_of(path), name, peers):
            print(f"{name}: there already", flush=True)
            continue
        for peer in peers:
            if time.time() >= a.until:
                print(f"{name} {peer}: no time left", flush=True)
                continue
            line = measured(row, peer, a)
            print(json.dumps({k: v for k, v in line.items() if k != "kernels"}), flush=True)
            with open(path, "a") as f:
                f.write(json.dumps(line) + "\n")
        write_table(a.out)


if __name__ == "__main__":
    main()
