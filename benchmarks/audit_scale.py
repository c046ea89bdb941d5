"""What an audit costs a large language model: seconds, and memory beside the model's own.

    python benchmarks/audit_scale.py [--billions 7] [--device cpu|cuda] [--optimizer adamw|sgd] [--state own|shared]
                                     [--gradients] [--decay attached|native]

The parameters of a Llama of about that many billions, in bfloat16, every one with a value; one optimizer over them.
`--state own` gives every weight moments of its own: AdamW's two need twice the memory of the weights, the momentum of
SGD as much again. `--state shared` and `--gradients` make them views of one buffer as long as the largest parameter:
an audit reads them as it reads any, and a model whose moments would not fit here can be audited with them, but not
trained. The weights are summed before and after: an audit leaves them as they are.
"""

from __future__ import annotations

import argparse
import threading
import time
from pathlib import Path

import torch
from _measured import written
from torch import nn

from shrinkage.attachment import attach
from shrinkage.auditing import audit
from shrinkage.rules import Decoupled

SHAPES = {1: (2048, 5632, 22), 3: (3200, 8640, 26), 7: (4096, 11008, 32)}
"""Width, width of the feed-forward layer, and depth of a Llama of so many billions."""
VOCABULARY = 32_000
MIB = 2**20


def llama(billions: int, device: str) -> nn.Module:
    """The parameters of a Llama, in bfloat16, with small values everywhere."""
    width, inner, depth = SHAPES[billions]

    def linear(out: int, into: int) -> nn.Linear:
        return nn.Linear(into, out, bias=False)

    with torch.device("meta"):
        blocks = [
            nn.ModuleDict(
                {
                    **{name: linear(width, width) for name in ("q", "k", "v", "o")},
                    "gate": linear(inner, width),
                    "up": linear(inner, width),
                    "down": linear(width, inner),
                    **{name: nn.RMSNorm(width) for name in ("norm_1", "norm_2")},
                }
            )
            for _ in range(depth)
        ]
        model = nn.ModuleDict(
            {
                "embedding": nn.Embedding(VOCABULARY, width),
                "blocks": nn.ModuleList(blocks),
                "norm": nn.RMSNorm(width),
                "head": linear(VOCABULARY, width),
            }
        )
    model = model.to(torch.bfloat16).to_empty(device=device)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, p.shape[-1] ** -0.5) if p.dim() > 1 and device != "cpu" else p.fill_(0.02)
    return model


class Buffer:
    """Tensors of any shape, views of one memory as large as the largest of them."""

    def __init__(self, model: nn.Module) -> None:
        first = next(model.parameters())
        self.values = torch.full(
            (max(p.numel() for p in model.parameters()),), 1e-4, dtype=first.dtype, device=first.device
        )

    def like(self, p: torch.Tensor) -> torch.Tensor:
        return self.values[: p.numel()].view(p.shape)


def give_state(optimizer: torch.optim.Optimizer, model: nn.Module, kind: str) -> None:
    """Moments as after a hundred steps."""
    buffer = Buffer(model)
    is_adam = isinstance(optimizer, torch.optim.AdamW)
    names = ("exp_avg", "exp_avg_sq") if is_adam else ("momentum_buffer",)
    for p in model.parameters():
        moments = {name: torch.full_like(p, 1e-4) if kind == "own" else buffer.like(p) for name in names}
        optimizer.state[p] = {**({"step": torch.tensor(100.0)} if is_adam else {}), **moments}


class Peak(threading.Thread):
    """The most memory that the process has held since the start, looked at every 5 ms."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.on = resident(), True

    def run(self) -> None:
        while self.on:
            self.most = max(self.most, resident())
            time.sleep(0.005)


def resident() -> float:
    """MiB of memory that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MIB


def measure(
    model: nn.Module, optimizer: torch.optim.Optimizer, device: str
) -> tuple[dict[str, float], float, list[str]]:
    """Seconds of the clock and of the CPU (where others use it too), MiB beside what was held, the codes found."""
    on_gpu = device == "cuda"
    if on_gpu:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() / MIB if on_gpu else 0.0
    peak, held = Peak(), resident()
    peak.start()
    start, start_cpu = time.perf_counter(), time.process_time()
    found = audit(optimizer, model, rows=10_000_000, batch_size=512)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    peak.on = False
    extra = peak.most - held
    if on_gpu:
        extra = torch.cuda.max_memory_allocated() / MIB - before
    return {"seconds": seconds, "CPU seconds": cpu}, extra, [finding.code for finding in found.findings]


def fingerprint(model: nn.Module) -> list[float]:
    """A sum of each parameter, over blocks, so that no second copy of one is made."""
    return [
        sum(float(block.double().sum()) for block in p.detach().flatten().split(2**20))
        for p in model.parameters()
    ]


def _told(seconds: dict[str, float]) -> str:
    return ", ".join(f"{value:.1f} {name}" for name, value in seconds.items())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--billions", type=int, choices=list(SHAPES), default=7)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--optimizer", choices=["adamw", "sgd"], default="adamw")
    parser.add_argument(
        "--state", choices=["own", "shared"], help="Moments for every weight, and in what memory."
    )
    parser.add_argument(
        "--gradients", action="store_true", help="Gradients for every weight, in shared memory."
    )
    parser.add_argument("--decay", choices=["native", "attached"], default="native")
    options = parser.parse_args()
    torch.manual_seed(0)
    model = llama(options.billions, options.device)
    decay = 0.1 if options.decay == "native" else 0.0
    optimizer: torch.optim.Optimizer = (
        torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=decay)
        if options.optimizer == "adamw"
        else torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=decay)
    )
    if options.decay == "attached":
        attach(optimizer, Decoupled(0.1), model=model, lower=False)
    if options.state:
        give_state(optimizer, model, options.state)
    if options.gradients:
        gradients = Buffer(model)
        for p in model.parameters():
            p.grad = gradients.like(p)
    before = fingerprint(model)
    seconds, extra, codes = measure(model, optimizer, options.device)
    assert fingerprint(model) == before, "an audit changed the weights"
    size = sum(p.numel() for p in model.parameters())
    own = sum(p.numel() * p.element_size() for p in model.parameters()) / MIB
    print(f"{size / 1e9:.2f} billion weights, {own:,.0f} MiB: audit {_told(seconds)}, {extra:,.0f} MiB more")
    print("found: " + ", ".join(codes))
    told = [f"{options.billions}b", options.device, options.decay]
    told += [options.optimizer] if options.optimizer != "adamw" else []
    told += [f"{options.state}_state"] if options.state else []
    told += ["gradients"] if options.gradients else []
    name = "_".join(["audit_scale", *told])
    result = {"weights": size, "weights MiB": own, **seconds, "extra MiB": extra, "found": codes}
    print(f"written to {written(name, result)}")


if __name__ == "__main__":
    main()
