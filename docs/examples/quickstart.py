# %% [markdown]
# # A walk through BAM
#
# Runs from top to end, as a script (`python docs/examples/quickstart.py`) or cell by cell in an editor that
# knows `# %%`. It needs a dataset and one network, and says which commands make them if they are not there:
#
#     bam build
#     bam train --labels scene

# %% Parameters
DATA = "data/bam"
MODELS = "runs/models"
OUT = "runs/quickstart"  # rows, tables, pictures
LIMIT = 40  # test images: few, for a quick look
METHODS = ["vanilla_gradient", "smoothgrad(samples=10)", "grad_cam"]

# %% What is needed
from pathlib import Path

import bam

try:
    dataset = bam.load_dataset(DATA)
    scene = bam.load_classifier(Path(MODELS) / "scene")
except bam.BamError as lacking:
    raise SystemExit(f"{lacking}") from None
out = Path(OUT)
out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## The pictures
#
# A view is one of the paper's image sets. Its images are composed when they are read, and the mask of the
# pasted object comes with them.

# %%
view = dataset.view("object_scene", split="test")
batch = view[:8]
print(view, batch)
print("objects cover", f"{batch.masks.mean():.0%}", "of these images")

# %% [markdown]
# ## The network
#
# It names scenes. The scores below take for granted that it does not rely on the objects: without them it
# must do as well, and with nothing but them no better than chance.

# %%
for name in ("object_scene", "scene_only", "object_only"):
    print(f"accuracy on {name}: {scene.description['accuracy'][name]:.3f}")


# %% [markdown]
# ## A method of your own
#
# A function of a classifier, images and classes to maps, (N, H, W) or (N, H, W, channels), raw and signed.


# %%
def brightness(classifier, images, targets):
    """What is bright: it knows no network, and should do badly."""
    return images.mean(-1)


# %% [markdown]
# ## Maps, before any score
#
# Each image with its object, and without. The number under a map is its mean over the object's region.

# %%
methods = [*METHODS, brightness]
picture = bam.show(methods, data=dataset, models=MODELS, limit=3, pair=True)
print(picture.save(out / "maps.pdf"))
picture

# %% [markdown]
# ## Scores
#
# IDR: in how many images is the object attributed less than the scene that it covers? The controls `random`
# and `edges` are always there; `object_mask`, which knows where the object is, has the best score there is.
# Look at the rank sets: methods whose sets meet cannot be told apart by so few images.

# %%
where = {"data": dataset, "models": MODELS, "out": out, "limit": LIMIT}
idr = bam.score("idr", [*methods, "object_mask"], robustness=False, **where)
print(idr.table())
print("\n".join(idr.warnings()))
idr.write(out)
idr

# %% [markdown]
# Deletion: how soon does the network's answer fall when the most relevant pixels are made grey? It needs no
# truth, and takes any network; it asks another question, and may rank methods otherwise.

# %%
deletion = bam.score("deletion", [*methods, "object_mask"], model="scene", **where)
print(deletion.table())
deletion.write(out)
deletion

# %% [markdown]
# ## Are these metrics to be trusted?

# %%
print(bam.judge([idr, deletion]).table())

# %% [markdown]
# ## Charts, tables, the report

# %%
from bam.metrics.reporting import charts
from bam.metrics.reporting.export import save
from bam.metrics.reporting.report import write_report

save(charts.bars(idr), out / "idr.pdf")
idr.to_latex(out / "idr.tex")
print(write_report(out, DATA, MODELS))
