"""A Llama-shaped language model: RMSNorm, rotary positions, SwiGLU, tied embeddings.

Names and layouts follow what GGUF calls "llama", so that the export is a plain copy: rotary pairs are
neighbouring numbers of a head (2i, 2i+1), and every matrix is stored [outputs, inputs].
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class Shape:
    width: int
    layers: int
    heads: int
    hidden: int
    vocabulary: int = 4096
    context: int = 1024
    theta: float = 10000.0
    epsilon: float = 1e-5

    @property
    def head_width(self):
        return self.width // self.heads


class Llama(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        cos, sin = rotary_tables(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, tokens, cache=None):
        """Logits [batch, time, vocabulary]. With a cache, `tokens` continue what the cache holds."""
        return self.logits(self.hidden(tokens, cache))

    def hidden(self, tokens, cache=None):
        """What the last norm gives, [batch, time, width]; `logits` turns it into scores."""
        start = cache.length if cache else 0
        end = start + tokens.shape[1]
        cos, sin = self.cos[start:end], self.sin[start:end]
        x = self.embedding(tokens)
        for number, layer in enumerate(self.layers):
            x = layer(x, cos, sin, cache, number)
        if cache:
            cache.length = end
        return self.norm(x)

    def logits(self, hidden):
        return F.linear(hidden, self.embedding.weight)


class Layer(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.query = matrix(shape.width, shape.width)
        self.key = matrix(shape.width, shape.width)
        self.value = matrix(shape.width, shape.width)
        # Both projections into the residual stream start at zero: a new layer changes nothing.
        self.attention_out = matrix(shape.width, shape.width, zero=True)
        self.ffn_norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.gate = matrix(shape.width, shape.hidden)
        self.up = matrix(shape.width, shape.hidden)
        self.down = matrix(shape.hidden, shape.width, zero=True)

    def forward(self, x, cos, sin, cache, number):
        x = x + self.attention(self.attention_norm(x), cos, sin, cache, number)
        h = self.ffn_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))

    def attention(self, x, cos, sin, cache, number):
        batch, time, width = x.shape
        query = rotate(self.query(x).view(batch, time, self.heads, -1), cos, sin).transpose(1, 2)
        key = rotate(self.key(x).view(batch, time, self.heads, -1), cos, sin).transpose(1, 2)
        value = self.value(x).view(batch, time, self.heads, -1).transpose(1, 2)
        if cache:
            key, value = cache.extend(number, key, value)
        mixed = attend(query, key, value)
        return self.attention_out(mixed.transpose(1, 2).reshape(batch, time, width))


def attend(query, key, value):
    """Mixes the values by attention; all are [batch, heads, time, head width].

    One new token may look at everything; several see only what is before them. A prompt is always
    given to an empty cache in one piece, so the plain causal mask is right for it.
    """
    time, is_processor = query.shape[2], query.device.type == "cpu"
    # On a processor torch's fused attention is slow for one new token and for the gradients of short
    # rows; plain sums and plain matrix products take less than half its time.
    if is_processor and time == 1:
        chances = ((key * query).sum(-1) * query.shape[-1] ** -0.5).softmax(-1)
        return (value * chances[..., None]).sum(2, keepdim=True)
    if not is_processor or time > 256 or not query.requires_grad:
        return F.scaled_dot_product_attention(query, key, value, is_causal=time > 1)
    ahead = torch.full((time, time), -torch.inf, dtype=query.dtype).triu(1)
    scores = torch.baddbmm(ahead, query.flatten(0, 1), key.flatten(0, 1).mT, alpha=query.shape[-1] ** -0.5)
    return (scores.softmax(-1) @ value.flatten(0, 1)).view(query.shape)


class Cache:
    """The keys and values of a batch of equally long texts."""

    def __init__(self, shape: Shape, batch, size, dtype=torch.float32, device="cpu"):
        sizes = (shape.layers, batch, shape.heads, size, shape.head_width)
        self.keys = torch.zeros(sizes, dtype=dtype, device=device)
        self.values = torch.zeros(sizes, dtype=dtype, device=device)
        self.length = 0

    def extend(self, number, key, value):
        end = self.length + key.shape[2]
        self.keys[number, :, :, self.length : end] = key
        self.values[number, :, :, self.length : end] = value
        return self.keys[number, :, :, :end].to(key.dtype), self.values[number, :, :, :end].to(value.dtype)


def matrix(inputs, outputs, zero=False):
    linear = nn.Linear(inputs, outputs, bias=False)
    if zero:
        nn.init.zeros_(linear.weight)
    else:
        nn.init.normal_(linear.weight, std=0.5 * inputs**-0.5)
    return linear


def rotary_tables(shape: Shape):
    frequency = shape.theta ** (-torch.arange(0, shape.head_width, 2, dtype=torch.float64) / shape.head_width)
    angle = torch.outer(torch.arange(shape.context, dtype=torch.float64), frequency)
    return angle.cos().float(), angle.sin().float()


def rotate(x, cos, sin):
    """Turns each pair (2i, 2i+1) of [batch, time, heads, head width] by its position's angle."""
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2).to(x.dtype)


def parameter_counts(model):
    """(all parameters, those of the transformer layers)."""
    return sum(p.numel() for p in model.parameters()), sum(p.numel() for p in model.layers.parameters())


def save(model, path):
    torch.save({"shape": asdict(model.shape), "weights": model.state_dict()}, path)


def load(path):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model = Llama(Shape(**saved["shape"]))
    model.load_state_dict(saved["weights"])
    return model
