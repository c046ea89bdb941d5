"""What an attached rule costs a step: each against native fused AdamW, in turn in one run, medians.

    python benchmarks/attach_overhead.py [--parameters 10_000_000] [--device cpu|cuda] [--rounds 15]
                                         [--clock wall|process] [--out FILE.json]

Every contender starts from the same weights and gradients; that the ones which should agree end with the same weights
is checked before anything is timed. `--clock process` counts the processor's time, of all threads, and not the turns of
other programs: with one thread that is what the wall clock shows on a machine of one's own.

Where cautious decay spent its time in torch's own operations, in ms for 10 million weights on one thread of a shared
server CPU: the native step 5.7; one operation that streams the same four arrays, 3.7; the three operations of the rule,
piece by piece, 6.6 to 7.1. Tried without gain beyond the noise: pieces of 2^16 to 2^20 weights, tensors in reverse order,
the mask by a threshold. As one loop in C it streams the four arrays once: 2.5 ms beside the native step's 5.4, in two
threads on another machine, as fast as torch's addcmul over the same arrays. Its threads must be torch's own: with a pool
of Python's beside them it took 4.1, and in the benchmark more, for torch's idle threads spin on the same cores.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from shrinkage.attachment import attach
from shrinkage.rules import L2, Cautious, Decoupled

Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "process": time.process_time}
LR, LAM = 1e-3, 0.1
LIMITS = {"lowered": 1.05, "decoupled by hook": 1.3, "cautious": 1.8}


def make(parameters: int, device: str) -> nn.Module:
    """Square matrices of about a million weights, with gradients that stay."""
    torch.manual_seed(0)
    side, count = (1000, parameters // 1_000_000) if parameters >= 1_000_000 else (int(parameters**0.5), 1)
    model = nn.Sequential(*(nn.Linear(side, side) for _ in range(count))).to(device)
    for p in model.parameters():
        p.grad = torch.randn_like(p)
    return model


def native(model: nn.Module) -> torch.optim.Optimizer:
    weights = [p for n, p in model.named_parameters() if n.endswith("weight")]
    biases = [p for n, p in model.named_parameters() if n.endswith("bias")]
    groups = [{"params": weights, "weight_decay": LAM}, {"params": biases, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=LR, fused=True)


def bare(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=0, fused=True)


def attached(rule: Any, *, lower: bool = True) -> Callable[[nn.Module], torch.optim.Optimizer]:
    def build(model: nn.Module) -> torch.optim.Optimizer:
        optimizer = bare(model)
        attach(optimizer, rule, model=model, lower=lower)
        return optimizer

    return build


def cautious_by_the_update(model: nn.Module) -> torch.optim.Optimizer:
    """A later hook, which might change the gradients, so that the mask waits for the update itself."""
    optimizer = attached(Cautious(Decoupled(LAM)))(model)
    optimizer.register_step_pre_hook(lambda *_: None)
    return optimizer


CONTENDERS: dict[str, Callable[[nn.Module], torch.optim.Optimizer]] = {
    "native": native,
    "no decay": bare,
    "lowered": attached(Decoupled(LAM)),
    "lowered, schedule clock": attached(Decoupled(rate=LAM * LR, clock="schedule")),
    "decoupled by hook": attached(Decoupled(LAM), lower=False),
    "cautious": attached(Cautious(Decoupled(LAM))),
    "cautious by the update": cautious_by_the_update,
    "L2 by hook": attached(L2(LAM), lower=False),
}


def check_same_work(parameters: int, device: str) -> None:
    """The lowered rule is the native kernel bit for bit; by hook it is the same to rounding, and so are both masks."""
    results = {}
    for name in ("native", "lowered", "decoupled by hook", "cautious", "cautious by the update"):
        model = make(min(parameters, 250_000), device)
        optimizer = CONTENDERS[name](model)
        for _ in range(3):
            optimizer.step()
        results[name] = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert torch.equal(results["native"], results["lowered"])
    for one, other in (("native", "decoupled by hook"), ("cautious", "cautious by the update")):
        torch.testing.assert_close(results[one], results[other], rtol=1e-5, atol=1e-7)


def measure(parameters: int, device: str, rounds: int, clock: Clock) -> dict[str, float]:
    """Median seconds a step, the contenders taking turns in an order that is drawn anew every round.

    Each turn has an untimed step first: what a contender leaves in caches and allocator is not the next one's cost.
    """
    optimizers = {name: build(make(parameters, device)) for name, build in CONTENDERS.items()}
    times: dict[str, list[float]] = {name: [] for name in optimizers}
    order = random.Random(0)
    for _ in range(rounds):
        for name in order.sample(list(optimizers), len(optimizers)):
            timed(optimizers[name], device, clock)
            times[name].append(timed(optimizers[name], device, clock))
    return {name: statistics.median(values) for name, values in times.items()}


def timed(optimizer: torch.optim.Optimizer, device: str, clock: Clock) -> float:
    synchronize = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    synchronize()
    start = clock()
    optimizer.step()
    synchronize()
    return clock() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parameters", type=int, default=10_000_000)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--clock", default="wall", choices=[*CLOCKS])
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    if options.device == "cuda" and options.clock == "process":
        parser.error("--clock process does not see what the GPU does")
    check_same_work(options.parameters, options.device)
    medians = measure(options.parameters, options.device, options.rounds, CLOCKS[options.clock])
    ratios = {name: seconds / medians["native"] for name, seconds in medians.items()}
    for name, ratio in ratios.items():
        limit = f"  (limit {LIMITS[name]})" if name in LIMITS else ""
        print(f"{name:24s} {1000 * medians[name]:8.2f} ms  {ratio:5.2f} × native{limit}")
    if options.out is not None:
        environment = {
            "torch": torch.__version__,
            "python": platform.python_version(),
            "processor": platform.processor() or platform.machine(),
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name() if options.device == "cuda" else "cpu",
        }
        what = {key: getattr(options, key) for key in ("parameters", "rounds", "clock")}
        what["environment"] = environment
        options.out.write_text(json.dumps({**what, "seconds": medians, "ratios": ratios}, indent=2) + "\n")


if __name__ == "__main__":
    main()
