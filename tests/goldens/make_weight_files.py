"""Small weight files of every kind that Python writes, for weight_file_test.cpp.

    pip install torch safetensors numpy && python make_weight_files.py FOLDER

Element j of every tensor is j / 2 - 3, in types that cannot hold that cut to a
whole number, bools j % 2.
"""
import argparse
import collections
import json
import pathlib
import sys

import safetensors.torch
import torch
from torch import nn

folder = pathlib.Path(sys.argv[1])


def values(*shape, dtype=torch.float32):
    j = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    flat = j % 2 if dtype == torch.bool else j / 2 - 3
    return flat.reshape(shape).to(dtype)


def plain():
    return {"conv.weight": values(4, 3, 3, 3), "fc.weight": values(5, 4), "fc.bias": values(5)}


def save(name, thing, legacy=False):
    torch.save(thing, folder / name, _use_new_zipfile_serialization=not legacy)


class Unknown:
    """A class that the reader knows nothing of."""

    def __init__(self):
        self.weight = torch.ones(3)


types = {str(t).split(".")[1]: values(7, dtype=t) for t in (
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32,
    torch.int16, torch.int8, torch.bool)}
types["uint8"] = (torch.arange(7) * 2).to(torch.uint8)

base = values(6, 8)
views = {"whole": base, "columns": base[:, 2:5], "rows": base[3:], "transposed": base.t(),
         "channels_last": values(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
         "scalar": torch.tensor(-3.0), "empty": torch.zeros(0, 4), "expanded": values(1, 4).expand(3, 4)}

for suffix, legacy in ((".pth", False), (".th", True)):
    save("plain" + suffix, plain(), legacy)
    save("ordered" + suffix, collections.OrderedDict(plain()), legacy)
    save("types" + suffix, types, legacy)
    save("views" + suffix, views, legacy)
    save("parameters" + suffix, {k: nn.Parameter(v) for k, v in plain().items()}, legacy)
    module = nn.Linear(2, 2)
    adam = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 2)).sum().backward()
    adam.step()
    save("training" + suffix, {
        "epoch": 7, "arch": "tiny", "state_dict": {"module." + k: v for k, v in plain().items()},
        "state_dict_ema": {k: v + 1 for k, v in plain().items()},
        "optimizer": adam.state_dict(), "args": argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("x")),
        "unknown": Unknown(), "best": 91.5}, legacy)

safetensors.torch.save_file(plain(), folder / "plain.safetensors", {"format": "pt"})
safetensors.torch.save_file({k: v for k, v in types.items()}, folder / "types.safetensors")
first = {k: v for k, v in plain().items() if k == "conv.weight"}
rest = {k: v for k, v in plain().items() if k != "conv.weight"}
safetensors.torch.save_file(first, folder / "part-1.safetensors")
safetensors.torch.save_file(rest, folder / "part-2.safetensors")
(folder / "sharded.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": {
    **{k: "part-1.safetensors" for k in first}, **{k: "part-2.safetensors" for k in rest}}}))


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, bias=False)
        self.fc = nn.Linear(4, 5)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


tiny = Tiny()
tiny.load_state_dict(plain())
torch.jit.script(tiny).save(folder / "script.pt")
