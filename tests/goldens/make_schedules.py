"""Writes schedules.json: learning rates per step by torch.optim.lr_scheduler (2.13).

    python make_schedules.py             # needs PyTorch

Each case: a schedule as a config has it, epochs, steps an epoch, and the rate of
each step; that of plateau is per epoch, with what its epochs were validated at. lr
is 0.1.
"""
import json
import pathlib

import torch
from torch.optim import lr_scheduler as torch_schedules

LR = 0.1


def rates(make, steps):
    parameter = torch.nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([parameter], LR)
    schedule = make(optimizer)
    result = []
    for _ in range(steps):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return result


def per_step(text, epochs, steps, make):
    return {"schedule": text, "epochs": epochs, "steps": steps, "rates": rates(make, epochs * steps)}


def warmed(optimizer, steps, then):
    """Step i of a warm-up of n has (i + 1) / n of the rate."""
    warmup = torch_schedules.LinearLR(optimizer, 1 / steps, 1, steps - 1)
    return torch_schedules.SequentialLR(optimizer, [warmup, then], [steps])


def wsd(optimizer, stable, decay, shape):
    """Stable for so many steps, then that share of the rate by steps since: no
    schedule of PyTorch's, hence LambdaLR of Haegele et al. 2024 (arXiv:2405.18392)."""
    return torch_schedules.LambdaLR(
        optimizer, lambda step: 1 if step < stable else shape((step - stable) / decay))


def plateau(text, values, **options):
    """ReduceLROnPlateau.step() after each epoch."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], LR)
    schedule = torch_schedules.ReduceLROnPlateau(optimizer, **options)
    result = []
    for value in values:
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step(value)
    return {"schedule": text, "mode": options["mode"], "values": values, "rates": result}


LOSSES = [2.0, 1.5, 1.4999, 1.6, 1.49, 1.5, 1.5, 1.5, 1.3, float("nan"), 1.4, 1.31, 1.32, 1.2999, 1.4, 1.4, 1.4, 1.4]
TOP1 = [10.0, 30, 30.001, 29, 28, 30.002, 40, 40, 40, 40, 41, 41, 40, 39, 38, 37, 36, 35]

CASES = [
    per_step("{name: poly, power: 2}", 5, 4, lambda o: torch_schedules.PolynomialLR(o, 20, 2)),
    per_step("{name: poly}", 3, 7, lambda o: torch_schedules.PolynomialLR(o, 21, 1)),
    per_step("{name: poly, power: 0.9, warmup_epochs: 1}", 4, 4,
             lambda o: warmed(o, 4, torch_schedules.PolynomialLR(o, 12, 0.9))),
    per_step("{name: onecycle}", 5, 4, lambda o: torch_schedules.OneCycleLR(o, LR, 20, cycle_momentum=False)),
    per_step("{name: onecycle, pct_start: 0.4, div_factor: 10, final_div_factor: 100}", 4, 7,
             lambda o: torch_schedules.OneCycleLR(o, LR, 28, pct_start=0.4, div_factor=10, final_div_factor=100,
                                                  cycle_momentum=False)),
    per_step("{name: wsd, decay_epochs: 2}", 5, 4, lambda o: wsd(o, 12, 8, lambda x: 1 - x)),
    per_step("{name: wsd, warmup_epochs: 1, decay_epochs: 2, decay_type: 1-sqrt}", 5, 4,
             lambda o: warmed(o, 4, wsd(o, 8, 8, lambda x: 1 - x ** 0.5))),
    plateau("{name: plateau, patience: 1, factor: 0.5}", LOSSES, mode="min", patience=1, factor=0.5),
    plateau("{name: plateau, patience: 0, factor: 0.1, threshold: 0.01, min_lr: 0.002}", LOSSES, mode="min",
            patience=0, factor=0.1, threshold=0.01, min_lr=0.002),
    plateau("{name: plateau, patience: 2, factor: 0.2}", TOP1, mode="max", patience=2, factor=0.2),
]


def main():
    path = pathlib.Path(__file__).with_name("schedules.json")
    text = ",\n".join(json.dumps(case).replace("NaN", "null") for case in CASES)
    path.write_text("[\n" + text + "\n]\n")


main()
