"""Writes a model and its tokenizer as one GGUF file that llama.cpp loads, and reads it back."""

from pathlib import Path

import gguf
import torch

from model import Llama, Shape
from tokenizer import BOS, BYTES, END, SPECIAL, UNK, Tokenizer

# The part of a tensor's name in GGUF for each matrix and norm of a layer.
LAYER_NAMES = {
    "attention_norm": "attn_norm",
    "query": "attn_q",
    "key": "attn_k",
    "value": "attn_v",
    "attention_out": "attn_output",
    "ffn_norm": "ffn_norm",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}

CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ '<|user|>' + message['content'] + '<|end|>' }}"
    "{% elif message['role'] == 'assistant' %}{{ '<|assistant|>' + message['content'] + '<|end|>' }}"
    "{% else %}{{ raise_exception('only the roles user and assistant are known') }}"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def export(model, tokenizer: Tokenizer, path, name, description):
    """Matrices as Q8_0, norms as F32. The file appears under its name only when it is whole."""
    path = Path(path)
    temporary = path.with_suffix(".tmp")
    writer = gguf.GGUFWriter(temporary, "llama")
    write_description(writer, model.shape, name, description)
    write_tokenizer(writer, tokenizer)
    for tensor_name, part in parts(model):
        numbers = part.weight.detach().float().cpu().numpy()
        if numbers.ndim == 1:
            writer.add_tensor(tensor_name, numbers)
        else:
            blocks = gguf.quants.quantize(numbers, gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(tensor_name, blocks, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    temporary.replace(path)


def write_description(writer, shape, name, description):
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    writer.add_description(description)
    writer.add_license("apache-2.0")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(shape.theta)
    writer.add_layer_norm_rms_eps(shape.epsilon)


def write_tokenizer(writer, tokenizer):
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokenizer.pieces)
    writer.add_token_scores([tokenizer.score(token) for token in range(len(tokenizer.pieces))])
    writer.add_token_types([token_type(token) for token in range(len(tokenizer.pieces))])
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(END)
    writer.add_eot_token_id(END)
    writer.add_unk_token_id(UNK)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def token_type(token):
    if token == UNK:
        return gguf.TokenType.UNKNOWN
    if token < len(SPECIAL):
        return gguf.TokenType.CONTROL
    if token < len(SPECIAL) + len(BYTES):
        return gguf.TokenType.BYTE
    return gguf.TokenType.NORMAL


def parts(model):
    """(GGUF name, part of the model) of every tensor. The output matrix is the embedding itself."""
    yield "token_embd.weight", model.embedding
    for number, layer in enumerate(model.layers):
        for ours, theirs in LAYER_NAMES.items():
            yield f"blk.{number}.{theirs}.weight", getattr(layer, ours)
    yield "output_norm.weight", model.norm


def read_back(path):
    """The model in a GGUF file, with what the Q8_0 blocks stand for as its numbers."""
    file = gguf.GGUFReader(path)

    def number(key):
        return file.get_field("llama." + key).contents()

    shape = Shape(
        width=number("embedding_length"),
        layers=number("block_count"),
        heads=number("attention.head_count"),
        hidden=number("feed_forward_length"),
        context=number("context_length"),
        theta=number("rope.freq_base"),
        epsilon=number("attention.layer_norm_rms_epsilon"),
    )
    stored = {tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type) for tensor in file.tensors}
    model = Llama(shape)
    for name, part in parts(model):
        part.weight.data = torch.from_numpy(stored[name].copy())
    return model.eval()
