"""Keras and TensorFlow, for the modules that cannot do without; estimators import those late."""

from landbridge.keras.engine import need_keras

keras, tf = need_keras()
