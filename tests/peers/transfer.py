"""What pretraining is worth: trained on five classes of CIFAR-10, fine-tuned on the other five with 50 photos each, beside training
from scratch on those 50.

    python transfer.py --skipzoo ../../build/skipzoo --photos FOLDER --out transfer [--pretrain-minutes 8] [--minutes 1] [--seeds 3]

FOLDER holds train/<class>/*.jpg and test/<class>/*.jpg of CIFAR-10 as JPEG files.  Of the classes in the order of their names every
second one, from the first on, is pretrained on (all 5,000 photos each); the others are the task.  Every config is the one that
`skipzoo init` chooses for the minutes, and the 1,000 test photos of each class of the task are looked at once, after a run.
`same network` is the run from scratch with the network of the fine-tuning instead of its own.
"""
import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys

A_CLASS = 50


def link(files, folder):
    os.makedirs(folder)
    for file in files:
        os.symlink(os.path.abspath(file), os.path.join(folder, os.path.basename(file)))


def prepare(a):
    """OUT/photos: old/<class>, new/<class> and test/<class>, of links."""
    root = os.path.join(a.out, "photos")
    if os.path.exists(root):
        return root
    beside = root + ".part"
    shutil.rmtree(beside, ignore_errors=True)
    classes = sorted(os.listdir(os.path.join(a.photos, "train")))
    if len(classes) != 10:
        sys.exit(f"{a.photos}/train has {len(classes)} classes, wanted 10")
    for i, label in enumerate(classes):
        train, test = ([os.path.join(a.photos, split, label, f) for f in sorted(os.listdir(os.path.join(a.photos, split, label)))]
                       for split in ("train", "test"))
        if i % 2 == 0:
            link(train, os.path.join(beside, "old", label))
        else:
            link(random.Random(i).sample(train, A_CLASS), os.path.join(beside, "new", label))
            link(test, os.path.join(beside, "test", label))
    os.rename(beside, root)
    return root


def skipzoo(a, *arguments):
    done = subprocess.run([a.skipzoo, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"skipzoo {' '.join(map(str, arguments))}: {done.stderr[-800:]}")
    return done.stdout


def pretrain(a, photos):
    run = os.path.join(a.out, "pretrained")
    config = os.path.join(a.out, "pretrained.yaml")
    if not os.path.exists(os.path.join(run, "report.html")):
        shutil.rmtree(run, ignore_errors=True)
        if not os.path.exists(config):
            skipzoo(a, "init", os.path.join(photos, "old"), "--minutes", a.pretrain_minutes, "-o", config)
        skipzoo(a, "train", "-c", config, "-o", run)
    held_out = json.loads(skipzoo(a, "evaluate", run, "--json"))
    print(f"pretrained: {held_out['top1']:.2f} % of {held_out['images']} held-out photos of its own classes", flush=True)
    return run


def configs(a, photos, pretrained):
    """What to train by: name, config, changes."""
    new = os.path.join(photos, "new")
    tuned, scratch = (os.path.join(a.out, name + ".yaml") for name in ("tuned", "scratch"))
    if not os.path.exists(tuned):
        skipzoo(a, "init", new, "--weights", pretrained, "--minutes", a.minutes, "-o", tuned)
    if not os.path.exists(scratch):
        skipzoo(a, "init", new, "--minutes", a.minutes, "-o", scratch)
    model = [line for line in skipzoo(a, "train", "-c", tuned, "--print-config").split("data:")[0].splitlines() if ": " in line]
    same = [f"model.{line.strip().replace(': ', '=', 1)}" for line in model]
    return {"fine-tuned": (tuned, []), "from scratch": (scratch, []), "from scratch, same network": (scratch, same)}


def measure(a, photos, name, config, changes, seed):
    run = os.path.join(a.out, "run")
    shutil.rmtree(run, ignore_errors=True)
    sets = [x for change in [*changes, f"train.seed={seed}"] for x in ("--set", change)]
    skipzoo(a, "train", "-c", config, "-o", run, *sets)
    found = json.loads(skipzoo(a, "evaluate", run, "--split", "test", "--json", "--set", f"data.root={os.path.join(photos, 'test')}"))
    row = {"run": name, "seed": seed, "top1": found["top1"], "macro_f1": found["macro_f1"], "images": found["images"]}
    print(json.dumps(row), flush=True)
    return row


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--skipzoo", required=True, help="our binary")
    p.add_argument("--photos", required=True, help="folder of train/<class> and test/<class>")
    p.add_argument("--out", required=True, help="folder of the runs")
    p.add_argument("--pretrain-minutes", type=float, default=8)
    p.add_argument("--minutes", type=float, default=1, help="of each other run")
    p.add_argument("--seeds", type=int, default=3)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    photos = prepare(a)
    pretrained = pretrain(a, photos)
    for name, (config, changes) in configs(a, photos, pretrained).items():
        top1 = [measure(a, photos, name, config, changes, seed)["top1"] for seed in range(1, a.seeds + 1)]
        deviation = f" ± {statistics.stdev(top1):.2f}" if len(top1) > 1 else ""
        print(f"{name}: {statistics.mean(top1):.2f}{deviation} %", flush=True)


if __name__ == "__main__":
    main()
