"""The cells of a chart: rectangles that tile the plane of two parameters, each cut into four where it has to be."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..families import Rectangle


@dataclass(frozen=True, eq=False)
class Cells:
    """Rectangles in the order in which they are computed; ``places`` count columns and rows of their own level."""

    spans: Rectangle
    shape: tuple[int, int]
    """Columns and rows of level 0."""

    levels: Tensor
    """How often the cell of level 0 was cut, [c]."""

    places: Tensor
    """[c, 2]."""

    @classmethod
    def coarse(cls, spans: Rectangle, shape: tuple[int, int]) -> "Cells":
        """All of level 0, row by row."""
        columns, rows = shape
        places = torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).view(-1, 2).flip(1)
        return cls(spans, shape, torch.zeros(len(places), dtype=torch.int64), places)

    @property
    def parameters(self) -> Tensor:
        """The middles, where they are computed, [c, 2]."""
        low = torch.tensor([min(span) for span in self.spans], dtype=torch.float64)
        high = torch.tensor([max(span) for span in self.spans], dtype=torch.float64)
        count = torch.tensor(self.shape) * 2 ** self.levels[:, None]
        return low + (high - low) * (self.places + 0.5) / count

    def raster(self, depth: int) -> np.ndarray:
        """The number of the cell at each place of level ``depth``, [rows, columns]."""
        columns, rows = (side * 2**depth for side in self.shape)
        image = np.empty((rows, columns), dtype=np.int64)
        for level in self.levels.unique().tolist():
            size = 2 ** (depth - level)
            own = (self.levels == level).nonzero().flatten().numpy()
            x, y = self.places[own].numpy().T * size
            for down in range(size):
                for across in range(size):
                    image[y + down, x + across] = own
        return image

    def to_cut(self, classes: Tensor, depth: int) -> Tensor:
        """The numbers of cells above level ``depth`` beside one of another class."""
        image = self.raster(int(self.levels.max()))
        kinds = classes.numpy()[image]
        cut = np.zeros(len(classes), dtype=bool)
        across, down = (np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])
        for here, there in (across, down):
            differ = kinds[here] != kinds[there]
            cut[image[here][differ]] = True
            cut[image[there][differ]] = True
        return torch.from_numpy(np.flatnonzero(cut & (self.levels.numpy() < depth)))

    def without(self, cut: Tensor) -> tuple["Cells", Tensor]:
        """The cells with those of ``cut`` in four, which come last; and which of the old ones are kept."""
        kept = torch.ones(len(self.levels), dtype=torch.bool)
        kept[cut] = False
        quarters = torch.tensor([[0, 0], [1, 0], [0, 1], [1, 1]])
        places = (2 * self.places[cut][:, None] + quarters).flatten(0, 1)
        levels = (self.levels[cut] + 1).repeat_interleave(4)
        changed = replace(
            self, levels=torch.cat([self.levels[kept], levels]), places=torch.cat([self.places[kept], places])
        )
        return changed, kept
