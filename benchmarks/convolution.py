"""Speed of convolutions and of their gradients, against PyTorch and against the matrix product.

    python benchmarks/convolution.py [--rounds 20]

Prints three tables, all measured in one run after warm-up, the contenders in turns: single
convolutions (forward and gradient), the gradient of a whole net (`reference_net.py`), and the rate
of a 2048 x 2048 matrix product in the same frameworks. The bars: the gradient of the net runs at
75% of the matrix-product rate or more, and at least 1.5 times as fast as in PyTorch. Nothing else
may run on the machine meanwhile: PyTorch's threads in particular wait for each other. Needs
`pip install torch==2.13.0`; without it, the PyTorch columns are left out.

"flops" are the multiplications and additions of the convolutions as the net is written down; what
the library saves by folding upsampling into the next convolution is not subtracted.
"""

import argparse
import importlib.util
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import reference_net
from timing import median_seconds

from umir.huge_pages import begin_again_with_huge_pages
from umir.wave_unet.convolution import convolution

MATRIX = 2048
BAR_OF_MATRIX_RATE = 0.75
BAR_OVER_TORCH = 1.5
WITH_TORCH = importlib.util.find_spec("torch") is not None


class Case(NamedTuple):
    """One convolution of a batch of 4."""

    name: str
    time: int
    channels_in: int
    channels_out: int
    taps: int
    stride: int = 1
    dilation: int = 1

    @property
    def flops(self) -> float:
        """Multiplications and additions forward, towards the input and towards the kernel."""
        frames = -(-self.time // self.stride)
        return 3 * 2 * 4 * frames * self.taps * self.channels_in * self.channels_out


CASES = [
    Case("waveform", 16_384, 1, 16, 15),
    Case("going down, high", 8_192, 16, 32, 15),
    Case("going down, low", 1_024, 64, 80, 15),
    Case("coming up, high", 8_192, 80, 32, 5),
    Case("strided, nano level 1", 102_400, 1, 32, 31, stride=4),
    Case("strided, nano level 2", 25_600, 32, 64, 15, stride=4),
    Case("dilated", 1_024, 96, 96, 3, dilation=4),
]


def main(rounds: int) -> None:
    """Print the three tables."""
    if not WITH_TORCH:
        print("PyTorch is not installed: its columns are left out (pip install torch==2.13.0)")
    print(f"{'one convolution, forward and gradient':40} {'ours':>9} {'PyTorch':>9} {'ahead':>6}")
    for case in CASES:
        print_row(case.name, case.flops, median_seconds(contenders(case), rounds))
    print(f"\n{'gradient of the reference net':40} {'ours':>9} {'PyTorch':>9} {'ahead':>6}")
    # One run for net and matrix product, so that both see the same machine.
    seconds = median_seconds(nets() | matrix_products(), rounds)
    flops, product = reference_net.gradient_flops(), 2 * MATRIX**3
    print_row("median ms, flops/s", flops, seconds)
    sides: list[str] = [name for name in ("ours", "torch") if name in seconds]
    products = {name: seconds[f"{name} product"] for name in sides}
    print_row(f"{MATRIX} x {MATRIX} matrix product", product, products)
    best = product / min(products.values())
    share = flops / seconds["ours"] / best
    print(
        f"\nnet gradient at {share:.0%} of the matrix-product rate (bar {BAR_OF_MATRIX_RATE:.0%})"
    )
    if WITH_TORCH:
        ahead = seconds["torch"] / seconds["ours"]
        print(f"net gradient {ahead:.2f} x as fast as PyTorch (bar {BAR_OVER_TORCH})")


def print_row(name: str, flops: float, seconds: dict[str, float]) -> None:
    """Print times in ms, rates in GFLOP/s, and the ratio where both sides ran."""
    ours = seconds["ours"]
    row = f"{name:40} {ours * 1e3:6.1f} ms"
    if "torch" in seconds:
        row += f" {seconds['torch'] * 1e3:6.1f} ms {seconds['torch'] / ours:5.2f}x"
    print(f"{row}   {flops / ours / 1e9:5.0f} GFLOP/s")


def contenders(case: Case) -> dict[str, Any]:
    """Return functions that run one convolution forward and back, in JAX and in PyTorch."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, case.time, case.channels_in)).astype(np.float32)
    kernel = rng.standard_normal((case.taps, case.channels_in, case.channels_out))
    kernel = kernel.astype(np.float32)
    reach = case.taps // 2 * case.dilation
    options = {"stride": case.stride, "dilation": case.dilation, "padding": ((reach, reach),)}

    @jax.jit
    def ours(x: jax.Array, kernel: jax.Array) -> Any:
        y, adjoint = jax.vjp(lambda x, k: convolution(x, k, **options), x, kernel)
        return y, adjoint(y)

    arrays = jnp.asarray(x), jnp.asarray(kernel)
    functions = {"ours": lambda: ours(*arrays)}
    if WITH_TORCH:
        functions["torch"] = torch_contender(x, kernel, case)
    return functions


def torch_contender(x: np.ndarray, kernel: np.ndarray, case: Case) -> Any:
    """Return a function that runs the convolution forward and back in PyTorch."""
    import torch

    inputs = torch.tensor(np.ascontiguousarray(x.transpose(0, 2, 1)), requires_grad=True)
    weights = torch.tensor(np.ascontiguousarray(kernel.transpose(2, 1, 0)), requires_grad=True)
    reach = case.taps // 2 * case.dilation

    def run() -> Any:
        y = torch.nn.functional.conv1d(
            inputs, weights, stride=case.stride, padding=reach, dilation=case.dilation
        )
        return torch.autograd.grad(y, (inputs, weights), y.detach())

    return run


def nets() -> dict[str, Any]:
    """Return functions that compute the gradient of the reference net."""
    params, batch = reference_net.init(0), reference_net.examples(1)
    arrays = jax.tree.map(jnp.asarray, (params, batch))
    gradient = jax.jit(jax.grad(reference_net.loss))
    functions = {"ours": lambda: gradient(*arrays)}
    if WITH_TORCH:
        import torch

        reference_net.check_equal(params, batch)
        theirs, segment = reference_net.to_torch(params), reference_net.batch_to_torch(batch)
        leaves = jax.tree.leaves(theirs)
        functions["torch"] = lambda: torch.autograd.grad(
            reference_net.torch_loss(theirs, segment), leaves
        )
    return functions


def matrix_products() -> dict[str, Any]:
    """Return functions that multiply two matrices."""
    matrix = np.random.default_rng(0).standard_normal((MATRIX, MATRIX)).astype(np.float32)
    product, array = jax.jit(jnp.matmul), jnp.asarray(matrix)
    functions = {"ours product": lambda: product(array, array)}
    if WITH_TORCH:
        import torch

        tensor = torch.tensor(matrix)
        functions["torch product"] = lambda: tensor @ tensor
    return functions


if __name__ == "__main__":
    begin_again_with_huge_pages()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="timed calls of each contender")
    main(**vars(parser.parse_args()))
