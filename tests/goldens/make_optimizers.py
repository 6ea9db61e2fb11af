"""Writes optimizers.json: ten steps of each optimizer in plain NumPy, float64.

    python make_optimizers.py            # needs NumPy alone
    python make_optimizers.py --torch    # and holds what PyTorch has to PyTorch

The formulas are the papers' or, where they differ, those of torch.optim (RMSprop,
NAdam with decoupled_weight_decay, Muon) and timm (Lamb with max_grad_norm=None,
Lion). Weights, gradients and learning rates are exact in float64 by formula, which
tests/tools/optimizer_goldens_test.cpp repeats.
"""
import json
import math
import pathlib
import sys

import numpy as np

STEPS = 10
SHAPES = {"wide.weight": (2, 2, 2, 2), "tall.weight": (5, 2), "tall.bias": (5,),
          "fc.weight": (2, 3), "fc.bias": (2,)}


def number(step, parameter, element):
    """In [-1, 1): weights are those of step 0, gradients of steps 1 to 10."""
    return (step * 7919 + parameter * 3571 + element * 1009) % 2048 / 1024 - 1


def tensors(step):
    return {name: np.array([number(step, p, e) for e in range(math.prod(shape))]).reshape(shape)
            for p, (name, shape) in enumerate(SHAPES.items())}


def rate(lr, step):
    return lr / (1 + step / 16)


def correction(beta, t):
    return 1 - beta ** t


class Sgd:
    def __init__(self, o):
        self.o, self.m = o, {}

    def step(self, n, w, g, lr, wd, t):
        o = self.o
        g = g + wd * w
        m = self.m[n] = o["momentum"] * self.m.get(n, 0) + g
        return w - lr * (g + o["momentum"] * m if o["nesterov"] else m)


class AdamW:
    def __init__(self, o):
        self.o, self.m, self.v = o, {}, {}

    def moments(self, n, g):
        b1, b2 = self.o["betas"]
        m = self.m[n] = b1 * self.m.get(n, 0) + (1 - b1) * g
        v = self.v[n] = b2 * self.v.get(n, 0) + (1 - b2) * g * g
        return m, v

    def deviation(self, v, t):
        return np.sqrt(v / correction(self.o["betas"][1], t)) + self.o["eps"]

    def step(self, n, w, g, lr, wd, t):
        m, v = self.moments(n, g)
        m = m / correction(self.o["betas"][0], t)
        return w - lr * wd * w - lr * m / self.deviation(v, t)


class NadamW(AdamW):
    def __init__(self, o):
        super().__init__(o)
        self.product = {}

    def step(self, n, w, g, lr, wd, t):
        m, v = self.moments(n, g)
        mu, following = (self.o["betas"][0] * (1 - 0.5 * 0.96 ** (s * 0.004)) for s in (t, t + 1))
        product = self.product[n] = self.product.get(n, 1) * mu
        nesterov = (1 - mu) / (1 - product) * g + following / (1 - product * following) * m
        return w - lr * wd * w - lr * nesterov / self.deviation(v, t)


class Lamb(AdamW):
    def step(self, n, w, g, lr, wd, t):
        m, v = self.moments(n, g)
        r = m / correction(self.o["betas"][0], t) / self.deviation(v, t)
        if wd != 0:
            r = r + wd * w
            r = r * (np.linalg.norm(w.ravel()) / np.linalg.norm(r.ravel()))
        return w - lr * r


class Lion:
    def __init__(self, o):
        self.o, self.m = o, {}

    def step(self, n, w, g, lr, wd, t):
        b1, b2 = self.o["betas"]
        m = self.m.get(n, np.zeros_like(w))
        self.m[n] = b2 * m + (1 - b2) * g
        return w - lr * (np.sign(b1 * m + (1 - b1) * g) + wd * w)


class Rmsprop:
    def __init__(self, o):
        self.o, self.v, self.m = o, {}, {}

    def step(self, n, w, g, lr, wd, t):
        o = self.o
        g = g + wd * w
        v = self.v[n] = o["alpha"] * self.v.get(n, 0) + (1 - o["alpha"]) * g * g
        m = self.m[n] = o["momentum"] * self.m.get(n, 0) + g / (np.sqrt(v) + o["eps"])
        return w - lr * m


def newton_schulz(x):
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / max(np.sqrt((x * x).sum()), 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if tall else x


class Muon:
    def __init__(self, o):
        self.o, self.m, self.rest = o, {}, AdamW(o)

    def step(self, n, w, g, lr, wd, t):
        if w.ndim < 2 or n.startswith("fc."):
            return self.rest.step(n, w, g, lr, wd, t)
        mu = self.o["momentum"]
        m = self.m[n] = mu * self.m.get(n, 0) + (1 - mu) * g
        u = (1 - mu) * g + mu * m if self.o["nesterov"] else m
        u = u.reshape(len(u), -1)
        rows, columns = u.shape
        scale = (math.sqrt(max(1, rows / columns)) if self.o["adjust_lr_fn"] == "original"
                 else 0.2 * math.sqrt(max(rows, columns)))
        return w - lr * wd * w - lr * scale * newton_schulz(u).reshape(w.shape)


class Lookahead:
    def __init__(self, fast, k, alpha):
        self.fast, self.k, self.alpha, self.slow = fast, k, alpha, {}

    def step(self, n, w, g, lr, wd, t):
        slow = self.slow.setdefault(n, w)
        w = self.fast.step(n, w, g, lr, wd, t)
        if t % self.k == 0:
            w = self.slow[n] = slow + self.alpha * (w - slow)
        return w


KINDS = {"sgd": Sgd, "adamw": AdamW, "rmsprop": Rmsprop, "lamb": Lamb, "lion": Lion,
         "nadamw": NadamW, "muon": Muon}
DEFAULTS = {"lr": 0.1, "momentum": 0.9, "nesterov": False, "weight_decay": 1e-4,
            "no_decay_norm_bias": False, "betas": [0.9, 0.999], "eps": 1e-8, "alpha": 0.99,
            "adjust_lr_fn": "match_rms_adamw", "lookahead": {"k": 0}}
CASES = [
    {"name": "sgd", "nesterov": True},
    {"name": "adamw", "lr": 0.01, "weight_decay": 0.1},
    {"name": "rmsprop", "lr": 0.01},
    {"name": "rmsprop", "lr": 0.01, "momentum": 0, "alpha": 0.9, "eps": 0.001, "weight_decay": 0.1},
    {"name": "lamb", "lr": 0.01, "weight_decay": 0.02, "eps": 1e-6, "no_decay_norm_bias": True},
    {"name": "lion", "lr": 0.01, "betas": [0.9, 0.99], "weight_decay": 0.1},
    {"name": "nadamw", "lr": 0.01, "weight_decay": 0.1},
    {"name": "nadamw", "lr": 0.01, "betas": [0.8, 0.9], "eps": 0.01, "no_decay_norm_bias": True},
    {"name": "muon", "lr": 0.01, "weight_decay": 0.1},
    {"name": "muon", "lr": 0.02, "momentum": 0.95, "nesterov": True, "adjust_lr_fn": "original"},
    {"name": "sgd", "lookahead": {"k": 5, "alpha": 0.8}},
    {"name": "muon", "lr": 0.01, "lookahead": {"k": 3}},
]


def options_of(case):
    return {**DEFAULTS, **case}


def decay_of(options, w):
    return 0 if options["no_decay_norm_bias"] and w.ndim < 2 else options["weight_decay"]


def run(case):
    options = options_of(case)
    optimizer = KINDS[options["name"]](options)
    if options["lookahead"]["k"]:
        optimizer = Lookahead(optimizer, options["lookahead"]["k"], options["lookahead"].get("alpha", 0.5))
    weights = tensors(0)
    for t in range(1, STEPS + 1):
        for n, g in tensors(t).items():
            w = weights[n]
            weights[n] = optimizer.step(n, w, g, rate(options["lr"], t), decay_of(options, w), t)
    return weights


def run_torch(case):
    """The same by torch.optim; None where PyTorch has it not."""
    import torch
    o = options_of(case)
    if o["name"] in ("lamb", "lion") or o["lookahead"]["k"]:
        return None
    weights = {n: torch.tensor(w, requires_grad=True) for n, w in tensors(0).items()}
    of_muon = [n for n, w in weights.items() if o["name"] == "muon" and w.dim() > 1 and not n.startswith("fc.")]
    if of_muon:  # Float64 instead of its bfloat16; filters as matrices.
        import torch.optim._muon as muon
        real = muon._zeropower_via_newtonschulz
        muon._zeropower_via_newtonschulz = lambda g, *_: torch.from_numpy(newton_schulz(g.numpy()))
        assert (real(torch.eye(3), (3.4445, -4.7750, 2.0315), 5, 1e-7).double()
                - torch.from_numpy(newton_schulz(np.eye(3)))).abs().max() < 0.02
        weights = {n: (w.detach().flatten(1).requires_grad_() if n in of_muon else w) for n, w in weights.items()}
    adam = dict(lr=o["lr"], betas=tuple(o["betas"]), eps=o["eps"])

    def made(names, decay):
        w = [weights[n] for n in names]
        if o["name"] == "sgd":
            return torch.optim.SGD(w, o["lr"], o["momentum"], nesterov=o["nesterov"], weight_decay=decay)
        if o["name"] == "rmsprop":
            return torch.optim.RMSprop(w, o["lr"], o["alpha"], o["eps"], decay, o["momentum"])
        if o["name"] == "nadamw":
            return torch.optim.NAdam(w, weight_decay=decay, decoupled_weight_decay=True, **adam)
        if names[0] in of_muon:
            return torch.optim.Muon(w, lr=o["lr"], weight_decay=decay, momentum=o["momentum"],
                                    nesterov=o["nesterov"], adjust_lr_fn=o["adjust_lr_fn"])
        return torch.optim.AdamW(w, weight_decay=decay, **adam)

    torch.set_default_dtype(torch.float64)  # NAdam's mu_product is of that type.
    optimizers = [made([n], decay_of(o, tensors(0)[n])) for n in SHAPES]
    for t in range(1, STEPS + 1):
        for n, g in tensors(t).items():
            weights[n].grad = torch.tensor(g).view_as(weights[n])
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = rate(o["lr"], t)
            optimizer.step()
    return {n: w.detach().numpy() for n, w in weights.items()}


def main():
    results = [(case, run(case)) for case in CASES]
    if "--torch" in sys.argv:
        for case, ours in results:
            theirs = run_torch(case)
            if theirs is not None:
                print(case, max(np.abs(ours[n].ravel() - theirs[n].ravel()).max() for n in ours))
    lines = [json.dumps({"optimizer": json.dumps(case).replace('"', ""),
                         "lr": options_of(case)["lr"],
                         "weights": {n: w.ravel().tolist() for n, w in weights.items()}})
             for case, weights in results]
    path = pathlib.Path(__file__).with_name("optimizers.json")
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")


main()
