"""What a chart costs: all cells side by side against a loop over cells, in one run on one thread."""

import time

import torch

import rnn_dynamics as rd
from rnn_dynamics.charts import Period, Watch


def henon(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.stack([1 - x[..., 0] * h[..., 0] ** 2 + h[..., 1], x[..., 1] * h[..., 0]], dim=-1)


def main() -> None:
    """Print seconds for a cell either way, and their ratio."""
    torch.set_num_threads(1)
    family = rd.input_plane(rd.as_map(henon, 2, 2))
    args = ([[0.0, 0.0]], ((0.1, 1.2), (0.1, 0.3)), Period())
    settings = {"depth": 0, "watch": Watch(transient=500, steps=500, max_steps=500)}
    print("| cells | side by side, s a cell | loop, s a cell | ratio |\n|---|---|---|---|")
    for side in (4, 16, 32):
        begin = time.perf_counter()
        rd.chart(family, *args, resolution=(side, side), **settings)
        batched = (time.perf_counter() - begin) / side**2
        begin = time.perf_counter()
        rd.chart(lambda p, q: family(p, q), *args, resolution=(4, 4), **settings)
        loop = (time.perf_counter() - begin) / 16
        print(f"| {side**2} | {batched:.2g} | {loop:.2g} | {loop / batched:.3g} |")


if __name__ == "__main__":
    main()
