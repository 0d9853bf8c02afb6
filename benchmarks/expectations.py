"""What each metric is expected to say of each known-answer network, and why; from theory, not from outcomes.

On each network one method tells the truth (`METHOD`), and another one is wrong about it though it may look
right. A metric can prefer the truth, the other one, or neither (the 95% interval of their difference over the
images holds 0), or be silent (it counts no image, or says nothing of one of the two).
"""

from __future__ import annotations

from dataclasses import dataclass

TRUTH, OTHER, NEITHER, SILENT = "the truth", "the other", "neither", "silent"
METHOD = "integrated_gradients"  # what it says adds up to the logit, and is exact where that is linear


@dataclass(frozen=True)
class Expected:
    """verdict: one of those above. reason: why."""

    verdict: str
    reason: str


# The method that is wrong about each network, and what is wrong about it.
WRONG = {
    "blind": ("object_mask", "the object does nothing"),
    "additive": ("object_mask", "the scene counts too, and a third of the objects speak against the class"),
    "linear": ("edges", "it does not know the network, which reads all pixels, with either sign"),
    "saturated": ("vanilla_gradient", "it is 0 everywhere where the object is there"),
    "edges": ("edges", "it marks what such a network reads, but knows neither what it compares nor where"),
}
# Metrics that change pixels in the order of relevance, of which the same is expected.
ORDERED = ("deletion", "insertion", "black_deletion", "blur_deletion", "mean_deletion", "road", "inpainting")
UNSUITED = {
    "rmcs": "it compares ten networks, of the commonality series",
    "tcav": "it scores networks, and no method",
}
_CROP = Expected(NEITHER, "a crop moves and enlarges the pixels, and these networks read fixed places")


def _on(network: str, **of: tuple[str, str]) -> dict[tuple[str, str], Expected]:
    """By network and metric; `ordered` stands for all of `ORDERED`."""
    found = {"saliency": _CROP}
    for name, given in of.items():
        found |= dict.fromkeys(ORDERED if name == "ordered" else (name,), Expected(*given))
    return {(network, name): each for name, each in found.items()}


EXPECTED: dict[tuple[str, str], Expected] = {
    **_on(
        "blind",
        mcs=(OTHER, "MCS takes it for granted that f_o uses the object, and the mask then has 1"),
        idr=(
            OTHER,
            "the truth is 0 on the object's region with and without it: a tie, which counts as failure",
        ),
        iir=(TRUTH, "the region stays 0 whatever is pasted, and the mask follows the patch"),
        localisation=(SILENT, "removing the object never lowers the logit, so that no image counts"),
        ordered=(TRUTH, "what the mask changes first changes nothing"),
        violation=(NEITHER, "a patch on the object changes nothing, which violates no sign"),
        robustness=(OTHER, "the mask stays whatever happens to the pixels"),
        effect=(SILENT, "no object has an effect, so that nothing correlates with it"),
        randomisation=(TRUTH, "the mask does not change with the weights"),
    ),
    **_on(
        "additive",
        mcs=(OTHER, "the mask has 1, the most there can be, whatever the mixing weight is"),
        idr=(OTHER, "IDR wants less attribution with the object, which raises the logit in two thirds"),
        iir=(TRUTH, "the mask follows the patch in every image, the truth's positive part in some"),
        localisation=(OTHER, "it takes it for granted that only the object is read: the mask is its oracle"),
        ordered=(
            TRUTH,
            "the mask holds the scene's evidence back, and removes what speaks against the class",
        ),
        violation=(TRUTH, "the mask is positive on objects that speak against the class"),
        robustness=(OTHER, "the mask stays whatever happens to the pixels"),
        effect=(SILENT, "the mask changes by the same in all images, which correlates with nothing"),
        randomisation=(TRUTH, "the mask does not change with the weights"),
    ),
    **_on(
        "linear",
        mcs=(TRUTH, "edges are the same for both networks: 0"),
        idr=(NEITHER, "the object raises the logit in two thirds; and edges are as they are in the pictures"),
        iir=(NEITHER, "a patch changes edges, but the positive part of the evidence as well"),
        localisation=(NEITHER, "the network reads all of the picture: where edges are is as good a guess"),
        ordered=(TRUTH, "edges do not tell evidence for the class from evidence against it"),
        violation=(TRUTH, "edges are positive, and half of the strongest patches speak against the class"),
        robustness=(OTHER, "weights stay where they are when the picture moves, and edges move along"),
        effect=(TRUTH, "edges do not tell how strongly an object speaks for the class"),
        randomisation=(TRUTH, "edges do not change with the weights"),
    ),
    **_on(
        "saturated",
        mcs=(TRUTH, "a map of 0 is the same for both networks"),
        idr=(OTHER, "without the object the sum is below 1 and the gradient alive: 0 with it is less"),
        iir=(OTHER, "below 1 the gradient is the same for all pictures, and evidence changes with the patch"),
        localisation=(TRUTH, "a map of 0 has the object's share of the picture"),
        ordered=(TRUTH, "a map of 0 gives a random order"),
        violation=(NEITHER, "a map of 0 never violates, and evidence seldom does"),
        robustness=(SILENT, "the similarity of maps of 0 is undefined"),
        effect=(TRUTH, "the gradient is 0 with any object, so that its change tells none from another"),
        randomisation=(SILENT, "the similarity of maps of 0 is undefined"),
    ),
    **_on(
        "edges",
        mcs=(TRUTH, "edges are the same for both networks, which read other places: 0"),
        idr=(OTHER, "f_s reads the window alone: the truth ties, edges do where the object has more of them"),
        iir=(TRUTH, "f_s reads the window alone: nothing changes in the region, but edges do"),
        localisation=(TRUTH, "edges in the window and in the scene are taken for relevant"),
        ordered=(NEITHER, "the network compares edges: nearly the same pixels come first"),
        violation=(NEITHER, "the strongest edges are evidence for the class in both"),
        robustness=(OTHER, "edges move with the picture, and what is compared with them stays"),
        effect=(TRUTH, "edges do not tell how strongly an object speaks for the class"),
        randomisation=(TRUTH, "edges do not change with the weights"),
    ),
}
# Methods whose relevance of a block is, by theory, what making it black costs: where the logit is linear on
# the way to black, gradient times the way is exact; where it is flat at the picture, the gradient is 0.
LINEAR = ("integrated_gradients", "gradient_x_input", "gradient_shap", "guided_integrated_gradients")
EXACT = {"blind": LINEAR, "additive": LINEAR, "linear": LINEAR, "saturated": (), "edges": ()}
ZERO = {"saturated": ("vanilla_gradient", "gradient_x_input", "guided_backprop", "deconvnet")}
