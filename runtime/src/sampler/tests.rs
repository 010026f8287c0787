//! The sampler against what it promises: golden choices, exact statistics, the closed form of
//! agreement.
//!
//! Seeds are fixed, so that every statistic is one number for ever; bounds are a random run's.

use super::*;
use base::TokenSet;

fn sampling(temperature: f32, top_k: u32, top_p: f32, seed: u64) -> Sampling {
    Sampling::new(temperature, top_k, top_p, seed).unwrap()
}

fn pick(logits: &[f32], sampling: &Sampling, position: u32) -> u32 {
    choose(logits, &Allowed::Any, sampling, Position(position)).unwrap().0
}

/// Multiples of 1/16 in a scrambled order, exact in every format.
fn ladder() -> Vec<f32> {
    (0..101u16).map(|token| f32::from(token * 37 % 101) / 16.0).collect()
}

/// Golden choices, from Python's integers and doubles by the definitions in this module.
#[test]
fn golden_choices() {
    let check = |sampling: Sampling, golden: [u32; 16]| {
        let choices: Vec<u32> = (0..16).map(|at| pick(&ladder(), &sampling, at)).collect();
        assert_eq!(choices, golden, "{sampling:?}");
    };
    check(
        sampling(0.8, 0, 1.0, 42),
        [2, 98, 5, 38, 24, 65, 81, 43, 89, 38, 73, 79, 30, 60, 30, 30],
    );
    check(
        sampling(0.8, 0, 1.0, 0xdead_beef_cafe_f00d),
        [70, 90, 27, 30, 79, 95, 5, 8, 60, 75, 46, 27, 59, 60, 76, 75],
    );
    check(
        sampling(0.8, 5, 1.0, 42),
        [30, 60, 30, 49, 30, 49, 90, 90, 49, 90, 60, 90, 30, 60, 30, 30],
    );
    check(sampling(0.8, 0, 0.5, 42), [30, 8, 8, 38, 79, 49, 8, 90, 49, 38, 79, 79, 30, 60, 30, 30]);
    let mut noise = Noise::new(42, Position(7));
    assert_eq!(noise.bits(TokenId(3)), 0x4655_c57b_c778_ce12);
    assert_ne!(noise.bits(TokenId(2)), 0x4655_c57b_c778_ce12);
    assert_eq!(noise.bits(TokenId(3)), 0x4655_c57b_c778_ce12);
}

#[test]
fn pruning_changes_no_choice() {
    let (mut random, logits) = (Random(5), ladder());
    for seed in 0..300 {
        let logits: Vec<f32> = logits.iter().map(|z| z * 8.0 * random.next()).collect();
        let sampling = sampling(1.0, 0, 1.0, seed);
        let scale = Scale::new(&logits, likeliest(&logits, Position(9)).unwrap(), 1.0);
        let mut noise = Noise::new(seed, Position(9));
        let score = |token| scale.of(token) + gumbel::gumbel(noise.bits(token));
        let scores: Vec<f64> = scale.tokens().map(score).collect();
        let best = scores.iter().copied().fold(f64::MIN, f64::max);
        let first = scores.iter().position(|&score| score == best).unwrap();
        assert_eq!(pick(&logits, &sampling, 9) as usize, first, "seed {seed}");
    }
}

#[test]
fn temperature_zero_takes_the_largest_and_of_equals_the_lowest() {
    for (logits, token) in [
        (&[0.5, 2.0, 2.0, -1.0][..], 1),
        (&[f32::NEG_INFINITY, -3.0], 1),
        (&[1.0, f32::INFINITY, f32::INFINITY], 1),
        (&[-0.0, 0.0], 0),
    ] {
        assert_eq!(pick(logits, &Sampling::GREEDY, 0), token, "{logits:?}");
    }
}

#[test]
fn infinities_are_limits_of_large_logits() {
    const INF: f32 = f32::INFINITY;
    let mut seen = [0; 4];
    for seed in 0..400 {
        let choice = pick(&[5.0, INF, -INF, INF], &sampling(0.9, 0, 1.0, seed), 3);
        seen[choice as usize] += 1;
        assert_eq!(pick(&[-INF, 5.0, -INF], &sampling(2.0, 0, 1.0, seed), 3), 1);
        assert_eq!(pick(&[-INF, 5.0, 4.9], &sampling(1e-30, 0, 1.0, seed), 3), 1);
    }
    assert!(seen[0] == 0 && seen[2] == 0 && seen[1] > 150 && seen[3] > 150, "{seen:?}");
}

#[test]
fn logits_without_a_choice_are_errors_that_name_the_position() {
    let position = Position(17);
    for sampling in [Sampling::GREEDY, sampling(1.0, 3, 0.9, 1)] {
        let choose =
            |logits: &[f32]| choose(logits, &Allowed::Any, &sampling, position).unwrap_err();
        assert_eq!(choose(&[]), SampleError::Empty { position });
        let token = TokenId(1);
        assert_eq!(choose(&[9.0, f32::NAN]), SampleError::NotANumber { position, token });
        assert_eq!(choose(&[f32::NEG_INFINITY; 3]), SampleError::NoCandidate { position });
        assert!(choose(&[f32::NAN]).to_string().contains("position 17"));
    }
}

/// Goal: what is not allowed is as if its logit were negative infinity, in every way of choosing. Method:
/// random sets, against logits that are so.
#[test]
fn what_is_not_allowed_is_never_chosen_and_changes_no_other_choice() {
    let mut random = Random(17);
    for seed in 0..200 {
        let logits: Vec<f32> = ladder().iter().map(|z| z * random.next()).collect();
        let (share, lowest) = (random.next(), TokenId(u32::try_from(seed).unwrap() % 101));
        let is_in = |&token: &TokenId| token == lowest || random.next() < share;
        let set: TokenSet = (0..101).map(TokenId).filter(is_in).collect();
        let least = |(token, &z)| if set.contains(token) { z } else { f32::NEG_INFINITY };
        let masked: Vec<f32> = (0..).map(TokenId).zip(&logits).map(least).collect();
        let allowed = Allowed::Only(set.clone());
        for (temperature, top_k, top_p) in
            [(0.0, 0, 1.0), (0.9, 0, 1.0), (1.5, 7, 1.0), (1.0, 0, 0.6)]
        {
            let sampling = sampling(temperature, top_k, top_p, seed);
            let choice = choose(&logits, &allowed, &sampling, Position(5)).unwrap();
            assert!(set.contains(choice), "seed {seed}: {choice:?}");
            assert_eq!(choice.0, pick(&masked, &sampling, 5), "seed {seed}");
        }
    }
    let nobody = Allowed::Only(TokenSet::from_iter([]));
    let error = choose(&[1.0, 2.0], &nobody, &Sampling::GREEDY, Position(3)).unwrap_err();
    assert_eq!(error, SampleError::NoCandidate { position: Position(3) });
}

/// Goal: choices are samples of the softmax over the survivors. Method: 1e5 seeds, chi-square.
#[test]
fn choices_are_distributed_as_the_softmax_of_the_survivors() {
    let logits = [0.3, -1.2, 2.0, 0.0, 1.1, -0.4, 2.0, -3.0, 0.9, 1.6];
    for (temperature, top_k, top_p, survivors) in [
        (1.0, 0, 1.0, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9][..]),
        (0.7, 0, 1.0, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (2.5, 0, 1.0, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (1.0, 4, 1.0, &[2, 4, 6, 9]),
        (0.5, 0, 0.9, &[2, 4, 6, 9]),
        (1.0, 6, 0.74, &[2, 6, 9]),
    ] {
        let mut counts = [0u32; 10];
        for seed in 0..100_000 {
            let sampling = sampling(temperature, top_k, top_p, seed);
            counts[pick(&logits, &sampling, 5) as usize] += 1;
        }
        let weight = |token: &usize| f64::from(logits[*token] / temperature).exp();
        let total: f64 = survivors.iter().map(weight).sum();
        let mut chi_square = 0.0;
        for (token, count) in counts.into_iter().enumerate() {
            if !survivors.contains(&token) {
                assert_eq!(count, 0, "top-k {top_k} top-p {top_p}: token {token}");
                continue;
            }
            let expected = 1e5 * weight(&token) / total;
            chi_square += (f64::from(count) - expected).powi(2) / expected;
        }
        // Wilson and Hilferty's approximation of the quantile that 1 in 10,000 runs exceeds.
        let freedom = survivors.len() as f64 - 1.0;
        let part = 2.0 / (9.0 * freedom);
        let bound = freedom * (1.0 - part + 3.72 * part.sqrt()).powi(3);
        assert!(chi_square < bound, "T {temperature}: {chi_square} is above {bound}");
    }
}

/// Goal: draft and target agree as often as theory says: `Σⱼ 1 / Σᵢ max(pᵢ/pⱼ, qᵢ/qⱼ)`, which is at
/// least `(1 − TV) / (1 + TV)`. Method: random and extreme pairs, 20,000 seeds each, four sigma.
#[test]
fn draft_and_target_agree_as_often_as_the_closed_form_says() {
    const SEEDS: u32 = 20_000;
    let mut random = Random(11);
    let mut pairs: Vec<(Vec<f32>, Vec<f32>)> = (0..24)
        .map(|n| {
            let (size, spread) = (2 + n, f32::from(u8::try_from(n % 5).unwrap()) * 0.7 + 0.1);
            let z: Vec<f32> = (0..size).map(|_| 3.0 * random.next()).collect();
            let near = z.iter().map(|z| z + spread * (random.next() - 0.5)).collect();
            (z, near)
        })
        .collect();
    pairs
        .push((vec![0.0, 0.0, f32::NEG_INFINITY], vec![f32::NEG_INFINITY, f32::NEG_INFINITY, 0.0]));
    pairs.push((vec![0.0, f32::NEG_INFINITY], vec![1.0, 1.0]));
    pairs.push((vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0]));
    for (n, (draft, target)) in pairs.iter().enumerate() {
        let (p, q) = (softmax(draft), softmax(target));
        let expected = agreement(&p, &q);
        let distance: f64 = p.iter().zip(&q).map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.0;
        assert!(expected > (1.0 - distance) / (1.0 + distance) - 1e-9, "pair {n}");

        let agreed = (0..SEEDS)
            .filter(|&seed| {
                let sampling = sampling(1.0, 0, 1.0, u64::from(seed) << 8 | n as u64);
                pick(draft, &sampling, 2) == pick(target, &sampling, 2)
            })
            .count() as f64;
        let sigma = (expected * (1.0 - expected) / f64::from(SEEDS)).max(0.0).sqrt();
        let share = agreed / f64::from(SEEDS);
        assert!((share - expected).abs() <= 4.0 * sigma + 1e-9, "pair {n}: {share} {expected}");
    }
}

/// Goal: no noise is used twice. Method: correlation of the noise with itself further on along
/// positions, tokens and seeds, five sigma of 20,000 draws.
#[test]
fn noise_does_not_repeat_along_positions_tokens_or_seeds() {
    const DRAWS: u32 = 20_000;
    let at = |seed: u64, position: u32, token: u32| {
        gumbel::gumbel(Noise::new(seed, Position(position)).bits(TokenId(token)))
    };
    let along: [(&str, &dyn Fn(u32) -> f64); 3] = [
        ("positions", &|n| at(3, n, 8)),
        ("tokens", &|n| at(3, 8, n)),
        ("seeds", &|n| at(u64::from(n) << 16, 3, 8)),
    ];
    for (name, draw) in along {
        let noise: Vec<f64> = (0..DRAWS).map(draw).collect();
        let mean = noise.iter().sum::<f64>() / f64::from(DRAWS);
        assert!((mean - 0.577_215_664_9).abs() < 5.0 * 1.2825 / f64::from(DRAWS).sqrt(), "{name}");
        let product = |lag: usize| -> f64 {
            noise.iter().zip(&noise[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum()
        };
        for lag in 1..9 {
            let correlation = product(lag) / product(0);
            assert!(correlation.abs() < 5.0 / f64::from(DRAWS).sqrt(), "{name}: {correlation}");
        }
    }
}

#[test]
fn survivors_are_a_beginning_of_the_order_by_logit_then_id() {
    let check = |logits: &[f32], top_k, top_p, expected: &[u32]| {
        let sampling = sampling(1.0, top_k, top_p, 0);
        let scale = Scale::new(logits, likeliest(logits, Position(0)).unwrap(), 1.0);
        let mut tokens = survivors::survivors(&scale, &sampling).unwrap();
        tokens.sort_unstable();
        let expected: Vec<TokenId> = expected.iter().copied().map(TokenId).collect();
        assert_eq!(tokens, expected, "{logits:?} top-k {top_k} top-p {top_p}");
    };
    check(&[1.0, 2.0, 1.0, 1.0], 2, 1.0, &[0, 1]);
    check(&[1.0, 2.0, 1.0, 1.0], 3, 1.0, &[0, 1, 2]);
    check(&[0.0, 0.0, -0.0, 0.0], 0, 0.5, &[0, 1]);
    check(&[0.0, 0.0, 0.0, 0.0], 0, 0.500_001, &[0, 1, 2]);
    check(&[0.0, 0.0, 0.0, 0.0], 2, 0.500_001, &[0, 1]);
    check(&[0.0, 9.0, 0.0], 0, 1e-9, &[1]);
    check(&[0.0, -30.0, 0.0], 0, 0.999_999, &[0, 2]);
    check(&[f32::INFINITY, 3.0, f32::INFINITY], 0, 0.9, &[0, 2]);
    // Many equals, more than a sort keeps in place by accident.
    let logits: Vec<f32> = (0..500u16).map(|token| f32::from(token * 7 % 4)).collect();
    let mut order: Vec<u32> = (0..500).collect();
    order.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]));
    order.truncate(300);
    order.sort_unstable();
    check(&logits, 300, 1.0, &order);
    let all = sampling(1.0, 4, 1.0, 0);
    assert!(survivors::survivors(&Scale::new(&[0.0; 4], TokenId(0), 1.0), &all).is_none());
}

fn softmax(logits: &[f32]) -> Vec<f64> {
    let weights: Vec<f64> = logits.iter().map(|&z| f64::from(z).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

fn agreement(p: &[f64], q: &[f64]) -> f64 {
    let share = |(&pj, &qj): (&f64, &f64)| {
        if pj == 0.0 || qj == 0.0 {
            return 0.0;
        }
        let ratio = |(pi, qi): (&f64, &f64)| (pi / pj).max(qi / qj);
        1.0 / p.iter().zip(q).map(ratio).sum::<f64>()
    };
    p.iter().zip(q).map(share).sum()
}

/// SplitMix64, for test data.
struct Random(u64);

impl Random {
    /// Uniform in 0..1, in steps that f32 holds exactly.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u32 << 24) as f32
    }
}
