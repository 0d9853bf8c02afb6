"""Dropout that does not depend on what was drawn before."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from bam.models.training.dropout import follow_steps, with_stepwise_dropout


def network():
    inputs = keras.Input((50, 40))
    x = keras.layers.Dropout(0.25, name="first")(inputs)
    return keras.Model(inputs, keras.layers.Dropout(0.25, name="second")(x))


def outputs(seed=0, step=0):
    model, optimizer = with_stepwise_dropout(network(), seed), keras.optimizers.AdamW()
    optimizer.build(model.trainable_variables)
    follow_steps(model, optimizer)
    optimizer.iterations.assign(step)
    return model(tf.ones((20, 50, 40)), training=True).numpy()


def test_values_are_dropped_at_the_rate_and_the_others_grow():
    found = outputs()
    np.testing.assert_allclose(np.unique(found), [0, 1 / 0.75**2], rtol=1e-6)
    assert abs((found > 0).mean() - 0.75**2) < 0.01  # so the two layers are independent
    assert abs(found.mean() - 1) < 0.02
    assert not np.array_equal(found[0], found[1])


def test_what_is_dropped_depends_on_seed_and_step_alone():
    np.testing.assert_array_equal(outputs(3, 7), outputs(3, 7))
    assert not np.array_equal(outputs(3, 7), outputs(3, 8))
    assert not np.array_equal(outputs(3, 7), outputs(4, 7))


def test_nothing_is_dropped_in_use():
    model = with_stepwise_dropout(network(), 0)
    np.testing.assert_array_equal(model(tf.ones((2, 50, 40))), np.ones((2, 50, 40)))
