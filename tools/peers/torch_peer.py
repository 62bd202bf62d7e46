"""PyTorch: eager with fused Adam, and the whole step compiled. CUDA graphs are in torch_graphs.py.

Adam's epsilon stands in TensorFlow's form in all of them: eager sets `eps` of the fused optimizer
before each step (the two forms are the same with eps = 1e-8 / sqrt(1 - beta2^t)), the compiled step
has Adam written out, which Inductor fuses into its kernels.
"""

import contextlib
import sys
import time

sys.dont_write_bytecode = True
import protocol
import torch
from start import Start

COMPILE_MODES = {"compile": None, "reduce-overhead": "reduce-overhead"}


def set_precision(precision):
    """fp32 is strict; tf32 only where it is asked for."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"


def autocast(options):
    if options.precision != "bf16":
        return contextlib.nullcontext()
    return torch.autocast(options.device, dtype=torch.bfloat16)


def network_output(parameters, x):
    for weight, bias in zip(parameters[::2], parameters[1::2]):
        x = torch.relu(torch.nn.functional.linear(x, weight, bias))
    return x


def loss_of(parameters, x, options):
    with autocast(options):
        y = network_output(parameters, x)
    return torch.nn.functional.mse_loss(y.float(), x)


def whole_step_of(options):
    """step(parameters, first moments, second moments, rate, x) -> loss; changes the first three."""

    def loss_function(parameters, x):
        return loss_of(parameters, x, options)

    def whole_step(parameters, first, second, rate, x):
        gradients, loss = torch.func.grad_and_value(loss_function)(parameters, x)
        for w, m, v, g in zip(parameters, first, second, gradients):
            m.lerp_(g, 1 - protocol.BETA1)
            v.lerp_(g * g, 1 - protocol.BETA2)
            w.sub_(rate * m / (v.sqrt() + protocol.EPSILON))
        return loss

    return whole_step


class TorchPeer(protocol.Peer):
    """Images, order and parameters on the device; run() gathers by index and steps."""

    def __init__(self, options):
        torch.set_num_threads(options.threads)
        set_precision(options.precision)
        self.options = options
        self.start = Start(options.start)
        self.device = torch.device(options.device)
        self.images = torch.from_numpy(self.start.train_images()).to(self.device)
        self.order = torch.from_numpy(self.start.order).to(self.device)
        self.parameters = [
            torch.empty(array.shape, device=self.device).requires_grad_()
            for pair in self.start.parameters
            for array in pair
        ]
        self.set_up()
        self.reset()

    def set_up(self):
        """What is made once."""

    def reset_parameters(self):
        arrays = [array for pair in self.start.parameters for array in pair]
        with torch.no_grad():
            for parameter, array in zip(self.parameters, arrays):
                parameter.copy_(torch.from_numpy(array))

    def batch(self, step):
        return self.images.index_select(0, self.order[step % self.start.steps])

    def run(self, first, steps):
        for step in range(first, first + steps):
            self.step(step)

    def losses(self, steps):
        self.prepare(steps)
        self.reset()
        # clone: a replayed graph writes its loss into the same place
        return torch.stack([self.step(step).detach().clone() for step in range(steps)]).tolist()

    def synchronize(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def info(self):
        versions = {"torch": torch.__version__}
        if self.device.type == "cuda":
            versions["cuda"] = torch.version.cuda
            versions["device"] = torch.cuda.get_device_name()
        return {
            "versions": versions,
            "threads": torch.get_num_threads(),
            "precision": self.options.precision,
        }


class Eager(TorchPeer):
    def reset(self):
        self.reset_parameters()
        self.optimizer = torch.optim.Adam(
            self.parameters,
            lr=protocol.LEARNING_RATE,
            betas=(protocol.BETA1, protocol.BETA2),
            fused=True,
        )

    def step(self, step):
        group = self.optimizer.param_groups[0]
        group["eps"] = protocol.EPSILON / (1 - protocol.BETA2 ** (step + 1)) ** 0.5
        self.optimizer.zero_grad(set_to_none=True)
        loss = loss_of(self.parameters, self.batch(step), self.options)
        loss.backward()
        self.optimizer.step()
        return loss


class Compiled(TorchPeer):
    """Forward, backward and Adam as one compiled function."""

    def set_up(self):
        self.values = [p.detach() for p in self.parameters]
        self.moments = [[torch.zeros_like(p) for p in self.values] for _ in range(2)]
        self.rate = torch.zeros((), device=self.device)
        if self.options.variant == "reduce-overhead":
            # CUDA graphs are only used where what the step changes stays at its address.
            for tensor in [*self.values, *self.moments[0], *self.moments[1], self.rate]:
                torch._dynamo.mark_static_address(tensor)
        self.compiled = torch.compile(
            whole_step_of(self.options), mode=COMPILE_MODES[self.options.variant], dynamic=False
        )

    def reset(self):
        self.reset_parameters()
        for moments in self.moments:
            torch._foreach_zero_(moments)

    def prepare(self, steps):
        if self.compile_seconds:
            return
        begin = time.perf_counter()
        for step in range(3):
            self.step(step)
        self.synchronize()
        self.compile_seconds = time.perf_counter() - begin

    def step(self, step):
        self.rate.fill_(protocol.adam_scalars(step))
        with torch.no_grad():
            return self.compiled(self.values, *self.moments, self.rate, self.batch(step))


def make_peer(options):
    if options.variant == "eager":
        return Eager(options)
    if options.variant in COMPILE_MODES:
        return Compiled(options)
    from torch_graphs import WholeStepGraph

    return WholeStepGraph(options, int(options.variant.removeprefix("graph-")))


if __name__ == "__main__":
    chosen = protocol.arguments(
        ["eager", "compile", "reduce-overhead", "graph-1", "graph-50"], ["fp32", "tf32", "bf16"]
    )
    protocol.serve(lambda: make_peer(chosen))
