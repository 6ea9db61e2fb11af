"""Writes loss_scaler.json: the scale of a loss step by step, by whether its gradients were finite.

    python make_loss_scaler.py             # compares with torch.amp.GradScaler where there is PyTorch

Each case: what a scaler begins and moves by, which steps were finite, and after each of
them the scale and the steps that count towards the next growth.
"""
import json
import math
import pathlib
import random
import struct


def float32(x):
    try:
        return struct.unpack("f", struct.pack("f", x))[0]
    except OverflowError:
        return math.inf


def sequence(init_scale, growth_factor, backoff_factor, growth_interval, finite):
    """Micikevicius et al. 2018 (arXiv:1710.03740), section 3.2, as PyTorch counts."""
    scale, tracker, result = float32(init_scale), 0, []
    for is_finite in finite:
        if not is_finite:
            scale, tracker = float32(scale * backoff_factor), 0
        else:
            tracker += 1
            if tracker == growth_interval:
                if math.isfinite(float32(scale * growth_factor)):
                    scale = float32(scale * growth_factor)
                tracker = 0
        result.append([scale, tracker])
    return result


def check(case):
    try:
        import torch
    except ImportError:
        return
    scaler = torch.amp.GradScaler(
        "cpu", init_scale=case["init_scale"], growth_factor=case["growth_factor"],
        backoff_factor=case["backoff_factor"], growth_interval=case["growth_interval"])
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], 0.0)
    for is_finite, (scale, tracker) in zip(case["finite"], case["states"]):
        optimizer.zero_grad()
        scaler.scale(weight.sum() * 0).backward()
        if not is_finite:
            weight.grad.fill_(math.inf)
        scaler.step(optimizer)
        scaler.update()
        state = scaler.state_dict()
        assert (state["scale"], state["_growth_tracker"]) == (scale, tracker), (state, scale, tracker)


def main():
    draw = random.Random(1)
    cases = []
    for options, finite in [
            ((65536, 2, 0.5, 2000), [True] * 3 + [False, False] + [True] * 5),
            ((1024, 2, 0.5, 3), [draw.random() < 0.8 for _ in range(60)]),
            ((100, 1.5, 0.3, 2), [draw.random() < 0.7 for _ in range(60)]),
            ((2.0 ** 126, 4, 0.25, 1), [True] * 4 + [False] * 3),
            ((2.0 ** -148, 2, 0.5, 1), [True, False, False, True])]:
        case = dict(zip(("init_scale", "growth_factor", "backoff_factor", "growth_interval"), options))
        case["finite"] = finite
        case["states"] = sequence(*options, finite)
        check(case)
        cases.append(case)
    path = pathlib.Path(__file__).with_name("loss_scaler.json")
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


main()
