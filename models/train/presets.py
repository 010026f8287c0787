"""The sizes and step counts of a training run. `cpu` is the one the shipped weights come from."""

from dataclasses import dataclass, replace

from model import Shape


@dataclass(frozen=True)
class Stage:
    """A run of equal steps: `batch` rows of `length` tokens each."""

    steps: int
    batch: int
    length: int


@dataclass(frozen=True)
class Preset:
    device: str
    target: Shape
    draft: Shape
    # Target: most steps on short rows at the full rate; the rate then falls to zero, first on short
    # rows, then on long ones, so that positions up to the context's end are learned too.
    target_full_rate: Stage
    target_falling: Stage
    target_falling_long: Stage
    # While the rate falls, tokens the model never has to produce (the user's) count this much.
    user_weight_falling: float
    # Draft: in how many dialogues the target writes replies itself, how many of a dialogue's first
    # tokens are used, the share of replies it writes, how many of those are drawn and not greedy,
    # and at what temperature. Other dialogues it only reads.
    written_dialogues: int
    read_dialogues: int
    written_length: int
    written_share: float
    sampled_share: float
    sampled_temperature: float
    dialogues_at_once: int
    draft_full_rate: Stage
    draft_falling_long: Stage
    draft_falling_written: Stage
    # The share of tokens outside replies that is looked at, and how much of the goal is the target's
    # most likely token alone.
    other_share: float
    best_share: float
    warmup: int = 30
    seed: int = 1


CPU = Preset(
    device="cpu",
    target=Shape(width=256, layers=6, heads=4, hidden=768),
    draft=Shape(width=256, layers=2, heads=4, hidden=480),
    target_full_rate=Stage(steps=650, batch=32, length=256),
    target_falling=Stage(steps=250, batch=32, length=256),
    target_falling_long=Stage(steps=100, batch=8, length=1024),
    user_weight_falling=0.3,
    written_dialogues=6500,
    read_dialogues=3000,
    written_length=320,
    written_share=0.6,
    sampled_share=0.2,
    sampled_temperature=0.8,
    dialogues_at_once=256,
    draft_full_rate=Stage(steps=300, batch=32, length=256),
    draft_falling_long=Stage(steps=40, batch=8, length=1024),
    draft_falling_written=Stage(steps=340, batch=16, length=512),
    other_share=0.25,
    best_share=0.4,
)

# The same run on a CUDA device; only the place changes, so the weights should come out alike.
GPU = replace(CPU, device="cuda")

PRESETS = {"cpu": CPU, "gpu": GPU}
