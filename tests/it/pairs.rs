//! The configurations of real pairs: what each tier needs is what its file says it needs.
//!
//! Shapes are those of the published `config.json` files; which tensors of a `Q4_K_M` file are in Q6_K
//! is llama.cpp's choice (`llama-quant.cpp`). Weights are the matrices that a node loads, as large as in the
//! file, a tied embedding once; packing adds three percent at most.

use crate::world::workspace;
use kernels::{BLOCK_SLOTS, Format, KvFormat, KvLayout};
use serde_json::Value;
use std::ops::Range;

const PAIRS: [&str; 3] = ["smollm2", "llama3", "qwen2.5"];

/// A published model.
struct Model {
    file: &'static str,
    layers: usize,
    width: usize,
    heads: usize,
    kv_heads: usize,
    head_width: usize,
    mlp_width: usize,
    vocab: usize,
    tied: bool,
}

const MODELS: [Model; 6] = [
    Model {
        file: "SmolLM2-135M-Instruct-Q8_0.gguf",
        layers: 30,
        width: 576,
        heads: 9,
        kv_heads: 3,
        head_width: 64,
        mlp_width: 1536,
        vocab: 49_152,
        tied: true,
    },
    Model {
        file: "SmolLM2-1.7B-Instruct-Q4_K_M.gguf",
        layers: 24,
        width: 2048,
        heads: 32,
        kv_heads: 32,
        head_width: 64,
        mlp_width: 8192,
        vocab: 49_152,
        tied: true,
    },
    Model {
        file: "Llama-3.2-1B-Instruct-Q8_0.gguf",
        layers: 16,
        width: 2048,
        heads: 32,
        kv_heads: 8,
        head_width: 64,
        mlp_width: 8192,
        vocab: 128_256,
        tied: true,
    },
    Model {
        file: "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf",
        layers: 32,
        width: 4096,
        heads: 32,
        kv_heads: 8,
        head_width: 128,
        mlp_width: 14_336,
        vocab: 128_256,
        tied: false,
    },
    Model {
        file: "Qwen2.5-0.5B-Instruct-Q8_0.gguf",
        layers: 24,
        width: 896,
        heads: 14,
        kv_heads: 2,
        head_width: 64,
        mlp_width: 4864,
        vocab: 151_936,
        tied: true,
    },
    Model {
        file: "Qwen2.5-7B-Instruct-Q4_K_M.gguf",
        layers: 28,
        width: 3584,
        heads: 28,
        kv_heads: 4,
        head_width: 128,
        mlp_width: 18_944,
        vocab: 152_064,
        tied: false,
    },
];

impl Model {
    /// The one that a configuration names as `hf:ORG/REPOSITORY:FILE`.
    fn named(name: &str) -> &'static Self {
        let file = name.strip_prefix("hf:").and_then(|name| name.rsplit_once(':'));
        let (_, file) = file.unwrap_or_else(|| panic!("{name:?} is no hf:ORG/NAME:FILE"));
        MODELS.iter().find(|model| model.file == file).unwrap_or_else(|| panic!("no {file}"))
    }

    fn is_mixed(&self) -> bool {
        self.file.ends_with("Q4_K_M.gguf")
    }

    /// Bytes of the matrices of `layers`, with what lies before the first and behind the last one.
    fn weight_bytes(&self, layers: Range<usize>) -> usize {
        let table = |format: Format| self.vocab * format.row_bytes(self.width).unwrap();
        let (plain, better) = match self.is_mixed() {
            true => (Format::Q4K, Format::Q6K),
            false => (Format::Q8_0, Format::Q8_0),
        };
        let embedding = if layers.start == 0 { table(plain) } else { 0 };
        let head = if layers.end == self.layers { table(better) } else { 0 };
        let ends = match (self.tied, embedding > 0 || head > 0) {
            (true, true) => table(better),
            (true, false) | (false, _) => embedding + head,
        };
        ends + layers.map(|layer| self.layer_bytes(layer, plain, better)).sum::<usize>()
    }

    fn layer_bytes(&self, layer: usize, plain: Format, better: Format) -> usize {
        let (eighth, late) = (self.layers / 8, 7 * self.layers / 8);
        let more = layer < eighth || layer >= late || (layer - eighth) % 3 == 2;
        let best = if more { better } else { plain };
        let (width, inner) = (self.width, self.mlp_width);
        let (queries, keys) = (self.heads * self.head_width, self.kv_heads * self.head_width);
        let bytes =
            |rows: usize, columns, format: Format| rows * format.row_bytes(columns).unwrap();
        let attention = bytes(queries + keys, width, plain)
            + bytes(keys, width, best)
            + bytes(width, queries, plain);
        attention + bytes(2 * inner, width, plain) + bytes(width, inner, best)
    }

    /// Bytes of the keys and values of `positions` in `layers`, in half precision.
    fn kv_bytes(&self, layers: Range<usize>, positions: usize) -> usize {
        let layout = KvLayout::new(KvFormat::F16, self.kv_heads, self.head_width);
        positions.div_ceil(BLOCK_SLOTS) * layers.len() * layout.block_bytes()
    }
}

/// What the file of a tier has to say of its memory.
fn memory(tier: &str, config: &Value) -> String {
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let (name, positions) = match tier {
        "device" => (&config["models"]["draft"], &config["engine"]["positions_max"]),
        _ => (&config["model"]["path"], &config["limits"]["kv_tokens_max"]),
    };
    let model = Model::named(name.as_str().unwrap());
    let layers = match config["model"]["layers"].as_array() {
        Some(layers) => number(&layers[0])..number(&layers[1]),
        None => 0..model.layers,
    };
    let mib = |bytes: usize| bytes.div_ceil(1 << 20);
    let weights = mib(model.weight_bytes(layers.clone()));
    let kv = mib(model.kv_bytes(layers, number(positions)));
    format!("# Memory: weights {weights} MiB, keys and values {kv} MiB.\n")
}

/// Goal: nobody finds out by an out-of-memory kill. Method: each file's words against shapes and formats.
#[test]
fn each_tier_of_a_pair_says_what_memory_it_needs() {
    for pair in PAIRS {
        for tier in ["device", "gateway", "cloud"] {
            let path = workspace().join(format!("configs/pairs/{pair}/{tier}.toml"));
            let (config, _) = settings::load::<Value>(&path).unwrap();
            let expected = memory(tier, &config);
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains(&expected), "{}: {expected}", path.display());
        }
    }
}

#[test]
fn a_split_of_a_pair_has_all_layers_of_its_target() {
    for pair in PAIRS {
        let read = |tier: &str| {
            let path = workspace().join(format!("configs/pairs/{pair}/{tier}.toml"));
            settings::load::<Value>(&path).unwrap().0
        };
        let (device, gateway, cloud) = (read("device"), read("gateway"), read("cloud"));
        let target = Model::named(cloud["model"]["path"].as_str().unwrap());
        assert_eq!(gateway["model"]["path"], cloud["model"]["path"]);
        let stages = &device["plan"]["stages"];
        assert_eq!(stages[0]["layers"], gateway["model"]["layers"], "{pair}");
        assert_eq!(stages[0]["layers"][0], 0);
        assert_eq!(stages[0]["layers"][1], stages[1]["layers"][0], "{pair}");
        assert_eq!(stages[1]["layers"][1], target.layers, "{pair}");
    }
}

/// The published files' own sizes, in 10^7 bytes: what we count is all of them but norms and metadata.
#[test]
fn the_files_are_as_large_as_they_are_published() {
    for (model, published) in MODELS.iter().zip([14, 106, 132, 492, 53, 468]) {
        let bytes = model.weight_bytes(0..model.layers);
        let tens = bytes.div_ceil(10_000_000);
        assert!(tens.abs_diff(published) <= 1, "{}: {bytes} bytes", model.file);
    }
}
