"""Measure every network of configs/ beside what users would otherwise run; the table is written worst first.

    python every_config.py --skipzoo ../../build/skipzoo --out sweep [--threads 2] [--dtype fp32]... [--only conv_net]...

A config's row is its training and its inference at the config's batch (ImageNet's: 8), and its inference of one image; in
fp32, and in bf16 where that is asked for.  A batch is halved until no process of its row takes more than 16 GiB.  A network
that stands in several configs is measured once.  Beside skipzoo: PyTorch eager (channels_last); for inference ONNX Runtime
(fp32) and OpenVINO; torch.compile for the rows of the README alone, for it takes minutes to start.

Each row goes to OUT/rows.jsonl when it is done, and one that is there is not measured again: what was interrupted goes on.
OUT/table.md is written anew after each row.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGS = os.path.join(HERE, "..", "..", "configs")
sys.path[:0] = [HERE, os.path.join(HERE, "..", "goldens")]
from bench_peers import TUNED  # noqa: E402

# The network of each config by its name in reference_models.py.
NETWORKS = {
    "cifar10/conv_net": "convnet-residual",
    "cifar10/densenet_40_12": "densenet-40-12",
    "cifar10/densenet_100_12": "densenet-100-12",
    "cifar10/densenet_100_24": "densenet-100-24",
    "cifar10/densenet_bc_100_12": "densenet-bc-100-12",
    **{f"cifar10/densenet_bc_40_{k}": f"densenet-bc-40-{k}" for k in (12, 36, 48, 60)},
    "cifar10/dpn_small": "dpn_small",
    "cifar10/densenet_bc_190_40": "densenet-bc-190-40",
    "cifar10/densenet_bc_250_24": "densenet-bc-250-24",
    "cifar10/preact_resnet110": "preact_resnet110-a",
    "cifar10/preact_resnet164": "preact_resnet164",
    "cifar10/preact_resnet1001": "preact_resnet1001",
    **{f"cifar10/wrn_{n}": f"wrn_{n}" for n in
       ("16_4", "16_8", "22_8", "28_10", "40_1", "40_2", "40_4", "40_10")},
    **{f"imagenet/resnetv2_{d}": f"resnetv2_{d}" for d in (18, 34, 50, 101, 152, 200)},
    "cifar10/resnet18": "resnet18-cifar",
    "cifar10/resnet34": "resnet34-cifar",
    "cifar10/resnet50": "resnet50-cifar",
    "imagenet/resnet50_v1": "resnet50-v1",
    **{f"imagenet/{n}": n for n in
       ("seresnet18", "seresnet34", "seresnet50", "seresnet101", "seresnet152", "seresnext50_32x4d", "seresnext101_32x4d",
        "ecaresnet50", "resnet50c", "resnet18d", "resnet34d", "resnet50d", "resnet101d", "resnet152d", "resnetblur50")},
    "cifar10/resnet20": "resnet20-a",
    "cifar10/resnet32": "resnet32-a",
    "cifar10/resnet44": "resnet44-a",
    "cifar10/resnet56": "resnet56-a",
    "cifar10/resnet110": "resnet110-a",
    "cifar10/resnet164": "resnet164-b",
    "cifar10/resnet1202": "resnet1202-a",
    "cifar10/resnext29_8x64d": "resnext29_8x64d",
    "cifar10/resnext29_16x64d": "resnext29_16x64d",
    **{f"digits/{n}": f"digits-{n}" for n in
       ("conv_net", "conv_net_plain", "conv_net_identity", "conv_net_highway", "conv_net_rezero", "conv_net_skipinit",
        "conv_net_layerscale", "conv_net_dense", "conv_net_fixup", "densenet", "plain20", "plain56", "resnet20", "resnet56")},
    **{f"imagenet/{n}": n for n in
       ("densenet121", "densenet161", "densenet169", "densenet201", "densenet264", "densenet264d", "densenetblur121d",
        "dpn68", "dpn68b", "dpn92", "resnet18", "resnet34", "resnet50",
        "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2",
        "wide_resnet101_2")},
}
# The same networks as others here: of another number of classes, begun from published weights, or by another recipe.
REPEATED = ("cifar100/", "fine_tune/", "study/", "cifar10/resnet18_modern", "imagenet/resnet18_a1", "imagenet/resnet50_a",
            "imagenet/resnet50_v2", "imagenet/densenet121_ra", "cifar10/densenet_40_12_dropout")
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


def run(command, tuned):
    """The command's last line as JSON, or why there is none: "memory" where it took more than it may."""
    end = time.monotonic() + MOST_SECONDS
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env={**os.environ, **tuned})
        while process.poll() is None:
            if resident_mib(process.pid) > MOST_MIB:
                process.kill()
                process.wait()
                return "memory"
            if time.monotonic() > end:
                process.kill()
                process.wait()
                return f"no end in {MOST_SECONDS} s"
            time.sleep(0.2)
        out.seek(0)
        err.seek(0)
        try:
            line = json.loads(out.read().strip().splitlines()[-1])
            line["images_per_s"]
            return line
        except (IndexError, KeyError, ValueError):
            text = err.read().strip()
            return "memory" if "memory" in text.lower() or process.returncode == -9 else text[-300:]


def measure(a, config, mode, dtype, batch):
    """One row; each peer in turn, a.rounds times."""
    path = os.path.join(CONFIGS, config + ".yaml")
    common = ["--mode", mode, "--dtype", dtype, "--batch", str(batch), "--threads", str(a.threads),
              "--seconds", str(a.seconds)]
    rates, peak, errors = {}, {}, {}
    peers = peers_of(config, mode, dtype)
    for number in range(a.rounds):
        for peer in peers:
            if peer in errors or peer == "compile" and number:
                continue
            command = ([a.skipzoo, "benchmark", "-c", path, *common, "--json"] if peer == "skipzoo" else
                       [sys.executable, os.path.join(HERE, "bench_peers.py"), "--single", "--peer", peer,
                        "--model", NETWORKS[config], *common])
            line = run(command, {} if peer == "skipzoo" else TUNED)
            if line == "memory":
                if batch == 1:
                    errors[peer] = "more than 16 GiB"
                    continue
                return measure(a, config, mode, dtype, batch // 2)
            if isinstance(line, str):
                errors[peer] = line
                continue
            rates.setdefault(peer, []).append(line["images_per_s"])
            peak[peer] = line["peak_rss_mb"]
    if errors.get("skipzoo"):
        sys.exit(f"{config}: skipzoo: {errors['skipzoo']}")
    medians = {peer: statistics.median(r) for peer, r in rates.items()}
    others = {peer: r for peer, r in medians.items() if peer != "skipzoo"}
    best = max(others, key=others.get)
    return {"config": config, "mode": mode, "dtype": dtype, "batch": batch, "skipzoo": medians["skipzoo"], "best": best,
            "ratio": round(medians["skipzoo"] / others[best], 3), "medians": medians, "peak_rss_mb": peak,
            "errors": errors}


def described(a, config):
    done = subprocess.run([a.skipzoo, "describe", "-c", os.path.join(CONFIGS, config + ".yaml"), "--json"],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def batch_of(config):
    if config.startswith("imagenet/"):
        return 8
    with open(os.path.join(CONFIGS, config + ".yaml")) as f:
        return next(int(line.split()[1]) for line in f if line.strip().startswith("batch_size:"))


def check(a, configs):
    """That each config has its network, and that the two are of one size."""
    from reference_models import build, image_shape
    found = {os.path.relpath(os.path.join(folder, name), CONFIGS)[:-5]
             for folder, _, names in os.walk(CONFIGS) for name in names if name.endswith(".yaml")}
    missing = sorted(c for c in found - NETWORKS.keys() if not c.startswith(REPEATED))
    if missing:
        sys.exit(f"NETWORKS has no network of {', '.join(missing)}")
    for config in configs:
        ours, theirs = described(a, config), build(NETWORKS[config])
        size = sum(p.numel() for p in theirs.parameters())
        if (ours["parameters"], tuple(ours["input_shape"])) != (size, image_shape(NETWORKS[config])):
            sys.exit(f"{config} has {ours['parameters']} parameters and images of {ours['input_shape']}, "
                     f"{NETWORKS[config]} has {size} and {image_shape(NETWORKS[config])}")


def processor():
    with open("/proc/cpuinfo") as f:
        return next(line.split(":")[1].strip() for line in f if line.startswith("model name"))


def write_table(a, rows):
    lines = [f"{processor()}, {a.threads} threads, medians of {a.rounds} rounds, images a second.", "",
             "| network | | type | batch | skipzoo | the best other | ratio | all others |", "|---|---|---|---|---|---|---|---|"]
    for r in sorted(rows, key=lambda r: r["ratio"]):
        others = ", ".join(f"{p} {v:g}" for p, v in r["medians"].items() if p != "skipzoo")
        failed = "".join(f"; {p} failed" for p in r["errors"])
        lines.append(f"| `{r['config']}` | {r['mode']} | {r['dtype']} | {r['batch']} | {r['skipzoo']:g} | "
                     f"{r['medians'][r['best']]:g}, {r['best']} | **{r['ratio']:.2f}** | {others}{failed} |")
    beside = os.path.join(a.out, "table.md.part")
    with open(beside, "w") as f:
        f.write("\n".join(lines) + "\n")
    os.replace(beside, os.path.join(a.out, "table.md"))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--skipzoo", required=True, help="our binary")
    p.add_argument("--out", required=True, help="folder of rows.jsonl and table.md")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--dtype", action="append", choices=("fp32", "bf16"), help="fp32 where none is named")
    p.add_argument("--mode", action="append", choices=("train", "infer"), help="both where none is named")
    p.add_argument("--only", action="append", help="only configs with this in their name")
    a = p.parse_args()
    configs = [c for c in NETWORKS if not a.only or any(o in c for o in a.only)]
    check(a, configs)
    os.makedirs(a.out, exist_ok=True)
    kept = os.path.join(a.out, "rows.jsonl")
    rows = [json.loads(line) for line in open(kept)] if os.path.exists(kept) else []
    done = {(r["config"], r["mode"], r["dtype"], r["asked"]) for r in rows}
    for config in configs:
        for dtype in a.dtype or ["fp32"]:
            for mode, batch in (("train", batch_of(config)), ("infer", batch_of(config)), ("infer", 1)):
                if (config, mode, dtype, batch) in done or a.mode and mode not in a.mode:
                    continue
                row = {**measure(a, config, mode, dtype, batch), "asked": batch}
                rows.append(row)
                with open(kept, "a") as f:
                    f.write(json.dumps(row) + "\n")
                write_table(a, rows)
                print(f"{config} {mode} {dtype} {row['batch']}: {row['skipzoo']:g}, {row['best']} "
                      f"{row['medians'][row['best']]:g}, {row['ratio']:.2f}", flush=True)


if __name__ == "__main__":
    main()
