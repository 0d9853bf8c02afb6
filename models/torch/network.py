"""A torch module, asked with arrays: what it answers, and the derivatives that attribution needs."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.base.errors import BamError, one_line, unknown
from bam.models.network.probes import noise
from bam.models.network.scales import scale_of
from bam.models.torch.importing import device, import_torch
from bam.models.torch.outputs import first_tensor, logits_of
from bam.models.torch.witnesses import Activations, guide, witnessed

if TYPE_CHECKING:
    import torch

# Pixels of feature maps that one side may lack more than the other.
CUT_OFF = 2


class TorchNetwork:
    """A torch module from float32 (N, 3, H, W), on the scale `preprocess`, to logits (N, classes).

    It is put into evaluation mode, with fixed weights in float32, and on the GPU if there is one. Of what it
    returns the part `logits` counts, as of outputs of Hugging Face, or the first of a tuple. Arrays are
    float32 and have channels last; images (N, H, W, 3) are pixels in 0..255.

    classes: the number of logits. shapes: of what its modules give, without the first axis, by their names,
    in the order in which they are done. remarks: sentences on what was changed of it. digest: identifies
    modules, weights and scale, and what else is `known` to identify it.
    Raises `BamError` for a module that cannot be asked, or gives no logits or no derivatives.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        name: str,
        input_size: tuple[int, int],
        preprocess: str,
        known: str = "",
    ):
        torch = self._torch = import_torch()
        if not isinstance(module, torch.nn.Module):
            kind = type(module).__name__
            raise BamError(f"{name} gives {kind}, but an nn.Module of PyTorch is needed: build one")
        self.name, self.input_size, self.remarks = name, input_size, []
        if any(part.training for part in module.modules()):
            self.remarks.append(f"{name} was in training mode, and is set to evaluation mode.")
        elsewhere = {weight.device for weight in module.parameters()} - {torch.device("cpu")}
        self._device = next(iter(elsewhere), device())
        self.module = module.float().to(self._device).eval().requires_grad_(False)
        *values, self._reversed = scale_of(preprocess)
        self._mean, self._deviation = (self._tensor(each).view(1, 3, 1, 1) for each in values)
        self.digest = self._digest(known, scale_of(preprocess))
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._activations = Activations()
        self._gives_tensor = True
        self.classes = self._probe()

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Of images, (N, classes)."""
        with self._torch.no_grad():
            return _array(self._answers(self._tensor(images)))

    def product(self, images: np.ndarray, upstream: np.ndarray) -> np.ndarray:
        """Derivative by the images of the logits' sum weighted by `upstream` (N, classes), (N, H, W, 3)."""
        pixels = self._tensor(images, derivable=True)
        answers = self._answers(pixels)
        return _array(self._torch.autograd.grad(answers, pixels, self._tensor(upstream))[0])

    def gradient(self, images: np.ndarray, targets: np.ndarray, rule: str | None = None) -> np.ndarray:
        """Derivative of each target's logit by its image, (N, H, W, 3); rule: of ReLUs, see `guide`."""
        pixels = self._tensor(images, derivable=True)
        with witnessed(guide(rule)) if rule else nullcontext():
            score = self._score(self._answers(pixels), targets)
        return _array(self._torch.autograd.grad(score, pixels)[0])

    def layer_gradients(
        self, images: np.ndarray, targets: np.ndarray, layers: Sequence[str]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each module what it gave when it was last called, and the target logit's derivative by it."""
        with self._kept(layers) as kept:
            score = self._score(self._answers(self._tensor(images, derivable=True)), targets)
        outputs = [kept[name] for name in layers]
        found = self._torch.autograd.grad(score, outputs, allow_unused=True)
        zeros = self._torch.zeros_like
        return [
            (self._channels_last(output), self._channels_last(zeros(output) if each is None else each))
            for output, each in zip(outputs, found, strict=True)
        ]

    def features(self, images: np.ndarray, layer: str) -> np.ndarray:
        """What a module gave when it was last called."""
        with self._kept([layer]) as kept, self._torch.no_grad():
            self._answers(self._tensor(images))
        return self._channels_last(kept[layer])

    def twin(self) -> torch.nn.Module:
        """A copy of the module that takes (N, 3, H, W) in 0..255 and gives logits, see `twin.torch_twin`."""
        from bam.models.torch import modules

        network, order = modules.Network(), -1 if self._reversed else 1
        values = 1 / self._deviation, -self._mean / self._deviation
        scale, offset = (tuple(each.flatten().tolist()[::order]) for each in values)
        # First, so that where relevance is shared out by value, pixels of 0 get theirs.
        place = network.append("scale_of_pixels", modules.Rescaled(scale, offset, dims=2), (0,))
        if self._reversed:
            place = network.append("order_of_channels", modules.Flipped(1), (place,))
        module = copy.deepcopy(self.module).cpu().requires_grad_(True)
        for part in module.modules():
            if getattr(part, "inplace", False) is True:
                part.inplace = False  # or hooks would see of the layer before what this one makes of it
        place = network.append("network", module, (place,))
        if not self._gives_tensor:
            place = network.append("logits", modules.Logits(), (place,))
        network.ends = {name: f"network.{name}" for name in self.shapes}
        return network.ended(place)

    def check_layer(self, name: str) -> None:
        """Raise `BamError` if this is not the name of a module that gives a tensor."""
        if name not in self.shapes:
            raise unknown(f"layer of {self.name}", name, self.shapes)

    def feature_maps(self) -> str | None:
        """The last module that gives feature maps, behind the first convolution; None if there is none.

        A network with a sequence of tokens behind its feature maps, as a transformer has, has none.
        """
        names = list(self.shapes)
        first = next((place for place, name in enumerate(names) if self._looks_around(name)), len(names))
        for name in reversed(names[first:]):
            shape = self.shapes[name]
            if len(shape) == 2 and shape[0] > 1:
                return None
            if len(shape) == 3 and shape[0] > 1:
                return name
        return None

    def unguidable(self) -> str | None:
        """What keeps its ReLUs from being guided, in a few words; None if nothing does."""
        return self._activations.unguidable()

    def _looks_around(self, name: str) -> bool:
        """Whether a module has weights that combine several pixels."""
        weights = self.module.get_submodule(name).parameters()
        return any(weight.ndim == 4 and max(weight.shape[2:]) > 1 for weight in weights)

    def _tensor(self, array: Any, derivable: bool = False) -> torch.Tensor:
        how = {"dtype": self._torch.float32, "device": self._device, "requires_grad": derivable}
        return self._torch.tensor(array, **how)

    def _answers(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits of pixels (N, H, W, 3)."""
        return logits_of(self.module(self._pictures(pixels)))

    def _pictures(self, pixels: torch.Tensor) -> torch.Tensor:
        """What the module is given in place of pixels."""
        channels = pixels.permute(0, 3, 1, 2)
        channels = channels.flip(1) if self._reversed else channels
        return ((channels - self._mean) / self._deviation).contiguous()

    def _score(self, answers: torch.Tensor, targets: np.ndarray) -> torch.Tensor:
        """The sum of the targets' logits."""
        chosen = self._torch.tensor(targets, dtype=self._torch.int64, device=self._device)
        return answers.gather(1, chosen[:, None]).sum()

    def _channels_last(self, output: torch.Tensor) -> np.ndarray:
        return _array(output.permute(0, 2, 3, 1) if self._is_channels_first(output) else output)

    def _is_channels_first(self, output: torch.Tensor) -> bool:
        """Whether an output is feature maps (N, C, H, W).

        Some networks, as Swin transformers, have (N, H, W, C): there the second axis and the third, and not
        the third and the fourth, are as the picture's height and width, but for what convolutions cut off.
        """
        if output.ndim != 4:
            return False
        height, width = self.input_size
        first, last = (
            abs(output.shape[at + 1] - output.shape[at] * width / height) <= CUT_OFF for at in (2, 1)
        )
        return first or not last

    @contextmanager
    def _kept(self, layers: Sequence[str]) -> Iterator[dict[str, torch.Tensor]]:
        """Within it, what the modules of these names give is kept."""
        kept: dict[str, torch.Tensor] = {}

        def keeping(name: str) -> Callable:
            def hook(module: Any, given: Any, output: Any) -> Any:
                kept[name] = found = first_tensor(output)
                if self._torch.is_grad_enabled() and not found.requires_grad:
                    found.requires_grad_()  # of what does not depend on the pixels
                copied = found.clone()  # which what comes next may change in place
                if found is output:
                    return copied
                parts = (copied, *output[1:])
                return output._make(parts) if hasattr(output, "_make") else type(output)(parts)

            return hook

        with self._hooked({name: keeping(name) for name in layers}):
            yield kept

    @contextmanager
    def _hooked(self, hooks: Mapping[str, Callable]) -> Iterator[None]:
        """Within it, these hooks are called when the modules of their names are done."""
        modules = dict(self.module.named_modules())
        handles = [modules[name].register_forward_hook(hook) for name, hook in hooks.items()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _digest(self, *known: Any) -> str:
        """SHA-256 over what is known, the modules' names, classes and settings, and the weights."""
        named = self.module.named_modules()
        parts = [(name, type(part).__qualname__, part.extra_repr()) for name, part in named]
        digest = hashlib.sha256(repr((known, parts)).encode())
        for name, value in self.module.state_dict().items():
            if isinstance(value, self._torch.Tensor):
                array = _array(value)
                digest.update(repr((name, array.dtype, array.shape)).encode() + array.tobytes())
            else:
                digest.update(repr((name, value)).encode())
        return digest.hexdigest()

    def _probe(self) -> int:
        """Ask once, see what modules and activations there are, and give the number of classes."""
        pixels = self._tensor(noise(2, (*self.input_size, 3)), derivable=True)

        def recording(name: str) -> Callable:
            def hook(module: Any, given: Any, output: Any) -> None:
                output = first_tensor(output)
                self.shapes.pop(name, None)  # so that the order is that of the last calls
                if output is not None and output.is_floating_point():
                    shape = tuple(output.shape[1:])
                    self.shapes[name] = (*shape[1:], shape[0]) if self._is_channels_first(output) else shape

            return hook

        names = [name for name, _ in self.module.named_modules() if name]
        try:
            with self._hooked({name: recording(name) for name in names}), witnessed(self._activations):
                output = self.module(self._pictures(pixels))
        except Exception as error:  # whatever it is, it is the user's to know
            raise self._refusal(error) from error
        return self._checked(output, pixels)

    def _refusal(self, error: Exception) -> BamError:
        """What is to be said of a module that cannot be asked."""
        height, width = self.input_size
        pictures = self._pictures(self._tensor(np.zeros((2, height, width, 3))))
        try:
            self.module(pictures.permute(0, 2, 3, 1).contiguous())
        except Exception:  # noqa: BLE001, the first error is the one to know
            return BamError(
                f"{self.name} cannot be asked with pictures (N, 3, {height}, {width}) ({one_line(error)}): "
                f"{gpu_hint(error) or 'give the `input_size` that it takes'}"
            )
        return BamError(
            f"{self.name} takes pictures with channels last, (N, {height}, {width}, 3), but an nn.Module of "
            f"(N, 3, {height}, {width}) is needed: let it begin with x.permute(0, 2, 3, 1)"
        )

    def _checked(self, output: Any, pixels: torch.Tensor) -> int:
        """The number of classes. Raises `BamError` for no logits, or none with a derivative by the pixels."""
        logits = logits_of(output)
        if logits is None or logits.ndim != 2 or len(logits) != 2 or not logits.is_floating_point():
            found = f"a {type(output).__name__}" if logits is None else f"values {tuple(logits.shape)}"
            raise BamError(
                f"{self.name} gives {found} for 2 images, but logits (2, classes) are needed: let it end so"
            )
        self._gives_tensor = logits is output
        if isinstance(output, (tuple, list)) and not hasattr(output, "logits"):
            self.remarks.append(f"Of the {len(output)} results of {self.name} the first is explained.")
        derive = self._torch.autograd.grad
        found = derive(logits.sum(), pixels, allow_unused=True)[0] if logits.requires_grad else None
        if found is None:
            raise BamError(
                f"{self.name} has no derivative by its pixels: take out what stops it (torch.no_grad, detach)"
            )
        return logits.shape[1]


def gpu_hint(error: BaseException) -> str:
    """What to do about an error for want of a GPU; "" for another error."""
    wanting = "cuda" in str(error).lower() and not import_torch().cuda.is_available()
    return "there is no GPU here, load weights with map_location='cpu', and leave out .cuda()" * wanting


def _array(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().numpy())
