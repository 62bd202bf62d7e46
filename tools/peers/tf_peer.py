"""TensorFlow: the tutorial's session loop (TF1 graph and feed), and Keras `fit` with and without
`jit_compile`. Adam of both has epsilon in TensorFlow's form; Keras's default 1e-7 is set to 1e-8.
"""

import os
import sys
import time

sys.dont_write_bytecode = True
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import protocol
import tensorflow as tf
from start import Start


def set_threads(threads):
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


class TensorFlowPeer(protocol.Peer):
    def __init__(self, options):
        set_threads(options.threads)
        tf.config.experimental.enable_tensor_float_32_execution(options.precision == "tf32")
        if options.device == "cuda" and not tf.config.list_physical_devices("GPU"):
            raise RuntimeError("TensorFlow sees no GPU")
        if options.device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        self.options = options
        self.start = Start(options.start)
        self.images = self.start.train_images()
        self.build()

    def info(self):
        return {
            "versions": {"tensorflow": tf.__version__, "keras": tf.keras.__version__},
            "threads": self.options.threads,
            "precision": self.options.precision,
        }


class Session(TensorFlowPeer):
    """As in the tutorial: placeholder, variables, AdamOptimizer, one session call a step."""

    adam_form = "tensorflow_float32"

    def build(self):
        v1 = tf.compat.v1
        with tf.Graph().as_default():
            self.input = v1.placeholder(tf.float32, [None, self.images.shape[1]])
            a = self.input
            pairs = []
            for weight, bias in self.start.parameters:
                w, b = tf.Variable(weight.T.copy()), tf.Variable(bias)
                pairs += [w, b]
                a = tf.nn.relu(tf.matmul(a, w) + b)
            self.loss = tf.reduce_mean(tf.square(a - self.input))
            optimizer = v1.train.AdamOptimizer(
                protocol.LEARNING_RATE, protocol.BETA1, protocol.BETA2, protocol.EPSILON
            )
            self.update = optimizer.minimize(self.loss)
            self.initialise = v1.global_variables_initializer()
            threads = self.options.threads
            self.session = v1.Session(
                config=v1.ConfigProto(
                    intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads
                )
            )

    def reset(self):
        self.session.run(self.initialise)

    def step(self, step, fetch):
        rows = self.start.order[step % self.start.steps]
        return self.session.run(fetch, {self.input: self.images[rows]})

    def run(self, first, steps):
        for step in range(first, first + steps):
            self.step(step, self.update)

    def losses(self, steps):
        self.reset()
        return [self.step(step, [self.loss, self.update])[0] for step in range(steps)]


class Keras(TensorFlowPeer):
    adam_form = "keras_float32"

    def build(self):
        layers = [tf.keras.layers.Input((self.images.shape[1],))]
        layers += [
            tf.keras.layers.Dense(len(bias), activation="relu")
            for _, bias in self.start.parameters
        ]
        self.model = tf.keras.Sequential(layers)
        self.optimizer = tf.keras.optimizers.Adam(
            protocol.LEARNING_RATE, protocol.BETA1, protocol.BETA2, epsilon=protocol.EPSILON
        )
        self.model.compile(
            self.optimizer, "mse", jit_compile=self.options.variant == "keras-jit"
        )
        self.table = tf.constant(self.images)

    def reset(self):
        self.model.set_weights(
            [array for weight, bias in self.start.parameters for array in (weight.T, bias)]
        )
        for variable in self.optimizer.variables:
            if variable is not self.optimizer._learning_rate:
                variable.assign(tf.zeros_like(variable))

    def batches(self, first, steps):
        """The gather is a step of the input pipeline, as in any Keras programme."""

        def gather(rows):
            x = tf.gather(self.table, rows)
            return x, x

        rows = tf.data.Dataset.from_tensor_slices(self.start.rows(first, steps))
        return rows.map(gather, num_parallel_calls=1).prefetch(2)

    def prepare(self, steps):
        if not self.compile_seconds:
            begin = time.perf_counter()
            self.run(0, 2)
            self.compile_seconds = time.perf_counter() - begin

    def run(self, first, steps):
        self.model.fit(self.batches(first, steps), verbose=0)

    def losses(self, steps):
        """Epochs of one step, because Keras reports the mean over an epoch."""
        self.prepare(steps)
        self.reset()
        history = self.model.fit(
            self.batches(0, steps), epochs=steps, steps_per_epoch=1, verbose=0
        )
        return history.history["loss"]


if __name__ == "__main__":
    chosen = protocol.arguments(["session", "keras", "keras-jit"], ["fp32", "tf32"])
    protocol.serve(lambda: (Session if chosen.variant == "session" else Keras)(chosen))
