"""Measure what users would otherwise run, on this machine: PyTorch eager, torch.compile, ONNX Runtime, OpenVINO.

    python bench_peers.py --model resnet50 --mode train --dtype fp32 --batch 16 [--rounds 3] [--peer eager-nhwc]...
                          [--skipzoo BINARY --config FILE]

With --skipzoo, `BINARY benchmark -c FILE --mode … --dtype … --batch … --threads … --seconds … --json` runs as one more
peer in the same rounds; it must print one JSON line of the same fields.  The last lines give each peer's median and
skipzoo's ratio to the best of the others.

Each peer runs in its own process, the peers interleaved over the rounds (torch.compile, which takes minutes to start, in the
first round only, for twice the time); one JSON line a measurement:
{"peer", "model", "mode", "dtype", "batch", "images_per_s", "ms_median", "ms_min", "peak_rss_mb", "setup_s"}.
`images_per_s` comes from the median step.  Peers are given their best settings: channels_last, fused SGD, both
threads, a malloc that keeps big blocks (GLIBC_TUNABLES), weight packing under freezing where the peer has it.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

# The networks in plain PyTorch, which the goldens were made with.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "goldens"))

TUNED = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=4294967295:"
                           "glibc.malloc.top_pad=268435456"}
PEERS = {"train": ("eager-nchw", "eager-nhwc", "compile"),
         "infer": ("eager-nhwc", "compile", "torchscript", "onnxruntime", "openvino")}


def timed(step, seconds, least):
    """Warm `step` up, then time it until `seconds` and `least` runs have passed; seconds of each run.

    As `skipzoo benchmark` does: up to three steps to warm up, of those that take long fewer.
    """
    started = time.perf_counter()
    for _ in range(3):
        step()
        if time.perf_counter() - started >= seconds:
            break
    out, end = [], time.perf_counter() + seconds
    while len(out) < least or time.perf_counter() < end:
        t = time.perf_counter()
        step()
        out.append(time.perf_counter() - t)
    return out


def sample_before_shortcuts(net):
    """Let 1x1 shortcuts of few channels read every second pixel of a copy: the same numbers.

    With AVX2 alone, oneDNN (PyTorch 2.13) does not end, or writes behind its memory, where it is to leave out the pixels.
    """
    import torch

    class Sampled(torch.nn.Conv2d):
        def forward(self, x):
            rows, columns = self.stride
            x = x[:, :, ::rows, ::columns].contiguous(memory_format=torch.channels_last)
            return torch.nn.functional.conv2d(x, self.weight, self.bias)

    for m in net.modules():
        if (type(m) is torch.nn.Conv2d and m.in_channels < 8 and m.kernel_size == (1, 1) and m.stride != (1, 1)
                and m.padding in ((0, 0), "valid") and m.groups == 1):
            m.__class__ = Sampled


def measure_peer(a):
    """One measurement of a.peer, in this process: the fields of its line of JSON."""
    import torch
    from reference_models import build, image_shape
    torch.set_num_threads(a.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    net, x = build(a.model), torch.randn(a.batch, *image_shape(a.model))
    classes = 1000 if x.shape[-1] == 224 else 10
    y = torch.randint(classes, (a.batch,))
    cast = torch.autocast("cpu", torch.bfloat16, enabled=a.dtype == "bf16")
    started = time.perf_counter()
    if a.peer != "eager-nchw":
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    if a.mode == "train":
        sample_before_shortcuts(net)
        net.train()
        sgd = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, weight_decay=5e-4, nesterov=True, fused=True)
        forward = torch.compile(net) if a.peer == "compile" else net

        def step():
            with cast:
                loss = torch.nn.functional.cross_entropy(forward(x).float(), y)
            sgd.zero_grad(set_to_none=True)
            loss.backward()
            sgd.step()
    else:
        net.eval()
        if a.peer in ("onnxruntime", "openvino"):
            path = os.path.join(tempfile.gettempdir(), f"peer_{a.model}.onnx")
            if not os.path.exists(path):
                torch.onnx.export(net, (x,), path, dynamo=False, opset_version=17, input_names=["input"],
                                  dynamic_axes={"input": {0: "n"}})
            feed = x.contiguous().numpy()
        if a.peer == "onnxruntime":
            import onnxruntime
            o = onnxruntime.SessionOptions()
            o.intra_op_num_threads = a.threads
            session = onnxruntime.InferenceSession(path, o)
            step = lambda: session.run(None, {"input": feed})
        elif a.peer == "openvino":
            import openvino
            core = openvino.Core()
            graph = core.read_model(path)
            graph.reshape(list(feed.shape))  # a fixed size is what it is fastest with
            compiled = core.compile_model(graph, "CPU", {
                "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": a.threads, "NUM_STREAMS": 1,
                "INFERENCE_PRECISION_HINT": "bf16" if a.dtype == "bf16" else "f32"})
            request = compiled.create_infer_request()
            request.set_input_tensor(openvino.Tensor(feed))
            step = request.infer
        else:
            with torch.no_grad(), cast:
                if a.peer == "compile":
                    import torch._inductor.config as config
                    config.freezing, config.cpp.weight_prepack = True, True
                    forward = torch.compile(net)
                elif a.peer == "torchscript":
                    with torch.autocast("cpu", torch.bfloat16, enabled=a.dtype == "bf16", cache_enabled=False):
                        forward = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, x)))
                else:
                    forward = net

            def step():
                with torch.no_grad(), cast:
                    forward(x)
    step()
    setup = time.perf_counter() - started
    t = timed(step, a.seconds * (2 if a.peer == "compile" else 1), 3)
    m = statistics.median(t)
    return {"peer": a.peer, "model": a.model, "mode": a.mode, "dtype": a.dtype, "batch": a.batch,
            "images_per_s": round(a.batch / m, 2), "ms_median": round(m * 1e3, 4), "ms_min": round(min(t) * 1e3, 4),
            "setup_s": round(setup, 1), "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--model", required=True)
    p.add_argument("--mode", choices=("train", "infer"), required=True)
    p.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--seconds", type=float, default=5)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--peer", action="append", help="only these peers")
    p.add_argument("--skipzoo", help="path of our binary, measured beside the peers")
    p.add_argument("--config", help="the YAML file of the same network, for --skipzoo")
    p.add_argument("--single", action="store_true", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.single:
        a.peer = a.peer[0]
        print(json.dumps(measure_peer(a)), flush=True)
        return
    peers = a.peer or [q for q in PEERS[a.mode] if not (q == "onnxruntime" and a.dtype == "bf16")]
    common = ["--mode", a.mode, "--dtype", a.dtype, "--batch", str(a.batch), "--threads", str(a.threads),
              "--seconds", str(a.seconds)]
    commands = {q: [sys.executable, __file__, "--single", "--peer", q, "--model", a.model, *common] for q in peers}
    if a.skipzoo:
        commands["skipzoo"] = [a.skipzoo, "benchmark", "-c", a.config, *common, "--json"]
    rates = {peer: [] for peer in commands}
    for r in range(a.rounds):
        for peer, command in commands.items():
            if peer == "compile" and r:
                continue
            tuned = TUNED if peer != "skipzoo" else {}  # what a user types is what is measured
            done = subprocess.run(command, env={**os.environ, **tuned}, capture_output=True, text=True)
            try:
                line = {**json.loads(done.stdout.strip().splitlines()[-1]), "peer": peer}
                rates[peer].append(line["images_per_s"])
            except (IndexError, KeyError, ValueError):
                line = {"peer": peer, "model": a.model, "error": done.stderr.strip()[-300:]}
            print(json.dumps(line), flush=True)
    medians = {peer: statistics.median(r) for peer, r in rates.items() if r}
    print(json.dumps({"medians": medians}), flush=True)
    others = [r for peer, r in medians.items() if peer != "skipzoo"]
    if "skipzoo" in medians and others:
        print(json.dumps({"skipzoo_to_best_peer": round(medians["skipzoo"] / max(others), 3)}), flush=True)


if __name__ == "__main__":
    main()
