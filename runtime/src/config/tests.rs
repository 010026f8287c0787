//! Limits of a configuration, and the rotary frequencies of each scaling.

use super::*;

fn config() -> ModelConfig {
    ModelConfig {
        layers: 2,
        width: 64,
        heads: 4,
        kv_heads: 2,
        head_width: 16,
        mlp_width: 96,
        vocab: 100,
        norm_epsilon: 1e-5,
        rope: Rope { theta: 1e4, scaling: RopeScaling::None, layout: RopeLayout::HalfSplit },
        parts: LayerParts::COMMON,
        sliding_window: None,
        context_length: 128,
        tied: true,
    }
}

fn check(change: impl FnOnce(&mut ModelConfig)) -> Result<(), String> {
    let mut config = config();
    change(&mut config);
    config.check(Path::new("m")).map_err(|error| error.to_string())
}

#[test]
fn sizes_are_refused_at_zero_and_one_beyond_their_cap() {
    assert_eq!(check(|_| {}), Ok(()));
    assert!(check(|c| c.layers = LAYERS_MAX).is_ok());
    assert!(check(|c| c.layers = LAYERS_MAX + 1).unwrap_err().contains("layer count: 1025"));
    assert!(check(|c| c.layers = 0).is_err());
    assert!(check(|c| c.width = WIDTH_MAX + 1).is_err());
    assert!(check(|c| c.heads = 0).is_err());
    assert!(check(|c| c.mlp_width = MLP_WIDTH_MAX + 1).is_err());
    assert!(check(|c| c.vocab = VOCAB_MAX + 1).is_err());
    assert!(check(|c| c.context_length = CONTEXT_LENGTH_MAX + 1).is_err());
    assert!(check(|c| c.sliding_window = Some(0)).is_err());
}

#[test]
fn heads_that_do_not_divide_or_rotate_are_refused() {
    assert!(check(|c| c.kv_heads = 3).unwrap_err().contains("3 does not divide 4 heads"));
    assert!(check(|c| c.head_width = 15).unwrap_err().contains("odd"));
    assert!(check(|c| c.norm_epsilon = 0.0).is_err());
    assert!(check(|c| c.norm_epsilon = f32::NAN).is_err());
}

#[test]
fn rope_numbers_that_would_speed_rotation_up_are_refused() {
    let scaled = |scaling: RopeScaling| check(|c| c.rope.scaling = scaling);
    assert!(check(|c| c.rope.theta = 0.5).is_err());
    assert!(check(|c| c.rope.theta = f64::INFINITY).is_err());
    assert!(scaled(RopeScaling::Linear(4.0)).is_ok());
    assert!(scaled(RopeScaling::Linear(0.0)).is_err());
    assert!(scaled(RopeScaling::Divisors(vec![1.0; 8])).is_ok());
    assert!(scaled(RopeScaling::Divisors(vec![1.0; 7])).is_err());
    assert!(scaled(RopeScaling::Divisors(vec![f32::NAN; 8])).is_err());
    let llama3 = |low, high| {
        let factor = 8.0;
        scaled(RopeScaling::Llama3 { factor, low, high, original_context: 64.0 })
    };
    assert!(llama3(1.0, 4.0).is_ok());
    assert!(llama3(4.0, 4.0).is_err());
    assert!(llama3(f64::NAN, 4.0).is_err());
}

#[test]
fn frequencies_fall_geometrically_and_linear_scaling_divides_them() {
    let mut rope = config().rope;
    let plain = rope.inverse_frequencies(8);
    for (actual, expected) in plain.iter().zip([1.0, 0.1, 0.01, 0.001]) {
        assert!((actual / expected - 1.0).abs() < 1e-6, "{plain:?}");
    }
    rope.scaling = RopeScaling::Linear(4.0);
    let quarter: Vec<f32> = plain.iter().map(|f| f / 4.0).collect();
    assert_eq!(rope.inverse_frequencies(8), quarter);
}

/// Short wavelengths stay, long ones stretch by the factor, and those between lie between.
#[test]
fn llama3_scaling_keeps_high_frequencies_and_divides_low_ones() {
    let mut rope = config().rope;
    let plain = rope.inverse_frequencies(32);
    rope.scaling = RopeScaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original_context: 64.0 };
    let scaled = rope.inverse_frequencies(32);
    let ratios: Vec<f32> = plain.iter().zip(&scaled).map(|(p, s)| p / s).collect();
    assert_eq!(ratios[0], 1.0);
    assert!((ratios[15] - 8.0).abs() < 1e-5);
    assert!(ratios.windows(2).all(|pair| pair[0] <= pair[1] + 1e-5), "{ratios:?}");
    assert!(ratios.iter().any(|ratio| (1.1..7.9).contains(ratio)), "{ratios:?}");
}
