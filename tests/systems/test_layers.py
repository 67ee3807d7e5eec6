"""Every layer of the library by the contract of layers."""

from contracts import library_classes, signed
from contracts.layers import LayerContract
from torch import nn

from rnn_dynamics.cells import BRC, MGU, NBRC, DaleRNN, LeakyRNN, LowRankRNN, MinGRU, MinLSTM, Parallel
from rnn_dynamics.systems import Layer, LRULayer
from rnn_dynamics.systems.layers.gru_reset_before import ResetBeforeGRULayer, UngatedResetBeforeGRULayer


class TestTanh(LayerContract):
    module = nn.RNN


class TestReLU(LayerContract):
    module, options, unbounded = nn.RNN, {"nonlinearity": "relu"}, "ReLU"


class TestGRU(LayerContract):
    module = nn.GRU


class TestLSTM(LayerContract):
    module = nn.LSTM


class TestProjectedLSTM(LayerContract):
    module, options = nn.LSTM, {"proj_size": 4}


class TestMGU(LayerContract):
    module = MGU


class TestBRC(LayerContract):
    module = BRC


class TestNBRC(LayerContract):
    module = NBRC


class TestParallel(LayerContract):
    module, options = Parallel, {"cells": (nn.LSTM, nn.GRU)}


class TestLeaky(LayerContract):
    module, options = LeakyRNN, {"alpha": 0.3}


class TestLeakyWithin(LayerContract):
    module, options = LeakyRNN, {"alpha": 0.3, "leak": "inside", "nonlinearity": "softsign"}


class TestDale(LayerContract):
    module, options = DaleRNN, {"nonlinearity": "sigmoid"}


class TestLowRank(LayerContract):
    module, options = LowRankRNN, {"rank": 2}


class TestMinGRU(LayerContract):
    module = MinGRU


class TestMinLSTM(LayerContract):
    module = MinLSTM


def test_no_layer_is_left_out() -> None:
    covered = {kind for contract in signed(LayerContract) for kind in contract.layer_types()}
    # LRU is one layer without bias, of complex states: tests/cells/test_minimal.py. The other GRU comes from files
    # alone, and has no module: test_reset_before.py.
    alone = {LRULayer, ResetBeforeGRULayer, UngatedResetBeforeGRULayer}
    assert covered == library_classes(Layer) - alone
