"""Every rule of the catalogue trains a stack of networks as `attach` trains each of them by itself."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from shrinkage import attach
from shrinkage._errors import RequestError
from shrinkage._random import generator
from shrinkage.networks import PerceptronKind
from shrinkage.rules import CATALOGUE
from stack_cases import member, plain_loss, problem, recipe

LAMBDAS, SEED, LR, EPOCHS, BATCH, ROWS = [0.0, 0.05, 0.4], 5, 0.1, 4, 6, 18
OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=LR),
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=LR, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=LR),
}
SETTINGS = {"sgd": {}, "momentum": {"momentum": 0.9}, "adam": {"optimizer": "adam"}}


def module_of(row: torch.Tensor) -> torch.nn.Sequential:
    """The network of a row as an ordinary module."""
    parameters = PerceptronKind(hidden_layer_sizes=(4,), activation="tanh").layout(3, 2).from_rows(row[None])
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).double()
    for layer, W, b in zip((net[0], net[2]), parameters.weights, parameters.biases, strict=True):
        assert isinstance(layer, torch.nn.Linear)
        layer.weight.data, layer.bias.data = W[0].T.clone(), b[0, 0].clone()
    return net


def row_of(net: torch.nn.Sequential) -> torch.Tensor:
    layers = [each for each in net if isinstance(each, torch.nn.Linear)]
    weights = [layer.weight.T.flatten() for layer in layers]
    return torch.cat([*weights, *(layer.bias for layer in layers)]).detach()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", CATALOGUE)
def test_a_stack_trains_as_attach_does(name, optimizer):
    rule = CATALOGUE[name](0.0)
    X, Y = problem(ROWS, 3, 2, "softmax")
    opts = recipe(
        rule=rule,
        batch_size=BATCH,
        max_epochs=EPOCHS,
        learning_rate=LR,
        engine="torch",
        **SETTINGS[optimizer],
    )
    if rule.needs_second_moment and optimizer != "adam":
        with pytest.raises(RequestError, match=r"Adam's second moment, which plain SGD doesn't keep"):
            opts.train(LAMBDAS, [member(X, Y)], seed=SEED)
        return
    trained = torch.from_numpy(opts.train(LAMBDAS, [member(X, Y)], seed=SEED).networks[0])
    for lam, row in zip(LAMBDAS, trained, strict=True):
        net = module_of(opts.kind.initial(opts.layout(3, 2), generator(SEED, 0, 0, "weights")))
        stepper = OPTIMIZERS[optimizer](net.parameters())
        attach(stepper, rule.at_lambda(lam, LR), model=net)
        for epoch in range(EPOCHS):
            order = torch.randperm(ROWS, generator=generator(SEED, 0, 0, "order", epoch))
            for batch in order.split(BATCH):
                stepper.zero_grad()
                plain_loss("softmax", net(X[batch]), Y[batch]).mean().backward()
                stepper.step()
        assert_close(row, row_of(net), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", [name for name, rule in CATALOGUE.items() if not rule(0.0).stateless])
def test_what_a_rule_keeps_is_each_networks_own(name):
    """A network alone, and among others, to the last bit."""
    X, Y = problem(ROWS, 3, 2, "softmax")
    opts = recipe(
        rule=CATALOGUE[name](0.0), optimizer="adam", batch_size=BATCH, dtype="float32", engine="torch"
    )
    rows = [member(X.float(), Y.float(), restart=restart) for restart in range(2)]
    together = opts.train(LAMBDAS, rows, seed=SEED).networks
    for g, i in itertools.product(range(2), range(len(LAMBDAS))):
        alone = opts.train([LAMBDAS[i]], [rows[g]], seed=SEED).networks[0, 0]
        assert (alone == together[g, i]).all(), (g, i)
