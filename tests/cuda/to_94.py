"""Seconds until ResNet-18 has 94 % of CIFAR-10's test pictures right: skipzoo, and the same recipe under torch.compile.

    python to_94.py --cifar cifar-10-batches-bin --skipzoo BINARY --out FOLDER
    python to_94.py --photos FOLDER --skipzoo BINARY --out FOLDER

From the start of the process, reading, compiling and testing after each epoch included. The recipe: batches of 512, 16
epochs, SGD with Nesterov's momentum, one cycle up to 0.4, label smoothing of 0.1, crops of a padding of 4, mirrored, bf16,
channels-last. The other side has its pictures on the GPU, and crops and mirrors there. FOLDER/rows.jsonl gets a line each.

--photos: the pictures as JPEG or PNG, train/CLASS/… and test/CLASS/…, as where the binary files are too large to be taken
along; they are written as such, to OUT/cifar-10-batches-bin, before either side begins (needs Pillow).
"""
import argparse
import csv
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "goldens"), os.path.join(HERE, "..", "peers")]
from bench_gpu import card_name, lines_of, write_table  # noqa: E402

EPOCHS, BATCH, LR, WANTED = 16, 512, 0.4, 94.0
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def pictures(folder, names, device):
    """Return uint8 pictures (N, 3, 32, 32) and labels of files of the binary version."""
    import torch
    data = b""
    for name in names:
        with open(os.path.join(folder, name), "rb") as f:
            data += f.read()
    data = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(-1, 3073).to(device)
    return data[:, 1:].reshape(-1, 3, 32, 32), data[:, 0].long()


def binary_files_of(photos, folder):
    """Write photos of train/CLASS and test/CLASS as the binary version of CIFAR-10, in an order drawn with seed 0."""
    import random
    from multiprocessing import Pool
    os.makedirs(folder, exist_ok=True)
    classes = sorted(os.listdir(os.path.join(photos, "train")))
    for part, names in (("train", [f"data_batch_{i}.bin" for i in range(1, 6)]), ("test", ["test_batch.bin"])):
        files = [(os.path.join(photos, part, c, name), label) for label, c in enumerate(classes)
                 for name in sorted(os.listdir(os.path.join(photos, part, c)))]
        random.Random(0).shuffle(files)
        with Pool() as pool:
            records = pool.map(record_of, files, chunksize=500)
        for i, name in enumerate(names):
            beside = os.path.join(folder, name + ".part")
            with open(beside, "wb") as f:
                f.writelines(records[i * len(records) // len(names):(i + 1) * len(records) // len(names)])
            os.replace(beside, os.path.join(folder, name))
    return folder


def record_of(photo):
    """A label and the red, green and blue of 32x32 pixels, 3,073 bytes."""
    from PIL import Image
    path, label = photo
    with Image.open(path) as image:
        if image.size != (32, 32):
            sys.exit(f"{path}: {image.size[0]}x{image.size[1]} pixels, not 32x32")
        return bytes([label]) + b"".join(plane.tobytes() for plane in image.convert("RGB").split())


def made_up(device, count):
    import torch
    return torch.randint(256, (count, 3, 32, 32), dtype=torch.uint8, device=device), torch.randint(10, (count,), device=device)


def normalised(x):
    import torch
    mean, std = (torch.tensor(v, device=x.device).view(1, 3, 1, 1) * 255 for v in (MEAN, STD))
    return ((x.float() - mean) / std).to(memory_format=torch.channels_last)


def augmented(x):
    """Crop each picture of (N, 3, 32, 32) by itself out of a padding of 4, and mirror half of them."""
    import torch
    n, d = len(x), x.device
    rows = torch.randint(9, (n, 1), device=d) + torch.arange(32, device=d)
    columns = torch.randint(9, (n, 1), device=d) + torch.arange(32, device=d)
    columns = torch.where(torch.rand(n, 1, device=d) < 0.5, columns.flip(1), columns)
    padded = torch.nn.functional.pad(normalised(x), (4, 4, 4, 4))
    images = torch.arange(n, device=d)
    return padded.permute(0, 2, 3, 1)[images[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def train_peer(a, started):
    import torch
    from reference_models import build
    device, epochs, batch = ("cpu", 1, 8) if a.rehearse else ("cuda", EPOCHS, BATCH)
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(1)
    if a.rehearse:
        (x, y), (tx, ty) = made_up(device, 16), made_up(device, 8)
    else:
        x, y = pictures(a.cifar, [f"data_batch_{i}.bin" for i in range(1, 6)], device)
        tx, ty = pictures(a.cifar, ["test_batch.bin"], device)
    net = build("resnet18-cifar").to(device, memory_format=torch.channels_last)
    forward = net if a.rehearse else torch.compile(net)
    sgd = torch.optim.SGD(net.parameters(), LR, momentum=0.9, weight_decay=5e-4, nesterov=True, fused=True)
    steps = len(x) // batch
    cycle = torch.optim.lr_scheduler.OneCycleLR(sgd, LR, total_steps=epochs * steps, pct_start=0.25, cycle_momentum=False)
    for epoch in range(epochs):
        net.train()
        order = torch.randperm(len(x), device=device)
        for i in range(steps):
            chosen = order[i * batch:(i + 1) * batch]
            with torch.autocast(device, torch.bfloat16):
                logits = forward(augmented(x[chosen]))
            loss = torch.nn.functional.cross_entropy(logits.float(), y[chosen], label_smoothing=0.1)
            sgd.zero_grad(set_to_none=True)
            loss.backward()
            sgd.step()
            cycle.step()
        net.eval()
        with torch.no_grad(), torch.autocast(device, torch.bfloat16):
            right = sum((net(normalised(tx[i:i + 1000])).argmax(1) == ty[i:i + 1000]).sum().item()
                        for i in range(0, len(tx), 1000))
        accuracy = 100 * right / len(tx)
        print(f"epoch {epoch + 1}: {accuracy:.2f} %, {time.time() - started:.1f} s", file=sys.stderr, flush=True)
        if accuracy >= (0 if a.rehearse else WANTED):
            break
    print(json.dumps({"seconds": round(time.time() - started, 1), "top1": accuracy, "epochs": epoch + 1}))


def rows_of(path):
    """Return the epochs of a summary.csv so far; its last line may be half written."""
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [row for row in csv.DictReader(f) if row.get("val_top5")]


def train_skipzoo(a, started):
    run = os.path.join(a.out, f"run_{started:.0f}")
    config, wanted, words = "cifar10/resnet18", WANTED, [
        f"data.root={os.path.abspath(a.cifar or '.')}", f"data.batch_size={BATCH}", f"train.epochs={EPOCHS}", "train.amp=bf16",
        f"train.optimizer={{name: sgd, lr: {LR}, momentum: 0.9, nesterov: true, weight_decay: 5.0e-4}}",
        "train.schedule={name: onecycle, pct_start: 0.25}", "train.label_smoothing=0.1"]
    if a.rehearse:
        config, wanted, words = "digits/resnet20", 0, ["train.epochs=1"]
    command = [a.skipzoo, "train", "-c", os.path.join(a.configs, config + ".yaml"), "-o", run, "--device",
               "cpu" if a.rehearse else "cuda", *(w for key in words + ["train.channels_last=true"] for w in ("--set", key))]
    with open(os.path.join(a.out, "to_94.txt"), "w") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log)
        while True:
            ended = child.poll() is not None
            epochs = rows_of(os.path.join(run, "summary.csv"))
            there = [row for row in epochs if float(row["val_top1"]) >= wanted]
            if there or ended or time.time() > a.until:
                break
            time.sleep(0.05)
        seconds = time.time() - started
        if not ended:
            child.terminate()
            child.wait()
    found = {"seconds": round(seconds, 1), "epochs": len(epochs), "top1": float(epochs[-1]["val_top1"]) if epochs else None}
    return found if there else {**found, "failed": f"not there; see {log.name}"}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pictures_from = p.add_mutually_exclusive_group()
    pictures_from.add_argument("--cifar", help="the folder cifar-10-batches-bin")
    pictures_from.add_argument("--photos", help="the same as class folders of photos")
    p.add_argument("--skipzoo", required=True)
    p.add_argument("--out", default=".")
    p.add_argument("--configs", default=os.path.join(HERE, "..", "..", "configs"))
    p.add_argument("--until", type=float, default=float("inf"))
    p.add_argument("--rehearse", action="store_true")
    p.add_argument("--single", action="store_true", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.single:
        return train_peer(a, time.time())
    if a.photos:
        a.cifar = binary_files_of(a.photos, os.path.join(a.out, "cifar-10-batches-bin"))
    path, run, card = os.path.join(a.out, "rows.jsonl"), f"{time.time():.0f}", card_name("cpu" if a.rehearse else "cuda")
    row = "resnet18-cifar:to_94"
    for peer in ("skipzoo", "compile"):
        if any(line["row"] == row and line["peer"] == peer and "failed" not in line for line in lines_of(path)):
            continue
        started = time.time()
        if peer == "skipzoo":
            found = train_skipzoo(a, started)
        else:
            command = [sys.executable, os.path.abspath(__file__), "--single", "--skipzoo", a.skipzoo,
                       *(["--cifar", a.cifar] if a.cifar else []), *(["--rehearse"] if a.rehearse else [])]
            try:
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=max(1, a.until - time.time()))
                found = json.loads(done.stdout.strip().splitlines()[-1])
                found["seconds"] = round(time.time() - started, 1)
            except (subprocess.TimeoutExpired, IndexError, ValueError) as error:
                found = {"failed": f"not done: {type(error).__name__}"}
        line = {"row": row, "peer": peer, "run": run, "card": card, **found}
        print(json.dumps(line), flush=True)
        with open(path, "a") as f:
            f.write(json.dumps(line) + "\n")
    write_table(a.out)


if __name__ == "__main__":
    main()
