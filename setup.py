"""Packaging of BAM: `pip install -e .` for use, `pip install -e ".[test]"` for development."""

from setuptools import find_packages, setup

setup(
    name="bam-benchmark",
    version="0.1.0",
    description="A controlled benchmark suite for attribution (saliency) methods",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["bam*", "data_prep*", "models*", "attributions*", "metrics*"]),
    install_requires=[
        "absl-py",
        "matplotlib",
        "numpy",
        "pillow>=10",
        "pycocotools>=2.0.11",
        "scikit-image",
        "scipy",
        "tensorflow>=2.16",
        "tf-keras>=2.16",
        "tqdm",
    ],
    extras_require={
        "stable-diffusion": ["accelerate", "diffusers", "torch", "transformers"],
        "test": ["hypothesis", "pytest", "ruff", "saliency"],
        # Other libraries, to compare maps and speed with. xplique asks for a TensorFlow below 2.21.
        "peers": ["captum", "quantus", "saliency", "torch", "xplique"],
    },
)
