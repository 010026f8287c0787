#!/usr/bin/env python3
"""Makes the golden Qwen models and logits of this folder with Hugging Face transformers, in float32.

    pip install torch transformers safetensors gguf numpy      # versions: see PROVENANCE.md
    make_qwen.py                                               # qwen/ and qwen-logits.*

Two random models with one tokenizer and, as the published ones have, vocabularies that are padded to
different widths. Biases and norms of heads are far from 0 and 1, so that a decoder without them is
far off; `qwen3` has heads whose width is not D / H."""
import json
import pathlib
import tempfile

import gguf
import numpy as np
import torch
import transformers
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
LAYERS, D, F, CONTEXT, EPSILON, THETA, TOKENS = 2, 32, 64, 128, 1e-6, 1000000.0, 48
ROWS = [0, 1, 6, 7, 20, 47]
MERGES = ["h e", "l l", "he ll", "hell o"]
MARKERS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# class, query heads, key heads, head width, vocabulary, tied
MODELS = {"qwen2": ("Qwen2ForCausalLM", 2, 1, 16, 304, False), "qwen3": ("Qwen3ForCausalLM", 4, 2, 16, 288, True)}


def config(name):
    model_class, heads, kv_heads, head_width, vocab, tied = MODELS[name]
    common = {"architectures": [model_class], "model_type": name, "hidden_size": D, "intermediate_size": F,
              "num_hidden_layers": LAYERS, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
              "vocab_size": vocab, "max_position_embeddings": CONTEXT, "rms_norm_eps": EPSILON, "rope_theta": THETA,
              "tie_word_embeddings": tied, "hidden_act": "silu", "sliding_window": 16, "use_sliding_window": False,
              "max_window_layers": 1, "torch_dtype": "float32"}
    return common | ({"head_dim": head_width, "attention_bias": False} if name == "qwen3" else {})


def tensors(name):
    """(Hugging Face name, GGUF name, values)."""
    _, heads, kv_heads, head_width, vocab, tied = MODELS[name]
    rng = np.random.default_rng([20261127, vocab])

    def weight(rows, cols, std):
        return (rng.standard_normal((rows, cols)) * std).astype(np.float32)

    def vector(width, mean, std):
        return (mean + rng.standard_normal(width) * std).astype(np.float32)

    queries, keys = heads * head_width, kv_heads * head_width
    yield "model.embed_tokens.weight", "token_embd.weight", weight(vocab, D, 0.5)
    for i in range(LAYERS):
        h, g = f"model.layers.{i}.", f"blk.{i}."
        yield h + "input_layernorm.weight", g + "attn_norm.weight", vector(D, 1, 0.1)
        for part, rows in [("q", queries), ("k", keys), ("v", keys)]:
            yield h + f"self_attn.{part}_proj.weight", g + f"attn_{part}.weight", weight(rows, D, 0.2)
            if name == "qwen2":
                yield h + f"self_attn.{part}_proj.bias", g + f"attn_{part}.bias", vector(rows, 0, 0.5)
        if name == "qwen3":
            for part in "qk":
                yield h + f"self_attn.{part}_norm.weight", g + f"attn_{part}_norm.weight", vector(head_width, 1.5, 0.5)
        yield h + "self_attn.o_proj.weight", g + "attn_output.weight", weight(D, queries, 0.15)
        yield h + "post_attention_layernorm.weight", g + "ffn_norm.weight", vector(D, 1, 0.1)
        yield h + "mlp.gate_proj.weight", g + "ffn_gate.weight", weight(F, D, 0.15)
        yield h + "mlp.up_proj.weight", g + "ffn_up.weight", weight(F, D, 0.15)
        yield h + "mlp.down_proj.weight", g + "ffn_down.weight", weight(D, F, 0.12)
    yield "model.norm.weight", "output_norm.weight", vector(D, 1, 0.1)
    if not tied:
        yield "lm_head.weight", "output.weight", weight(vocab, D, 0.3)


def alphabet():
    """The 256 characters of byte-level BPE, by the byte that each stands for."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]


def write_gguf(path, name, weights):
    """weights: (GGUF name, values, GGUF type or None)"""
    _, heads, kv_heads, head_width, vocab, _ = MODELS[name]
    w = gguf.GGUFWriter(str(path), name)
    w.add_block_count(LAYERS); w.add_context_length(CONTEXT); w.add_embedding_length(D); w.add_feed_forward_length(F)
    w.add_head_count(heads); w.add_head_count_kv(kv_heads); w.add_layer_norm_rms_eps(EPSILON); w.add_rope_freq_base(THETA)
    if name == "qwen3":
        w.add_key_length(head_width); w.add_value_length(head_width)
    pieces = alphabet() + [merge.replace(" ", "") for merge in MERGES]
    known = len(pieces) + len(MARKERS)
    w.add_tokenizer_model("gpt2"); w.add_tokenizer_pre("qwen2"); w.add_token_merges(MERGES)
    w.add_token_list(pieces + MARKERS + [f"[PAD{i}]" for i in range(known, vocab)])
    w.add_token_types([1] * len(pieces) + [3] * len(MARKERS) + [5] * (vocab - known))
    w.add_bos_token_id(len(pieces)); w.add_eos_token_id(known - 1); w.add_add_bos_token(False)
    for gguf_name, values, kind in weights:
        w.add_tensor(gguf_name, values, raw_dtype=kind)
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()


def quantized(values):
    """(GGUF type, its bytes, the values they stand for); vectors stay as they are."""
    if values.ndim == 1:
        return None, values, values
    kind = gguf.GGMLQuantizationType.Q8_0
    raw = gguf.quants.quantize(values, kind)
    return kind, raw, gguf.quants.dequantize(raw, kind)


def logits(name, weights, ids):
    """[T, V] by transformers, on the CPU, eager attention."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "config.json").write_text(json.dumps(config(name)))
        save_file(weights, folder / "model.safetensors")
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager").eval()
        with torch.no_grad():
            return type(model).__name__, model(torch.tensor([ids])).logits[0].numpy()


def main():
    rng = np.random.default_rng(7)
    described, raw = [], b""
    for name, (_, _, _, _, vocab, _) in MODELS.items():
        folder, all_tensors = HERE / "qwen" / name, list(tensors(name))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config(name), indent=1) + "\n")
        plain = {hf: values for hf, _, values in all_tensors}
        save_file(plain, folder / "model.safetensors")
        (folder / "model.safetensors").chmod(0o644)
        coded = [(hf, gg, *quantized(values)) for hf, gg, values in all_tensors]
        write_gguf(HERE / "qwen" / f"{name}-f32.gguf", name, [(gg, values, None) for _, gg, values in all_tensors])
        write_gguf(HERE / "qwen" / f"{name}-q8_0.gguf", name, [(gg, data, kind) for _, gg, kind, data, _ in coded])
        stands_for = {hf: values for hf, _, _, _, values in coded}
        ids = rng.integers(0, vocab, TOKENS).tolist()
        for case, weights in [(name, plain), (f"{name}-q8_0", stands_for)]:
            model_class, values = logits(name, weights, ids)
            described.append({"case": case, "class": model_class, "ids": ids, "rows": ROWS, "vocab": vocab})
            raw += values[ROWS].astype("<f4").tobytes()
    head = json.dumps({"torch": torch.__version__, "transformers": transformers.__version__})
    lines = ",\n".join(json.dumps(case) for case in described)
    (HERE / "qwen-logits.json").write_text(f'{head[:-1]}, "cases": [\n{lines}\n]}}\n')
    (HERE / "qwen-logits.f32").write_bytes(raw)


main()
