import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("first", ["bam.models.classifier", "bam.models.network.frozen", "bam.cli.quiet"])
def test_triton_is_loaded_before_tensorflow(first, tmp_path):
    """With a stand-in for triton, since the true one comes with PyTorch for GPUs alone."""
    (tmp_path / "triton.py").write_text("import sys\nEARLY = 'tensorflow' not in sys.modules\n")
    program = f"import {first}, sys; assert 'tensorflow' in sys.modules; print(sys.modules['triton'].EARLY)"
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.stdout == "True\n", done.stderr
