"""Train f_o and f_s in PyTorch on what `bam build --export` wrote, to be scored as a pair.

bam build --export exported
python docs/examples/train_torch.py exported
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

SIZE = 64  # pixels of the pictures that the networks take
EPOCHS = 6
BATCH = 64
RATE = 3e-3
WEIGHTS = Path("runs/torch")
FOLDERS = {"object": "obj", "scene": "scene"}  # of the export, by what they are labelled with


def object_network() -> nn.Module:
    """The trained network that names objects, as --models object=FILE.py:object_network asks for it."""
    return trained("object")


def scene_network() -> nn.Module:
    """The trained network that names scenes."""
    return trained("scene")


def trained(labels: str) -> nn.Module:
    """A network with the weights that `train` wrote."""
    network = untrained()
    network.load_state_dict(torch.load(WEIGHTS / f"{labels}.pt", map_location="cpu", weights_only=True))
    return network


def untrained(classes: int = 10) -> nn.Module:
    """Convolutions, each with a batch norm and a ReLU; the last feature maps are 8 x 8."""
    layers, channels = [], 3
    for width, stride in ((32, 2), (64, 2), (128, 2), (128, 1)):
        layers += [nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def pictures(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """All pictures below a folder with one folder a class, uint8 (N, 3, SIZE, SIZE), and their classes.

    Classes are in alphabetical order, which is that of BAM's labels too.
    """
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    files = [(file, label) for label, path in enumerate(classes) for file in sorted(path.iterdir())]
    small = [
        np.asarray(Image.open(file).resize((SIZE, SIZE), Image.Resampling.BILINEAR)) for file, _ in files
    ]
    images = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).contiguous()
    return images, torch.tensor([label for _, label in files])


def train(labels: str, export: Path) -> None:
    """Train a network on the composites of an export, and write its weights."""
    torch.manual_seed(0)
    images, classes = pictures(export / FOLDERS[labels] / "train")
    network = untrained()
    steps = EPOCHS * (len(images) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for epoch in range(1, EPOCHS + 1):
        right = 0
        for batch in torch.randperm(len(images))[: len(images) // BATCH * BATCH].split(BATCH):
            given = images[batch].float() / 255  # as --preprocess 0..1 has it
            given = given.flip(3) if torch.rand(()) < 0.5 else given
            logits = network(given)
            optimizer.zero_grad()
            nn.functional.cross_entropy(logits, classes[batch]).backward()
            optimizer.step()
            schedule.step()
            right += int((logits.argmax(1) == classes[batch]).sum())
        print(
            f"{labels}: epoch {epoch} of {EPOCHS}, accuracy in training {right / len(images):.3f}", flush=True
        )
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), WEIGHTS / f"{labels}.pt")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1], "export.json").is_file():
        sys.exit("usage: train_torch.py FOLDER, one that `bam build --export FOLDER` wrote")
    for name in FOLDERS:
        train(name, Path(sys.argv[1]))
    pair = ",".join(f"{name}={sys.argv[0]}:{name}_network" for name in FOLDERS)
    how = f"--models {pair} --input_size {SIZE} --preprocess 0..1"
    print(f"bam validate {how}\nbam metrics --metric mcs,idr {how}")
