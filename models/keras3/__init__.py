"""Networks of Keras 3, made ones of tf_keras: the same graph of layers with the same weights."""
