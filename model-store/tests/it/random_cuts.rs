//! A property: wherever connections break, a file arrives whole or an error says why, and nothing travels twice.

use crate::hub::TestHub;
use crate::world::{NAME, World, bytes};
use model_store::PullError;

/// Worlds that are tried.
const SEEDS: u32 = 60;

#[test]
fn wherever_a_connection_breaks_a_file_arrives_whole_and_no_byte_twice() {
    let (mut arrived, mut given_up) = (0, 0);
    for seed in 1..=SEEDS {
        let dice = bytes(64, seed.wrapping_mul(0x9e37_79b9));
        let draw = move |index: usize| dice[index % 64] as usize;
        let size = draw(0) * 733 + draw(1);
        let all = bytes(size, seed);
        let calm = draw(2) % 8;
        let hub = TestHub::twisted(&[("x.gguf", all.clone())], move |asked, mut reply| {
            let breaks = draw(asked.nth + 3) % 8 >= calm.min(6);
            if asked.is_file() && breaks {
                let cut = reply.body.len() * draw(asked.nth + 20) / 255;
                reply.cut = Some(cut.min(reply.body.len().saturating_sub(1)));
            }
            reply
        });
        let world = World::new();
        match world.pull(NAME, &hub) {
            Ok(pulled) => {
                assert_eq!(std::fs::read(pulled.path).unwrap(), all, "seed {seed}");
                assert_eq!(hub.sent(), size, "seed {seed}");
                arrived += 1;
            }
            Err(PullError::GaveUp { tries, .. }) => {
                assert_eq!(tries, 6, "seed {seed}");
                assert!(world.named_files().is_empty(), "seed {seed}");
                given_up += 1;
                let calm = TestHub::honest(&[("x.gguf", all.clone())]);
                let path = world.pull(NAME, &calm).unwrap().path;
                assert_eq!(std::fs::read(path).unwrap(), all, "seed {seed}");
                assert_eq!(hub.sent() + calm.sent(), size, "seed {seed}");
            }
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    assert!(arrived > 10 && given_up > 10, "{arrived} arrived, {given_up} were given up");
}
