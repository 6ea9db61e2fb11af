"""What each part of a recipe is worth: ResNet-20 on 5,000 photos of CIFAR-10, every run for the same minutes of one thread.

    python recipe_ladder.py --skipzoo ../../build/skipzoo --photos FOLDER --out ladder [--minutes 4] [--only best]...

FOLDER holds train/<class>/*.jpg and test/<class>/*.jpg of CIFAR-10 as JPEG files.  The 5,000 are those of cifar10_5000.txt, 500 a
class; 500 others are each run's validation images, and all 10,000 of the test split are looked at once, at its end.

A part's runs have as many epochs as the minutes allow: the seconds of one are measured first, beside one of the plain recipe at the
same time (a slow machine is slow for both), and kept in OUT/seconds.json.  A run that was interrupted is begun anew; what is in
OUT/rows.jsonl is not run again.  OUT/table.md is written anew after each run.
"""
import argparse
import concurrent.futures
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = os.path.join(HERE, "..", "..", "configs", "cifar10", "resnet20.yaml")
CHOSEN = os.path.join(HERE, "cifar10_5000.txt")
VALIDATED_ON = 50  # images a class

# What each row changes of the config, as --set takes it.  {half}, {most}: epochs at 1/2 and 3/4 of the run.
PLAIN = ["train.schedule.name=multistep", "train.schedule.milestones=[{half}, {most}]"]
ONECYCLE = ["train.schedule.name=onecycle"]
MUON = ["train.optimizer={name: muon, lr: 0.004, momentum: 0.9, nesterov: true, weight_decay: 0.05}"]
PARTS = {
    "plain": PLAIN,
    "cosine": ["train.schedule.name=cosine"],
    "one cycle": ONECYCLE,
    "one cycle to 0.3, Nesterov, decay 5e-4": ONECYCLE + [
        "train.optimizer={name: sgd, lr: 0.3, momentum: 0.9, nesterov: true, weight_decay: 5.0e-4}"],
    "label smoothing 0.1": PLAIN + ["train.label_smoothing=0.1"],
    "moving average 0.99": PLAIN + ["train.ema={decay: 0.99, warmup: true}"],
    "TrivialAugmentWide": PLAIN + ["data.augment.auto_augment=trivial_wide"],
    "RandAugment, 1 of magnitude 5": PLAIN + [
        "data.augment.auto_augment=randaugment", "data.augment.num_ops=1", "data.augment.magnitude=5"],
    "random erasing 0.25": PLAIN + ["data.augment.random_erasing.p=0.25"],
    "mixup 0.2": PLAIN + ["data.augment.mixup=0.2"],
    "CutMix 1": PLAIN + ["data.augment.cutmix=1"],
    "batches of 64": PLAIN + ["data.batch_size=64"],
    "Muon": PLAIN + MUON,
    "best": ONECYCLE + MUON + ["data.batch_size=64"],
}

def prepare(a):
    """OUT/photos: links to the images of each split."""
    chosen = set(open(CHOSEN).read().split())
    root = os.path.join(a.out, "photos")
    if os.path.exists(root):
        return root
    beside = root + ".part"
    shutil.rmtree(beside, ignore_errors=True)
    for source in ("train", "test"):
        for label in sorted(os.listdir(os.path.join(a.photos, source))):
            validation = 0
            for name in sorted(os.listdir(os.path.join(a.photos, source, label))):
                split = source
                if source == "train" and f"{label}/{name}" not in chosen:
                    if validation == VALIDATED_ON:
                        continue
                    validation += 1
                    split = "val"
                folder = os.path.join(beside, split, label)
                os.makedirs(folder, exist_ok=True)
                os.symlink(os.path.abspath(os.path.join(a.photos, source, label, name)), os.path.join(folder, name))
    for split, number in (("train", 5000), ("val", 10 * VALIDATED_ON), ("test", 10000)):
        found = sum(len(files) for _, _, files in os.walk(os.path.join(beside, split)))
        if found != number:
            sys.exit(f"{a.photos} has {found} images for {split}, wanted {number}")
    os.rename(beside, root)
    return root


def train(a, part, epochs, seed, folder):
    """One run; its rows of summary.csv."""
    shutil.rmtree(folder, ignore_errors=True)
    half, most = epochs // 2, max(epochs * 3 // 4, epochs // 2 + 1)
    settings = ["data.dataset=image_folder", f"data.root={os.path.abspath(os.path.join(a.out, 'photos'))}",
                "data.val_split=val", "data.workers=0", "train.threads=1", f"train.seed={seed}",
                f"train.epochs={epochs}", *(s.replace("{half}", str(half)).replace("{most}", str(most)) for s in PARTS[part])]
    command = [a.skipzoo, "train", "-c", CONFIG, "-o", folder]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{part}: {done.stderr[-500:]}")
    with open(os.path.join(folder, "summary.csv")) as f:
        return list(csv.DictReader(f))


def seconds_an_epoch(a, part, folder):
    """Of the second of two epochs: the first one finds its memory."""
    return float(train(a, part, 2, 1, os.path.join(a.out, folder))[-1]["seconds"])


def measure(a, parts):
    """Seconds an epoch by part: what it takes beside a plain run at the same time, and the median of all plain runs."""
    kept = os.path.join(a.out, "seconds.json")
    pairs = json.load(open(kept)) if os.path.exists(kept) else {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for part in parts:
            if part in pairs:
                continue
            own = pool.submit(seconds_an_epoch, a, part, "measured")
            plain = pool.submit(seconds_an_epoch, a, "plain", "measured_plain")
            pairs[part] = [own.result(), plain.result()]
            with open(kept, "w") as f:
                json.dump(pairs, f, indent=1)
            print(f"{part}: {pairs[part][0]:.2f} s an epoch, plain {pairs[part][1]:.2f} beside it", flush=True)
    plain = statistics.median(pair[1] for pair in pairs.values())
    return {part: plain if part == "plain" else plain * own / beside for part, (own, beside) in pairs.items()}


def run(a, part, epochs, seed):
    folder = os.path.join(a.out, f"{list(PARTS).index(part)}-{seed}")
    rows = train(a, part, epochs, seed, folder)
    done = subprocess.run([a.skipzoo, "evaluate", os.path.join(folder, "last.skz"), "--set", "data.val_split=test",
                           "--set", "train.threads=1", "--json"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{part}: {done.stderr[-500:]}")
    shutil.rmtree(folder)
    return {"part": part, "seed": seed, "epochs": epochs, "seconds": sum(float(r["seconds"]) for r in rows),
            "train_top1": float(rows[-1]["train_top1"]), "top1": json.loads(done.stdout)["top1"]}


def write_table(a, rows):
    by_part = {p: [r for r in rows if r["part"] == p] for p in PARTS}
    plain = statistics.mean(r["top1"] for r in by_part["plain"]) if by_part["plain"] else float("nan")
    lines = ["| recipe | epochs | top-1 of the 10,000 test images, mean and deviation | to plain |", "|---|---|---|---|"]
    for part, own in by_part.items():
        if not own:
            continue
        top1 = [r["top1"] for r in own]
        deviation = f" ± {statistics.stdev(top1):.2f}" if len(top1) > 1 else ""
        lines.append(f"| {part} | {own[0]['epochs']} | {statistics.mean(top1):.2f}{deviation} "
                     f"({', '.join(f'{t:.2f}' for t in top1)}) | {statistics.mean(top1) - plain:+.2f} |")
    beside = os.path.join(a.out, "table.md.part")
    with open(beside, "w") as f:
        f.write("\n".join(lines) + "\n")
    os.replace(beside, os.path.join(a.out, "table.md"))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--skipzoo", required=True, help="our binary")
    p.add_argument("--photos", required=True, help="folder of train/<class> and test/<class>")
    p.add_argument("--out", required=True, help="folder of rows.jsonl and table.md")
    p.add_argument("--minutes", type=float, default=4, help="that a run may take, validation aside")
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--jobs", type=int, default=2, help="runs at a time, each of one thread")
    p.add_argument("--only", action="append", choices=PARTS, help="this row, beside plain")
    a = p.parse_args()
    parts = [part for part in PARTS if part == "plain" or not a.only or part in a.only]
    os.makedirs(a.out, exist_ok=True)
    prepare(a)
    seconds = measure(a, parts)
    kept = os.path.join(a.out, "rows.jsonl")
    rows = [json.loads(line) for line in open(kept)] if os.path.exists(kept) else []
    done = {(r["part"], r["seed"]) for r in rows}
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        running = [pool.submit(run, a, part, max(2, round(a.minutes * 60 / seconds[part])), seed)
                   for seed in range(1, a.seeds + 1) for part in parts if (part, seed) not in done]
        for each in concurrent.futures.as_completed(running):
            row = each.result()
            rows.append(row)
            with open(kept, "a") as f:
                f.write(json.dumps(row) + "\n")
            write_table(a, rows)
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
