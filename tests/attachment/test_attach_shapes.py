"""Tensors that are not the usual matrix: complex, single numbers, empty, spread over a mesh beside plain ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.distributed as dist
from torch import nn

from attachment_cases import fitting, make_model, optimizer_for
from rules_cases import ROWS
from shrinkage.attachment import attach


class Odd(nn.Module):
    """A matrix beside an empty one, a single number and a complex one."""

    complex: nn.Parameter

    def __init__(self, *kinds: str):
        super().__init__()
        torch.manual_seed(0)
        made = {
            "matrix": torch.randn(3, 2, dtype=torch.float64),
            "empty": torch.zeros(0, 2, dtype=torch.float64),
            "number": torch.tensor(0.7, dtype=torch.float64),
            "complex": torch.randn(2, 2, dtype=torch.complex128),
        }
        for kind in kinds:
            self.register_parameter(kind, nn.Parameter(made[kind]))


def gradients(model: nn.Module, step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for p in model.parameters():
        p.grad = torch.randn(p.shape, generator=generator, dtype=p.dtype)


@pytest.mark.parametrize("rule_name, optimizer_name", fitting(ROWS, ["SGD momentum", "AdamW"]))
@pytest.mark.parametrize("kind", ["empty", "number", "complex"])
def test_an_odd_tensor_beside_a_matrix_is_finite_and_moves(rule_name: str, optimizer_name: str, kind: str):
    model = Odd("matrix", kind)
    optimizer = optimizer_for(optimizer_name, model)
    handle = attach(optimizer, ROWS[rule_name].rule, model=model, exempt=())
    before = [p.detach().clone() for p in model.parameters()]
    for t in range(3):
        gradients(model, t)
        optimizer.step()
    for p, old in zip(model.parameters(), before, strict=True):
        assert torch.isfinite(torch.view_as_real(p) if p.is_complex() else p).all()
        assert p.numel() == 0 or not torch.equal(p, old)
    handle.log()


def test_a_complex_weight_under_scheduled_decay_is_two_real_ones():
    ends = []
    for kind in ("complex", "real"):
        model = Odd("complex")
        if kind == "real":
            model.complex = nn.Parameter(torch.view_as_real(model.complex.detach().clone()))
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0)
        attach(optimizer, ROWS["ScheduledDecay"].rule, model=model, exempt=())
        for t in range(3):
            grad = torch.randn(2, 2, 2, generator=torch.Generator().manual_seed(t), dtype=torch.float64)
            model.complex.grad = torch.view_as_complex(grad) if kind == "complex" else grad
            optimizer.step()
        end = model.complex.detach()
        ends.append(torch.view_as_real(end) if kind == "complex" else end)
    torch.testing.assert_close(*ends, rtol=1e-12, atol=1e-12)


@pytest.fixture
def mesh() -> Iterator[object]:
    if not dist.is_available() or not dist.is_gloo_available():
        pytest.skip("needs gloo")
    from torch.distributed.device_mesh import init_device_mesh

    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)  # pyright: ignore[reportPrivateImportUsage] public in the docs
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


@pytest.mark.filterwarnings("ignore")  # torch warns of process groups that are not pickled
@pytest.mark.parametrize(
    "rule_name", ["L2", "Decoupled lr", "L1", "Cautious", "AdaptiveL2", "ConstrainedNorm relative"]
)
@pytest.mark.parametrize("optimizer_name", ["SGD", "AdamW"])
def test_tensors_of_a_mesh_and_plain_ones_share_an_optimizer(rule_name: str, optimizer_name: str, mesh):
    """As under FSDP2 with `ignored_params`."""
    from torch.distributed.tensor import DTensor, Shard, distribute_tensor

    plain, mixed = make_model(), make_model()
    layer = mixed.get_submodule("0")
    for name, p in list(layer.named_parameters()):
        setattr(layer, name, nn.Parameter(distribute_tensor(p.detach(), mesh, [Shard(0)])))
    for model in (plain, mixed):
        optimizer = optimizer_for(optimizer_name, model)
        attach(optimizer, ROWS[rule_name].rule, model=model)
        for t in range(3):
            generator = torch.Generator().manual_seed(t)
            for p in model.parameters():
                grad = torch.randn(p.shape, generator=generator, dtype=p.dtype)
                p.grad = distribute_tensor(grad, mesh, [Shard(0)]) if isinstance(p, DTensor) else grad
            optimizer.step()
    for a, b in zip(plain.parameters(), mixed.parameters(), strict=True):
        torch.testing.assert_close(
            b.full_tensor() if isinstance(b, DTensor) else b, a, rtol=1e-12, atol=1e-12
        )
