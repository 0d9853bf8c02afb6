import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bam
from bam.base.errors import BamError
from bam.metrics.__main__ import main
from bam.models import load_classifier
from bam.models.torch.built import read_size
from bam.models.torch.importing import import_torch

PAGE = Path(__file__).parents[3] / "docs" / "torch.md"
needs_torch = pytest.mark.usefixtures("torch")

RESNET18 = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, wide, width, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(wide, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if wide != width or stride != 1:
            shortcut = nn.Conv2d(wide, width, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(width))

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        x = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        x += identity
        return self.relu(x)

class ResNet18(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        wide = 64
        for number, (width, stride) in enumerate(((64, 1), (128, 2), (256, 2), (512, 2)), 1):
            blocks = Block(wide, width, stride), Block(width, width, 1)
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
            wide = width
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(512, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))

def build():
    torch.manual_seed(0)
    return ResNet18(5)
"""
VIT = """
import torch
from torch import nn

class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        batch, tokens, dim = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        x = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(batch, tokens, dim))

class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(dim), Attention(dim, heads), nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))

class VisionTransformer(nn.Module):
    def __init__(self, classes, size=32, patch=8, dim=24):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, dim, patch, patch)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.randn(1, (size // patch) ** 2 + 1, dim))
        self.blocks = nn.Sequential(Block(dim, 3), Block(dim, 3))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, classes)

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])

def build():
    torch.manual_seed(0)
    return VisionTransformer(5)
"""
HUGGING_FACE = """
import torch
from transformers import ViTConfig, ViTForImageClassification

def build():
    torch.manual_seed(0)
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 48}
    return ViTForImageClassification(ViTConfig(image_size=32, patch_size=8, num_labels=5, **sizes))
"""


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def photos(tmp_path):
    """A folder of three photographs, and the names of five classes."""
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        pixels = rng.integers(0, 256, (5, 4, 3), np.uint8)
        Image.fromarray(pixels).resize((40, 36)).save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "names.txt").write_text("\n".join("abcde"))
    return tmp_path


@needs_torch
@pytest.mark.parametrize("name", ["resnet18", "vit", "hugging_face"])
def test_a_model_in_one_flag(name, photos, capsys):
    if name == "hugging_face":
        pytest.importorskip("transformers")
    text = {"resnet18": RESNET18, "vit": VIT, "hugging_face": HUGGING_FACE}[name]
    (photos / "nets.py").write_text(text)
    given = {
        "--model": photos / "nets.py:build",
        "--class_names": photos / "names.txt",
        "--input_size": 64 if name == "resnet18" else 32,
        "--preprocess": "0.5/0.5",
        "--images": photos / "photos",
        "--out": photos / "out",
        "--metric": "deletion",
        "--methods": "smoothgrad(samples=2),grad_cam,guided_backprop,attention_rollout,rise(samples=8)",
        "--batch_size": 2,
    }
    main(["bam metrics", *(str(word) for pair in given.items() for word in pair)])
    out = capsys.readouterr().out
    assert "| smoothgrad(samples=2) |" in out
    assert "nets:build was in training mode, and is set to evaluation mode." in out
    assert ("| grad_cam |" in out) == ("| guided_backprop |" in out) == (name == "resnet18")
    assert "attention_rollout (the attention of a network of PyTorch" in out
    if name == "resnet18":
        assert "| layer4 |" in out
    else:
        assert "grad_cam (the network has no feature maps)" in out


@needs_torch
def test_the_example_of_the_page(photos, torch, monkeypatch):
    monkeypatch.chdir(photos)
    *_, example = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    Path("nets.py").write_text(example)
    Path("names.txt").write_text("\n".join("abcdefghij"))
    own = load_classifier(
        "nets.py:build", class_names="names.txt", input_size=64, preprocess="imagenet", batch_size=3
    )
    assert (own.name, own.batch_size, own.labels, own.feature_layer()) == ("nets:build", 3, None, "5")
    image = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    module = own.torch_network.module
    assert not module.training
    assert not any(weight.requires_grad for weight in module.parameters())
    mean, sd = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = module(((torch.tensor(image) / 255 - mean) / sd).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(own.logits(image), expected, rtol=1e-4, atol=1e-5)
    shown = bam.show(
        "grad_cam", model="nets.py:build", images="photos", class_names="names.txt", input_size=64
    )
    assert shown.maps.networks


BAD = """
import torch
from torch import nn

class Answers(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.conv, self.answer = nn.Conv2d(3, 2, 3), answer

    def forward(self, x):
        return self.answer(self.conv(x).mean((2, 3)), x)

def logits():
    return Answers(lambda logits, x: logits).eval()
def pair():
    return Answers(lambda logits, x: (logits, x))
def dictionary():
    return Answers(lambda logits, x: {"logits": logits, "loss": None}).eval()
def other_dictionary():
    return Answers(lambda logits, x: {"out": logits})
def maps():
    return Answers(lambda logits, x: x)
def cut_off():
    return Answers(lambda logits, x: logits.detach())
def probabilities():
    return Answers(lambda logits, x: logits.softmax(1))
def random():
    return Answers(lambda logits, x: logits + torch.rand(2))
def channels_last():
    first = nn.Conv2d(3, 2, 3)
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(3, 2, 3)
        def forward(self, x):
            return self.first(x.permute(0, 3, 1, 2)).mean((2, 3))
    return Turned()
def other_size():
    return nn.Sequential(nn.Flatten(), nn.Linear(300, 2))
def failing():
    raise KeyError("weights\\n of the net")
def leaving():
    raise SystemExit("usage")
def for_gpus():
    raise RuntimeError("deserialize object on a CUDA device but torch.cuda.is_available() is False")
def number():
    return 3
def needs_more(path):
    return None
"""
WRONG = {
    "maps": "gives values (2, 3, 8, 9) for 2 images, but logits (2, classes) are needed",
    "other_dictionary": "gives a dict for 2 images",
    "cut_off": "has no derivative by its pixels: take out what stops it",
    "probabilities": "gives probabilities, but logits are needed",
    "random": "answers differently when asked twice",
    "channels_last": "takes pictures with channels last, (N, 8, 9, 3)",
    "other_size": "cannot be asked with pictures (N, 3, 8, 9) (RuntimeError: mat1 and mat2",
    "failing": "failing() failed (KeyError: 'weights",
    "leaving": "leaving() failed (SystemExit: usage)",
    "for_gpus": "load weights with map_location='cpu'",
    "number": "bad:number gives int, but an nn.Module of PyTorch is needed",
    "needs_more": "needs_more() failed (TypeError: needs_more() missing 1 required positional argument",
    "logit": "has no function logit: did you mean 'logits'? it defines Answers, logits, pair",
}


@needs_torch
@pytest.mark.parametrize("function", WRONG)
def test_what_cannot_be_asked_is_one_line(function, tmp_path, torch):
    if function == "for_gpus" and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    (tmp_path / "bad.py").write_text(BAD)
    with pytest.raises(BamError) as caught:
        load_classifier(tmp_path / f"bad.py:{function}", class_names=["a", "b"], input_size=(8, 9))
    assert WRONG[function] in str(caught.value)
    assert "\n" not in str(caught.value)


@needs_torch
def test_logits_in_tuples_and_dictionaries(tmp_path, torch):
    (tmp_path / "bad.py").write_text(BAD)
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 9, 3)).astype(np.float32)
    remarks = {}
    for name in ("logits", "pair", "dictionary"):
        torch.manual_seed(0)
        found = load_classifier(tmp_path / f"bad.py:{name}", class_names=["a", "b"], input_size="8,9")
        remarks[name] = found.remarks
        expected = found.torch_network.module.conv(torch.tensor(images).permute(0, 3, 1, 2)).mean((2, 3))
        np.testing.assert_allclose(found.logits(images), expected.numpy(), rtol=1e-4, atol=1e-3)
    assert remarks == {
        "logits": (),
        "dictionary": (),
        "pair": (
            "bad:pair was in training mode, and is set to evaluation mode.",
            "Of the 2 results of bad:pair the first is explained.",
        ),
    }


@needs_torch
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"input_size": None}, "a network of PyTorch needs `input_size`, as 224"),
        ({"input_size": "8,9,3"}, "`input_size` must be a number of pixels, or height,width, not '8,9,3'"),
        ({"input_size": "big"}, "`input_size` must be"),
        ({"input_size": 0}, "`input_size` must be"),
        ({"class_names": None}, "a network of your own needs `class_names`"),
        ({"class_names": list("abc")}, "has 2 outputs, but 3 class names"),
        ({"preprocess": "torch"}, "unknown preprocessing 'torch'"),
        ({"precision": "bfloat16"}, "computes in float32: leave out `precision`"),
    ],
)
def test_wrong_settings_are_one_line(more, words, tmp_path):
    (tmp_path / "bad.py").write_text(BAD)
    given = {"class_names": ["a", "b"], "input_size": (8, 9), **more}
    with pytest.raises(BamError) as caught:
        load_classifier(tmp_path / "bad.py:logits", **given)
    assert words in str(caught.value)


def test_sizes():
    assert [read_size(size) for size in (8, "8", "8,9", "8x9", (8, 9), [8, 9])] == [
        *((8, 8), (8, 8)),
        *[(8, 9)] * 4,
    ]


@needs_torch
def test_files_that_are_not_there_or_fail(tmp_path):
    (tmp_path / "nets.py").write_text("raise RuntimeError('operator\\n  nms does not exist')")
    how = {"class_names": ["a", "b"], "input_size": 8}
    with pytest.raises(BamError, match=r"cannot be run \(RuntimeError: operator nms does not exist\)$"):
        load_classifier(tmp_path / "nets.py:build", **how)
    with pytest.raises(BamError, match=r"there is no Python file .*net\.py.*did you mean"):
        load_classifier(tmp_path / "net.py:build", **how)


def test_input_size_is_for_networks_of_ones_own(scene_model_folder, tmp_path):
    with pytest.raises(BamError, match="`input_size` is for a network of your own: the model scene"):
        load_classifier(scene_model_folder / "scene", input_size=8)


@pytest.mark.parametrize("error", [ImportError("No module named 'torch'"), RuntimeError("broken\nbuild")])
def test_without_pytorch_there_is_a_hint(error, tmp_path, monkeypatch):
    class Missing:
        def find_spec(self, name, *rest):
            if name.split(".")[0] == "torch":
                raise error

    for name in [name for name in sys.modules if name.split(".")[0] == "torch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    (tmp_path / "nets.py").write_text("import torch")
    for ask in (
        import_torch,
        lambda: load_classifier(tmp_path / "nets.py:build", class_names=["a", "b"], input_size=8),
    ):
        with pytest.raises(BamError) as caught:
            ask()
        assert "pip install 'bam-benchmark[torch]'" in str(caught.value)
        assert "\n" not in str(caught.value)
