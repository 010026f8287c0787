#!/usr/bin/env python3
"""Makes the golden models and logits of this folder with Hugging Face transformers, in float32.

    pip install torch transformers safetensors gguf numpy      # versions: see PROVENANCE.md
    make_logits.py                                             # micro/ and micro-logits.*
    make_logits.py --name tiny --model FOLDER                  # tiny-logits.* of a model made elsewhere

`micro` is a random Llama small enough to be committed, with everything that can go wrong in one:
grouped queries, heads whose width is not D / H, a vocabulary that is no power of two. Its weights
are rounded to float16 first, so that GGUF, safetensors and the reference hold the same numbers.
Each logits file has a JSON description and the rows as raw little-endian float32."""
import argparse
import json
import pathlib
import tempfile

import gguf
import numpy as np
import torch
import transformers
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
LAYERS, D, H, G, E, F, V = 2, 64, 4, 2, 32, 96, 288
CONTEXT, EPSILON, THETA, TOKENS = 128, 1e-5, 10000.0, 48
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}
# What each case changes in the configuration below.
CASES = {
    "llama": {},
    "llama3": {"rope_scaling": LLAMA3},
    "linear": {"rope_scaling": {"rope_type": "linear", "factor": 4.0}},
    "mistral": {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "sliding_window": 7},
}
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": D, "intermediate_size": F,
          "num_hidden_layers": LAYERS, "num_attention_heads": H, "num_key_value_heads": G, "head_dim": E,
          "vocab_size": V, "max_position_embeddings": CONTEXT, "rms_norm_eps": EPSILON, "rope_theta": THETA,
          "tie_word_embeddings": True, "hidden_act": "silu", "attention_bias": False, "mlp_bias": False,
          "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32"}


def micro_tensors():
    """(Hugging Face name, GGUF name, heads whose rows GGUF permutes, values)."""
    rng = np.random.default_rng(20260801)

    def weight(rows, cols, std):
        return (rng.standard_normal((rows, cols)) * std).astype(np.float16)

    def norm():
        return (1 + rng.standard_normal(D) * 0.1).astype(np.float16)

    yield "model.embed_tokens.weight", "token_embd.weight", 0, weight(V, D, 0.5)
    for i in range(LAYERS):
        h, g = f"model.layers.{i}.", f"blk.{i}."
        yield h + "input_layernorm.weight", g + "attn_norm.weight", 0, norm()
        yield h + "self_attn.q_proj.weight", g + "attn_q.weight", H, weight(H * E, D, 0.15)
        yield h + "self_attn.k_proj.weight", g + "attn_k.weight", G, weight(G * E, D, 0.15)
        yield h + "self_attn.v_proj.weight", g + "attn_v.weight", 0, weight(G * E, D, 0.12)
        yield h + "self_attn.o_proj.weight", g + "attn_output.weight", 0, weight(D, H * E, 0.09)
        yield h + "post_attention_layernorm.weight", g + "ffn_norm.weight", 0, norm()
        yield h + "mlp.gate_proj.weight", g + "ffn_gate.weight", 0, weight(F, D, 0.12)
        yield h + "mlp.up_proj.weight", g + "ffn_up.weight", 0, weight(F, D, 0.12)
        yield h + "mlp.down_proj.weight", g + "ffn_down.weight", 0, weight(D, F, 0.1)
    yield "model.norm.weight", "output_norm.weight", 0, norm()


def permute(w, heads):
    """Half-split to interleaved rotary order, as llama.cpp's convert_hf_to_gguf.py does."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def llama3_divisors():
    """GGUF's rope_freqs.weight for LLAMA3, as convert_hf_to_gguf.py computes it."""
    low = LLAMA3["original_max_position_embeddings"] / LLAMA3["low_freq_factor"]
    high = LLAMA3["original_max_position_embeddings"] / LLAMA3["high_freq_factor"]
    divisors = []
    for frequency in 1.0 / (THETA ** (np.arange(0, E, 2, dtype=np.float32) / E)):
        wavelength = 2 * np.pi / frequency
        if wavelength < high:
            divisors.append(1)
        elif wavelength > low:
            divisors.append(LLAMA3["factor"])
        else:
            smooth = (LLAMA3["original_max_position_embeddings"] / wavelength - LLAMA3["low_freq_factor"]) / (
                LLAMA3["high_freq_factor"] - LLAMA3["low_freq_factor"])
            divisors.append(1 / ((1 - smooth) / LLAMA3["factor"] + smooth))
    return np.array(divisors, dtype=np.float32)


def quantized(name, values):
    """(GGUF type, its bytes, the values they stand for): the MLP in Q4_0, other matrices in Q8_0."""
    kind = gguf.GGMLQuantizationType.Q4_0 if "mlp" in name else gguf.GGMLQuantizationType.Q8_0
    raw = gguf.quants.quantize(values.astype(np.float32), kind)
    return kind, raw, gguf.quants.dequantize(raw, kind)


def write_micro(folder):
    """The committed models, and the weights that the quantized one stands for."""
    folder.mkdir(exist_ok=True)
    tensors = list(micro_tensors())
    save_file({hf: w for hf, _, _, w in tensors}, folder / "model.safetensors")
    (folder / "model.safetensors").chmod(0o644)
    for case, changes in CASES.items():
        (folder / f"config-{case}.json").write_text(json.dumps(CONFIG | changes, indent=1) + "\n")

    llama3 = [("rope_freqs.weight", llama3_divisors(), None)]
    plain, stands_for = [], {}
    for hf, name, heads, values in tensors:
        permuted = np.ascontiguousarray(permute(values, heads) if heads else values)
        if values.ndim == 1:
            stands_for[hf] = values.astype(np.float32)
            plain.append((name, stands_for[hf], None))
            llama3.append(plain[-1])
            continue
        llama3.append((name, permuted, None))
        # Rows are quantized one by one, so that permuting them before or after is the same.
        kind, raw, _ = quantized(hf, permuted)
        plain.append((name, raw, kind))
        stands_for[hf] = quantized(hf, values)[2]
    write_gguf(folder / "micro-llama3.gguf", llama3)
    write_gguf(folder / "micro-quantized.gguf", plain)
    return stands_for


def write_gguf(path, tensors):
    w = gguf.GGUFWriter(str(path), "llama")
    w.add_block_count(LAYERS); w.add_context_length(CONTEXT); w.add_embedding_length(D); w.add_feed_forward_length(F)
    w.add_head_count(H); w.add_head_count_kv(G); w.add_key_length(E); w.add_value_length(E); w.add_vocab_size(V)
    w.add_layer_norm_rms_eps(EPSILON); w.add_rope_freq_base(THETA); w.add_rope_dimension_count(E)
    pieces = [b"<unk>", b"<s>", b"</s>"] + [b"<0x%02X>" % b for b in range(256)] + ["\u2581".encode()]
    pieces += [bytes([c]) for c in b"abcdefghijklmnopqrstuvwxyz"] + [b"th", b"he"]
    assert len(pieces) == V
    w.add_tokenizer_model("llama"); w.add_tokenizer_pre("default"); w.add_token_list(pieces)
    w.add_token_scores([0.0] * 259 + [-float(i) for i in range(V - 259)])
    w.add_token_types([2, 3, 3] + [6] * 256 + [1] * (V - 259))
    w.add_bos_token_id(1); w.add_eos_token_id(2); w.add_unk_token_id(0)
    for name, values, kind in tensors:
        w.add_tensor(name, values, raw_dtype=kind)
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()


def logits(folder, ids):
    """[T, V] by transformers, on the CPU, eager attention."""
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        return type(model).__name__, model(torch.tensor([ids])).logits[0].numpy()


def write(name, cases):
    """cases: (case, class, ids, rows, [T, V])"""
    described, raw = [], b""
    for case, model_class, ids, rows, values in cases:
        described.append({"case": case, "class": model_class, "ids": ids, "rows": rows, "vocab": values.shape[1]})
        raw += values[rows].astype("<f4").tobytes()
    head = json.dumps({"torch": torch.__version__, "transformers": transformers.__version__})
    lines = ",\n".join(json.dumps(case) for case in described)
    (HERE / f"{name}-logits.json").write_text(f'{head[:-1]}, "cases": [\n{lines}\n]}}\n')
    (HERE / f"{name}-logits.f32").write_bytes(raw)
    print(f"{name}: {len(cases)} cases, {len(raw)} bytes")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", default="micro")
    parser.add_argument("--model", type=pathlib.Path, help="a Hugging Face folder; without it, micro is made")
    parser.add_argument("--rows", type=int, default=8)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    rng = np.random.default_rng(7)
    if arguments.model:
        vocab = json.loads((arguments.model / "config.json").read_text())["vocab_size"]
        ids = rng.integers(0, vocab, TOKENS).tolist()
        model_class, values = logits(arguments.model, ids)
        rows = np.linspace(0, TOKENS - 1, arguments.rows).astype(int).tolist()
        write(arguments.name, [(arguments.name, model_class, ids, rows, values)])
        return
    stands_for = write_micro(HERE / "micro")
    ids, cases = rng.integers(0, V, TOKENS).tolist(), []
    for case in [*CASES, "quantized"]:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            config = "llama" if case == "quantized" else case
            (folder / "config.json").write_text((HERE / "micro" / f"config-{config}.json").read_text())
            if case == "quantized":
                save_file(stands_for, folder / "model.safetensors")
            else:
                (folder / "model.safetensors").write_bytes((HERE / "micro" / "model.safetensors").read_bytes())
            model_class, values = logits(folder, ids)
            cases.append((case, model_class, ids, [0, 1, 6, 7, 20, 47], values))
    write("micro", cases)


main()
