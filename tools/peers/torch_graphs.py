"""PyTorch with whole steps captured in a CUDA graph: gather, forward, backward, fused Adam.

The capturable fused Adam has its epsilon inside the graph, in Kingma and Ba's form; so this peer's
losses are compared with runs in that form.
"""

import time

import protocol
import torch
from torch_peer import TorchPeer, loss_of


class WholeStepGraph(TorchPeer):
    adam_form = "kingma_ba"

    def __init__(self, options, steps_in_graph):
        self.graph = None  # captured by the first prepare()
        self.steps_multiple = steps_in_graph
        super().__init__(options)

    def reset(self):
        """In place: the graph holds the addresses."""
        self.reset_parameters()
        if self.graph is None:
            return
        self.cursor.zero_()
        for state in self.optimizer.state.values():
            for tensor in state.values():
                tensor.zero_()

    def eager_step(self):
        rows = self.order.index_select(0, self.cursor).squeeze(0)
        x = self.images.index_select(0, rows)
        self.optimizer.zero_grad(set_to_none=True)  # backward writes, adds nothing
        loss = loss_of(self.parameters, x, self.options)
        loss.backward()
        self.optimizer.step()
        self.cursor.add_(1).remainder_(self.start.steps)
        return loss

    def prepare(self, steps):
        if self.graph is not None:
            return
        begin = time.perf_counter()
        self.cursor = torch.zeros(1, dtype=torch.int64, device=self.device)
        self.optimizer = torch.optim.Adam(
            self.parameters,
            lr=protocol.LEARNING_RATE,
            betas=(protocol.BETA1, protocol.BETA2),
            eps=protocol.EPSILON,
            fused=True,
            capturable=True,
        )
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.eager_step()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            captured = [self.eager_step() for _ in range(self.steps_multiple)]
            self.graph_losses = torch.stack([loss.detach() for loss in captured])
        self.synchronize()
        self.compile_seconds = time.perf_counter() - begin

    def run(self, first, steps):
        for _ in range(steps // self.steps_multiple):
            self.graph.replay()

    def losses(self, steps):
        self.prepare(steps)
        self.reset()
        result = []
        while len(result) < steps:
            self.graph.replay()
            result += self.graph_losses.tolist()
        return result[:steps]
