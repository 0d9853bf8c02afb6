"""What the commands share: flags, exit codes, a quiet start of TensorFlow, trainings of many networks."""
