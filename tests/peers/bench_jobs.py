"""Whole jobs on a folder of photos, loading included, beside what one would write in Python: images a second.

    python bench_jobs.py --skipzoo ../../build/skipzoo --photos FOLDER --out jobs [--threads 2] [--rounds 3] [--job predict]...

FOLDER holds <class>/*.jpg.  predict: the classes of all of them, by ResNet-18; beside it OpenVINO and ONNX Runtime, fed by
torchvision's transforms in two workers.  tune: an epoch of a ResNet-18 whose layers stand still but for the head, or for the
last stage too; train: an epoch of ResNet-20 at 32x32, random crops and mirror images; both beside PyTorch with torchvision.

Of ours the whole command is timed for predict, its start included, and an epoch (the second) for the others; of Python the loop
alone, after its imports.  A process of its own for each, interleaved; medians.  Needs torch, torchvision, onnxruntime, openvino.
"""
import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGS = os.path.join(HERE, "..", "..", "configs")
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
LAYERS = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")
FROZEN = {"tune the head": LAYERS, "tune layer4 and the head": LAYERS[:-1]}
JOBS = {"predict": ("openvino", "onnxruntime"), **{job: ("pytorch",) for job in FROZEN}, "train resnet20": ("pytorch",)}


def peer_predicts(a):
    import torch
    import torchvision
    from torchvision import transforms as T
    torch.set_num_threads(a.threads)
    data = torchvision.datasets.ImageFolder(
        a.photos, T.Compose([T.Resize(256), T.CenterCrop(224), T.ToTensor(), T.Normalize(MEAN, STD)]))
    onnx = os.path.join(a.out, "net.onnx")
    if a.peer == "openvino":
        import openvino
        net = openvino.Core().compile_model(onnx, "CPU", {"INFERENCE_NUM_THREADS": a.threads,
                                                          "INFERENCE_PRECISION_HINT": "f32"})

        def run(x):
            return net(x.numpy())[0]
    else:
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = a.threads
        session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])

        def run(x):
            return session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
    start = time.perf_counter()
    for x, _ in torch.utils.data.DataLoader(data, batch_size=32, num_workers=2):
        run(x)
    return len(data) / (time.perf_counter() - start)


def peer_trains(a):
    import torch
    import torchvision
    from torchvision.transforms import v2
    torch.set_num_threads(a.threads)
    end = [v2.RandomHorizontalFlip(), v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    if a.job == "train resnet20":
        sys.path.insert(0, os.path.join(HERE, "..", "goldens"))
        from reference_models import build
        begin = [v2.Resize((32, 32)), v2.RandomCrop(32, padding=4)]
        net, batch = build("resnet20-a"), 128
    else:
        begin, batch = [v2.RandomResizedCrop(224)], 32
        net = torchvision.models.resnet18(num_classes=len(os.listdir(a.photos)))
    data = torchvision.datasets.ImageFolder(a.photos, v2.Compose(begin + end))
    loader = torch.utils.data.DataLoader(data, batch_size=batch, shuffle=True, num_workers=1, persistent_workers=True)
    net = net.to(memory_format=torch.channels_last).train()
    for name, child in net.named_children():
        if name in FROZEN.get(a.job, ()):
            child.eval().requires_grad_(False)
    sgd = torch.optim.SGD([q for q in net.parameters() if q.requires_grad], lr=0.01, momentum=0.9, fused=True)
    for _ in range(2):  # the first warms up
        start = time.perf_counter()
        for x, y in loader:
            loss = torch.nn.functional.cross_entropy(net(x.contiguous(memory_format=torch.channels_last)), y)
            sgd.zero_grad()
            loss.backward()
            sgd.step()
    return len(data) / (time.perf_counter() - start)


def settings(pairs):
    return [word for key, value in pairs.items() for word in ("--set", f"{key}={value}")]


def common(a):
    return {"data.dataset": "image_folder", "data.root": os.path.dirname(a.photos),
            "data.train_split": os.path.basename(a.photos), "data.val_split": os.path.basename(a.photos),
            "train.threads": a.threads, "train.epochs": 2, "data.holdout": 0.01}


def prepare(a):
    """OUT/net.skz and OUT/net.onnx: a ResNet-18 for the classes of the photos, of random weights."""
    if os.path.exists(os.path.join(a.out, "net.onnx")):
        return
    folder = os.path.join(a.out, "seed")
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([a.skipzoo, "train", "-c", os.path.join(CONFIGS, "imagenet", "resnet18.yaml"), "-o", folder,
                    *settings({**common(a), "train.epochs": 1, "data.holdout": 0.9, "data.batch_size": 16,
                               "model.num_classes": len(os.listdir(a.photos))})], check=True, capture_output=True)
    shutil.copy(os.path.join(folder, "last.skz"), os.path.join(a.out, "net.skz"))
    subprocess.run([a.skipzoo, "export", os.path.join(a.out, "net.skz"), "--format", "onnx", "-o",
                    os.path.join(a.out, "net.onnx")], check=True, capture_output=True)


def ours(a, job):
    images = sum(len(files) for _, _, files in os.walk(a.photos))
    net = os.path.join(a.out, "net.skz")
    if job == "predict":
        start = time.perf_counter()
        subprocess.run([a.skipzoo, "predict", net, a.photos, "--set", f"train.threads={a.threads}", "--topk", "1",
                        "--format", "csv", "--output", os.path.join(a.out, "predicted.csv")], check=True, capture_output=True)
        return images / (time.perf_counter() - start)
    folder = os.path.join(a.out, "run")
    shutil.rmtree(folder, ignore_errors=True)
    if job == "train resnet20":
        command = ["train", "-c", os.path.join(CONFIGS, "cifar10", "resnet20.yaml"),
                   *settings({**common(a), "model.num_classes": len(os.listdir(a.photos)), "data.workers": 1})]
    else:
        command = ["fine-tune", "-c", os.path.join(CONFIGS, "imagenet", "resnet18.yaml"), "--weights", net,
                   *[word for name in FROZEN[job] for word in ("--freeze", name)],
                   *settings({**common(a), "model.num_classes": len(os.listdir(a.photos)), "data.batch_size": 32,
                              "data.workers": 1, "train.optimizer.lr": 0.01})]
    done = subprocess.run([a.skipzoo, *command, "-o", folder], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-1000:])
    with open(os.path.join(folder, "summary.csv")) as f:
        return float(list(csv.DictReader(f))[-1]["images_per_s"])


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--skipzoo", help="our binary")
    p.add_argument("--photos", required=True, help="folder of <class>/*.jpg")
    p.add_argument("--out", required=True, help="folder for the network and the runs")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--job", action="append", choices=JOBS, help="all where none is named")
    p.add_argument("--peer", help=argparse.SUPPRESS)
    a = p.parse_args()
    a.photos = os.path.abspath(a.photos)
    if a.peer:
        a.job = a.job[0]
        print(json.dumps((peer_predicts if a.job == "predict" else peer_trains)(a)))
        return
    os.makedirs(a.out, exist_ok=True)
    prepare(a)
    print("| job | skipzoo | others | ratio to the best |\n|---|---|---|---|", flush=True)
    for job in a.job or JOBS:
        rates = {"skipzoo": []}
        for _ in range(a.rounds):
            rates["skipzoo"].append(ours(a, job))
            for peer in JOBS[job]:
                done = subprocess.run([sys.executable, __file__, "--photos", a.photos, "--out", a.out, "--threads",
                                       str(a.threads), "--job", job, "--peer", peer], capture_output=True, text=True)
                if done.returncode:
                    sys.exit(f"{job}, {peer}: {done.stderr[-1000:]}")
                rates.setdefault(peer, []).append(json.loads(done.stdout.splitlines()[-1]))
        medians = {peer: statistics.median(r) for peer, r in rates.items()}
        own = medians.pop("skipzoo")
        print(f"| {job} | {own:.1f} | {', '.join(f'{q} {r:.1f}' for q, r in medians.items())} | "
              f"**{own / max(medians.values()):.2f}** |", flush=True)


if __name__ == "__main__":
    main()
