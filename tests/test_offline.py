"""Nothing here needs the network: every command runs with sockets that reach nobody, and no names resolved."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli_cases import QUICK, mixed_table

BLOCKED = """
import socket, sys
sys.argv[0] = "shrinkage"

def refused(*arguments, **options):
    raise SystemExit("the network was asked for")

class Refused(socket.socket):
    connect = connect_ex = sendto = sendmsg = refused  # an import may open one to see what the machine has

socket.socket = Refused
for name in ("create_connection", "getaddrinfo", "gethostbyname"):
    setattr(socket, name, refused)

from shrinkage.cli import main
main()
"""
SCRIPT = """
import torch

def build():
    model = torch.nn.Linear(2, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.01)
"""


def offline(*arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "the network was asked for" not in done.stderr
    return done.stdout


def test_the_block_holds():
    code = "import socket\nBLOCK\nsocket.create_connection(('localhost', 9))"
    block = BLOCKED.split("from shrinkage")[0]
    done = subprocess.run(
        [sys.executable, "-c", code.replace("BLOCK", block)], capture_output=True, text=True, check=False
    )
    assert "the network was asked for" in done.stderr


def test_a_table_is_fitted_predicted_and_exported(tmp_path: Path):
    pytest.importorskip("onnx")
    mixed_table().drop(columns=["price", "weight"]).to_csv(tmp_path / "d.csv", index=False)
    offline("fit", tmp_path / "d.csv", "-t", "three", "--out", tmp_path / "out", *QUICK)
    assert (tmp_path / "out" / "report.html").stat().st_size > 10**6
    assert len(offline("predict", tmp_path / "out", tmp_path / "d.csv").splitlines()) == 81
    offline("export", tmp_path / "out", "--onnx")


def test_numbers_are_converted_and_optimizers_audited(tmp_path: Path):
    (tmp_path / "train.py").write_text(SCRIPT)
    assert "5e-05" in offline("convert", "1e-4", "--from", "torch.optim.SGD", "--to", "keras.regularizers.L2")
    offline("audit", f"{tmp_path / 'train.py'}:build", "--html", tmp_path / "audit.html")
    assert (tmp_path / "audit.html").exists()
