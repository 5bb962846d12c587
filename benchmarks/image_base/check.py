"""Does the small image model draw what its captions say? The judge names the caption of each drawing.

    python -m benchmarks.image_base.check [FOLDER]

Each of the 160 pairs of colour and kind is drawn by the model from new noise, on a background drawn by lot. The judge
compares the drawing with the mean features of four rule-made pictures of every pair, and names the nearest. By chance
one in 160 pairs is right, one in 20 kinds and one in 8 colours. The same is asked of pictures made by rule: what the
judge can name at best.
"""

import random
import sys
from pathlib import Path

import torch
from PIL.Image import Image
from torch import Tensor
from torch.nn.functional import normalize

from benchmarks.image_base.captions import BACKGROUNDS, COLOURS, Caption, drawn, held_out
from benchmarks.image_base.kinds import KINDS
from paretune.engine.diffusion import sample
from paretune.kinds.drawings import to_image
from paretune.models.codec import TextSettings
from paretune.models.image import load_codec, load_transformer
from paretune.models.image_encoder import EMBEDDED_JUDGE, ImageEncoder, load_image_encoder
from paretune.models.reference import parse, shipped_folder
from paretune.spec import ImageRecipe

_MODELS = 4
"""Rule-made pictures of each pair."""
_RECIPE = ImageRecipe(pixels=32, sampling_steps=16)


def main(folder: Path) -> None:
    """Print how often the judge names kind, colour and both."""
    judge, draw = load_image_encoder(EMBEDDED_JUDGE), random.Random("check of the image base")
    pairs = [(kind, colour) for kind in KINDS for colour in COLOURS]
    centres = _centres(judge, pairs, draw)
    captions = [Caption(kind, colour, draw.choice(list(BACKGROUNDS))) for kind, colour in pairs]
    rule_made = _named(judge.features([drawn(caption, draw) for caption in captions]), centres, pairs)
    named = _named(judge.features(_drawings(folder, captions)), centres, pairs)
    unseen = [place for place, caption in enumerate(captions) if held_out(caption)]
    _print("pictures made by rule", captions, rule_made, range(len(captions)))
    _print("drawings of the model", captions, named, range(len(captions)))
    _print("of captions never trained on", captions, named, unseen)


def _centres(judge: ImageEncoder, pairs: list[tuple[str, str]], draw: random.Random) -> Tensor:
    """Return the mean features of each pair, of length 1."""
    rows = []
    for kind, colour in pairs:
        captions = [Caption(kind, colour, background) for background in draw.sample(list(BACKGROUNDS), _MODELS)]
        rows.append(judge.features([drawn(caption, draw) for caption in captions]).mean(0))
    return normalize(torch.stack(rows), dim=1)


def _drawings(folder: Path, captions: list[Caption]) -> list[Image]:
    model, codec = load_transformer(folder, "float32", str(folder)), load_codec(folder, "float32")
    settings = TextSettings(8, (1,))
    text = codec.read_captions([caption.text for caption in captions], settings)
    empty = codec.read_captions([""], settings)
    shape = (len(captions), len(codec.positions(32)), model.config.in_channels)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(1234))
    tokens = sample(model, noise, text, empty, codec, _RECIPE, batch_size=32)
    return [to_image(picture) for picture in codec.to_pictures(tokens, 32)]


def _named(features: Tensor, centres: Tensor, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pairs[place] for place in (features @ centres.T).argmax(1).tolist()]


def _print(what: str, captions: list[Caption], named: list[tuple[str, str]], places: range | list[int]) -> None:
    rows = [(captions[place], named[place]) for place in places]
    kind = sum(caption.kind == found[0] for caption, found in rows) / len(rows)
    colour = sum(caption.colour == found[1] for caption, found in rows) / len(rows)
    both = sum((caption.kind, caption.colour) == found for caption, found in rows) / len(rows)
    print(f"{what} ({len(rows)}): kind {kind:.1%}, colour {colour:.1%}, both {both:.1%}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else shipped_folder(parse("shipped:drawings")))
