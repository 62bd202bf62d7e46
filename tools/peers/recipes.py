"""The recipes of the whole-job comparison, for the peers. hourglass has them as presets."""

import dataclasses
import math

STEPS_PER_EPOCH = 366  # of 150 images out of 55,000


@dataclasses.dataclass(frozen=True)
class Recipe:
    hidden: str
    bounded: bool  # activation `hidden` on the code and the output too; linear otherwise
    learning_rate: float
    beta1: float
    beta2: float
    cosine: bool  # 100 steps of linear warm-up, then a cosine to 0; constant otherwise
    tensorflow_form: bool  # of Adam's epsilon

    def activation(self, layer, layers):
        """Of layer `layer` (from 0); the code is the output of layer layers / 2 - 1."""
        linear = not self.bounded and layer in (layers // 2 - 1, layers - 1)
        return "linear" if linear else self.hidden

    def rate(self, step, steps):
        if not self.cosine:
            return self.learning_rate
        warm_up = min(1.0, (step + 1) / 100)
        return self.learning_rate * warm_up * 0.5 * (1 + math.cos(math.pi * step / steps))


RECIPES = {
    # To the letter.
    "tutorial": Recipe("relu", True, 0.01, 0.9, 0.999, False, True),
    # The best found without principal initialisation.
    "plain": Recipe("gelu", False, 2e-3, 0.9, 0.999, True, False),
    # hourglass's default, from the start that hourglass computed: a gift of the PCA.
    "principal": Recipe("gelu", False, 3e-3, 0.95, 0.99, True, False),
}
EPSILON = 1e-8


def adam_scalars(recipe, step, steps):
    """(rate, epsilon) of w -= rate * m / (sqrt(v) + epsilon), bias corrections inside."""
    t = step + 1
    root = (1 - recipe.beta2**t) ** 0.5
    rate = recipe.rate(step, steps) * root / (1 - recipe.beta1**t)
    return rate, EPSILON if recipe.tensorflow_form else EPSILON * root
