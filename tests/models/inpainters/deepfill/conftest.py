"""DeepFill once more, in loops and numpy alone, as its description has it."""

from types import SimpleNamespace

import numpy as np
import pytest


def kept(count, wanted):
    """Which of `count` pixels are kept, in whole numbers: i (count - 1) / (wanted - 1), halves up."""
    if wanted == 1:
        return [0]
    return [(2 * i * (count - 1) + wanted - 1) // (2 * (wanted - 1)) for i in range(wanted)]


def shrunk(values, height, width):
    """Nearest-neighbour reduction of (H, W, ...), corner to corner."""
    return values[kept(len(values), height)][:, kept(values.shape[1], width)]


def block(values, top, left, side):
    """The square of `side` pixels of (H, W, C), zeros outside."""
    found = np.zeros((side, side, values.shape[2]))
    for i in range(side):
        for j in range(side):
            if 0 <= top + i < values.shape[0] and 0 <= left + j < values.shape[1]:
                found[i, j] = values[top + i, left + j]
    return found


def neighbours_added(scores, order):
    """S[i-1, j-1] + S[i, j] + S[i+1, j+1], cells counted in this order."""
    count, fused = len(scores), np.zeros_like(scores)
    for i in range(count):
        for j in range(count):
            for step in (-1, 0, 1):
                if 0 <= i + step < count and 0 <= j + step < count:
                    fused[order[i], order[j]] += scores[order[i + step], order[j + step]]
    return fused


def attention(features, hole):
    """Contextual attention of one item: features (H, W, C), hole (H, W)."""
    height, width = features.shape[0] // 2, features.shape[1] // 2
    cells = [(r, c) for r in range(height) for c in range(width)]
    small, mask = shrunk(features, height, width), shrunk(hole, height, width)
    queries = [block(small, r - 1, c - 1, 3) for r, c in cells]
    scores = np.array([[(p * k).sum() / max((k**2).sum() ** 0.5, 1e-4) for k in queries] for p in queries])
    by_rows = list(range(len(cells)))
    by_columns = sorted(by_rows, key=lambda i: cells[i][::-1])
    scores = neighbours_added(neighbours_added(scores, by_rows), by_columns)
    valid = np.array([not block(mask[..., None], r - 1, c - 1, 3).any() for r, c in cells])
    logits = 10 * scores * valid
    weights = np.exp(logits - logits.max(1, keepdims=True))
    weights = weights / weights.sum(1, keepdims=True) * valid
    result = np.zeros((2 * height + 2, 2 * width + 2, features.shape[2]))
    for i, (r, c) in enumerate(cells):
        for j, (other, column) in enumerate(cells):
            patch = weights[i, j] * block(features, 2 * other - 1, 2 * column - 1, 4)
            result[2 * r : 2 * r + 4, 2 * c : 2 * c + 4] += patch / 4
    return result[1:-1, 1:-1]


def convolved(values, kernel, bias, stride, rate):
    """As TensorFlow has it, "SAME": what of the zeros cannot be shared evenly lies below and to the right."""
    height, width = values.shape[:2]
    reach = (kernel.shape[0] - 1) * rate
    before = reach // 2 if stride == 1 else (reach - stride + 1) // 2
    wide = np.pad(values, ((before, reach - before), (before, reach - before), (0, 0)))
    result = np.zeros((height // stride, width // stride, kernel.shape[3])) + bias
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            part = wide[i * rate : i * rate + height : stride, j * rate : j * rate + width : stride]
            result += part @ kernel[i, j].astype(float)
    return result


def layers(text, values, variables):
    """What layers make of values; each is named, with its rate where that is not 1."""
    for entry in text.split():
        name, _, rate = entry.partition(":")
        scope = f"inpaint_net/{name}"
        if "upsample" in name:
            scope += f"/{name}_conv"
            values = values.repeat(2, 0).repeat(2, 1)
        kernel, bias = (variables[f"{scope}/{part}"] for part in ("kernel", "bias"))
        values = convolved(values, kernel, bias, 2 if "downsample" in name else 1, int(rate or 1))
        if name.endswith("17"):
            values = np.clip(values, -1, 1)
        elif name == "pmconv6":
            values = np.maximum(values, 0)
        else:
            values = np.where(values > 0, values, np.expm1(values))
    return values


def generator(variables, image, hole):
    """What both networks paint, in blue, green, red: image uint8 (H, W, 3) in RGB, hole bool (H, W)."""
    hole = hole[..., None].astype(float)
    known = (image[..., ::-1] / 127.5 - 1) * (1 - hole)

    def seen(picture):
        return np.concatenate([picture, np.ones_like(hole), hole], 2)

    def down(name):
        return f"{name}1 {name}2_downsample {name}3 {name}4_downsample {name}5 {name}6 "

    def dilated(name):
        return f"{name}7_atrous:2 {name}8_atrous:4 {name}9_atrous:8 {name}10_atrous:16 "

    def up(name):
        return f"{name}11 {name}12 {name}13_upsample {name}14 {name}15_upsample {name}16 {name}17"

    coarse = layers(down("conv") + dilated("conv") + up("conv"), seen(known), variables)
    second = seen(coarse * hole + known)
    features = layers(down("pmconv"), second, variables)
    attended = attention(features, shrunk(hole[..., 0], *features.shape[:2]))
    branches = [
        layers(down("xconv") + dilated("xconv"), second, variables),
        layers("pmconv9 pmconv10", attended, variables),
    ]
    return coarse, layers(up("allconv"), np.concatenate(branches, 2), variables)


@pytest.fixture
def loops():
    """These functions."""
    return SimpleNamespace(kept=kept, shrunk=shrunk, attention=attention, generator=generator)
