"""Derivatives by the state, carried forwards through a traced step.

The derivative of every number is a combination sum_k c_k R_k of a few rows R_k: unit vectors, and rows of products
W J that dense layers make. Elementwise operations change the few c_k alone; what costs n^2 or n^3 happens once for a
product, and once in the end. All c_k of a row are added up before they meet it, as closed-form Jacobians do, so that
enclosures are narrower than by the chain rule entry by entry.
"""

from collections.abc import Iterable, Sequence

from flint import arb, arb_mat

from .arrays import Balls, Constant, Row, Slope

ONE = arb(1)
NOTHING = arb(0)
"""The slope of what is constant in a neighbourhood of the balls."""

_WIDEST = 16
"""Rows in a combination; beyond, it is worked out and becomes a row of its own."""


class Tape:
    """The rows that slopes are combinations of, and whether a kink was met."""

    def __init__(
        self, variables: int, spread: arb_mat | None = None, middles: Iterable[Sequence[arb]] | None = None
    ) -> None:
        self.variables = variables
        self.products: list[Sequence[arb]] = []
        """The values of all products of matrices, in the order in which they were met."""

        self._spread = spread
        self._middles = None if middles is None else iter(middles)
        self.kinked = False
        """Whether something without a derivative may lie within the balls."""

        self._rows: list[Row] = []
        self._unknown: int | None = None

    def unit_slopes(self, first: int, count: int) -> list[Slope]:
        """Of variables that are the state themselves."""
        return [{first + place: ONE} for place in range(count)]

    def unknown(self) -> Slope:
        """The slope of what may jump: nothing is known of it."""
        if self._unknown is None:
            self._unknown = self._add([[arb(0, float("inf"))] * self.variables])
        return {self._unknown: ONE}

    def narrowed(self, values: Sequence[arb], slopes: Sequence[Slope] | None) -> Sequence[arb]:
        """The values of a product, cut down to what the mean value theorem allows where ``middles`` are known.

        u(x + y) lies in u(x) + J y for every y of ``spread`` [variables, 1], u(x) being a product of ``middles``. In
        large layers this is narrower by far than the product of boxes, which forgets how their sides depend on y.
        """
        self.products.append(values)
        if self._middles is None:
            return values
        middle = next(self._middles)
        if slopes is None or self._spread is None:
            return values
        moves = (self.jacobian(slopes) * self._spread).entries()
        return [whole.intersection(x + move) for whole, x, move in zip(values, middle, moves, strict=True)]

    def rows(self, matrix: arb_mat) -> list[Slope]:
        """The slopes of numbers whose derivatives are the rows of a matrix [r, variables]."""
        first = self._add(matrix.tolist())
        return [{first + place: ONE} for place in range(matrix.nrows())]

    def combined(self, terms: Iterable[tuple[arb | None, Slope]]) -> Slope:
        """The sum of coefficients times slopes; a coefficient None is 1."""
        total: dict[int, arb] = {}
        for coefficient, slope in terms:
            if coefficient is NOTHING:  # what an unknown slope is forgotten by; a 0 at one state only is another
                continue
            for row, own in slope.items() if slope else ():
                part = own if coefficient is None else coefficient * own
                total[row] = total[row] + part if row in total else part
        if len(total) > _WIDEST:
            return {self._add([self._worked_out(total)]): ONE}
        return total or None

    def product(self, left: Balls | Constant, slopes: Sequence[Slope]) -> list[Slope]:
        """The slopes of A x for a constant A [r, k] and a vector x of the given slopes [k]."""
        if not any(slopes):
            return [None] * left.shape[0]
        first = self._add(self._unit_product(left, slopes) or (left.matrix * self.jacobian(slopes)).tolist())
        return [{first + place: ONE} for place in range(left.shape[0])]

    def jacobian(self, slopes: Sequence[Slope]) -> arb_mat:
        """The derivatives [k, variables] of numbers with the given slopes."""
        zeros = [arb(0)] * self.variables
        rows = [zeros if slope is None else self._worked_out(slope) for slope in slopes]
        return arb_mat(len(rows), self.variables, [entry for row in rows for entry in row])

    def _add(self, rows: list[Row]) -> int:
        """The number of the first of new rows; those of the unit vectors come before."""
        first = self.variables + len(self._rows)
        self._rows += rows
        return first

    def _unit_product(self, left: Balls | Constant, slopes: Sequence[Slope]) -> list[Row] | None:
        """A x where every x_j is a multiple of another variable, as the state itself is: columns of A, moved."""
        places: list[int] = []
        scales: list[arb] = []
        for slope in slopes:
            (place, *more), (scale, *_) = (list(slope), list(slope.values())) if slope else ([-1], [ONE])
            if more or place >= self.variables:
                return None
            places.append(place)
            scales.append(scale)
        taken = [place for place in places if place >= 0]
        if len(set(taken)) < len(taken):
            return None
        scaled = any(scale is not ONE for scale in scales)
        if not scaled and places == list(range(self.variables)):
            return left.rows
        rows: list[Row] = []
        for row in left.rows:
            line = [arb(0)] * self.variables
            for place, scale, entry in zip(places, scales, row, strict=True):
                if place >= 0:
                    line[place] = entry * scale if scaled else entry
            rows.append(line)
        return rows

    def _worked_out(self, slope: dict[int, arb]) -> Row:
        line: Row | None = None
        units = []
        for number, scale in slope.items():
            if number < self.variables:
                units.append((number, scale))
                continue
            row = self._rows[number - self.variables]
            if line is None:
                line = list(row) if scale is ONE else [scale * entry for entry in row]
            else:
                line = [total + scale * entry for total, entry in zip(line, row, strict=True)]
        line = [arb(0)] * self.variables if line is None else line
        for number, scale in units:
            line[number] = line[number] + scale
        return line
