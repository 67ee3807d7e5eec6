"""Every layer of the library by the contract of layers."""

from contracts import library_classes, signed
from contracts.layers import LayerContract
from torch import nn

from rnn_dynamics.cells import BRC, MGU, NBRC, Parallel
from rnn_dynamics.systems import Layer


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


def test_no_layer_is_left_out() -> None:
    covered = {kind for contract in signed(LayerContract) for kind in contract.layer_types()}
    assert covered == library_classes(Layer)
