//! Hubs that break off, lie, change their mind, send elsewhere and stall.

use crate::hub::{Asked, Reply, TestHub};
use crate::world::{NAME, Told, World, bytes};
use model_store::PullError;
use std::time::Duration;

const SIZE: usize = 150_000;

/// A hub with one file, whose replies about it go through `twist`; the first argument counts them.
fn twisted(twist: impl Fn(usize, &Asked, Reply) -> Reply + Send + Sync + 'static) -> TestHub {
    TestHub::twisted(&[("x.gguf", bytes(SIZE, 1))], move |asked, reply| {
        if asked.is_file() { twist(asked.nth - 1, asked, reply) } else { reply }
    })
}

fn check_whole(world: &World, hub: &TestHub) -> Told {
    let mut told = Told::default();
    let pulled = world.pull_told(NAME, hub, &mut told).unwrap();
    assert_eq!(std::fs::read(pulled.path).unwrap(), bytes(SIZE, 1));
    assert_eq!(told.arrived - told.lost, SIZE as u64);
    told
}

fn check_refused(hub: &TestHub, because: &str) -> (World, PullError) {
    let world = World::new();
    let error = world.pull(NAME, hub).unwrap_err();
    assert!(error.to_string().contains(because), "{error}");
    assert_eq!(world.named_files(), [""; 0]);
    (world, error)
}

fn starts(hub: &TestHub) -> Vec<Option<usize>> {
    hub.asked_for_files().iter().map(|asked| asked.from).collect()
}

#[test]
fn a_connection_that_breaks_goes_on_where_it_was() {
    let hub = twisted(|nth, _, mut reply| {
        reply.cut = (nth < 3).then_some(40_000);
        reply
    });
    let world = World::new();
    assert_eq!(check_whole(&world, &hub).lost, 0);
    assert_eq!(starts(&hub), [None, Some(40_000), Some(80_000), Some(120_000)]);
    assert!(hub.asked_for_files()[1..].iter().all(|asked| asked.if_range.is_some()));
    assert_eq!(world.pauses(), [1, 2, 4].map(Duration::from_secs));
    assert_eq!(hub.sent(), SIZE);
}

#[test]
fn a_connection_that_always_breaks_is_given_up_and_what_came_is_kept() {
    let hub = twisted(|_, _, mut reply| {
        reply.cut = Some(1_000);
        reply
    });
    let (world, error) = check_refused(&hub, "did not arrive in 6 tries");
    assert!(matches!(error, PullError::GaveUp { tries: 6, .. }), "{error}");
    let honest = twisted(|_, _, reply| reply);
    let mut told = Told::default();
    world.pull_told(NAME, &honest, &mut told).unwrap();
    assert_eq!(starts(&honest), [Some(6_000)]);
    assert_eq!(told.here, 6_000);
}

#[test]
fn headway_starts_the_count_of_tries_again() {
    let all = bytes(12 << 20, 1);
    let hub = TestHub::twisted(&[("x.gguf", all.clone())], |asked, mut reply| {
        if asked.is_file() {
            reply.cut = Some(1 << 20);
        }
        reply
    });
    let world = World::new();
    let path = world.pull(NAME, &hub).unwrap().path;
    assert_eq!(std::fs::read(path).unwrap(), all);
    assert_eq!(hub.asked_for_files().len(), 12);
}

#[test]
fn a_length_that_is_not_the_listed_one_is_refused_before_its_bytes_are_read() {
    for wrong in [SIZE - 1, SIZE + 1, 0, usize::MAX] {
        let hub = twisted(move |_, _, mut reply| {
            reply.length = Some(wrong);
            reply
        });
        check_refused(&hub, &format!("the hub sends {wrong} bytes where it lists {SIZE}"));
    }
}

#[test]
fn without_a_length_too_few_bytes_are_a_break_and_more_are_not_read() {
    let hub = twisted(|nth, _, mut reply| {
        reply.length = None;
        match nth {
            0 => reply.cut = Some(SIZE - 7),
            _ => reply.body.extend([7; 5_000]),
        }
        reply
    });
    check_whole(&World::new(), &hub);
    assert_eq!(starts(&hub), [None, Some(SIZE - 7)]);
}

#[test]
fn a_hub_that_ignores_ranges_is_asked_for_all_of_it() {
    let hub = twisted(|nth, _, reply| {
        let mut whole = Reply::of(200, &bytes(SIZE, 1)).with("ETag", "\"mark\"");
        whole.cut = (nth == 0).then_some(50_000);
        if nth == 0 { whole } else { Reply { headers: reply.headers, ..whole } }
    });
    assert_eq!(check_whole(&World::new(), &hub).lost, 50_000);
    assert_eq!(starts(&hub), [None, Some(50_000)]);
}

#[test]
fn a_range_that_cannot_be_given_starts_the_file_again() {
    let hub = twisted(|nth, _, mut reply| match nth {
        0 => {
            reply.cut = Some(50_000);
            reply
        }
        1 => Reply::of(416, b""),
        _ => reply,
    });
    assert_eq!(check_whole(&World::new(), &hub).lost, 50_000);
    assert_eq!(starts(&hub), [None, Some(50_000), None]);
}

#[test]
fn other_bytes_than_those_that_were_asked_for_are_not_taken() {
    for range in ["bytes 0-149999/150000", "bytes 50000-149999/150001", "bytes 50000-150000/*", ""]
    {
        let hub = twisted(move |nth, _, mut reply| {
            reply.cut = (nth == 0).then_some(50_000);
            if nth == 1 { reply.with("Content-Range", range) } else { reply }
        });
        assert_eq!(check_whole(&World::new(), &hub).lost, 50_000, "{range}");
        assert_eq!(starts(&hub), [None, Some(50_000), None], "{range}");
    }
}

/// Goal: no file is made of two. Method: the first answer is of another file of that name, and is cut.
#[test]
fn a_file_that_changes_in_between_starts_again() {
    let old = bytes(SIZE, 9);
    // As hubs do that look at If-Range, as those that do not, and as those that mark nothing.
    for (first, later) in [("\"old\"", "\"mark\""), ("W/\"old\"", "\"mark\""), ("", "")] {
        let old = old.clone();
        let hub = twisted(move |nth, _, mut reply| {
            if nth == 0 {
                reply = Reply::of(200, &old);
                reply.cut = Some(50_000);
            }
            reply.headers.retain(|(name, _)| *name != "ETag");
            let mark = if nth == 0 { first } else { later };
            if mark.is_empty() { reply } else { reply.with("ETag", mark) }
        });
        let told = check_whole(&World::new(), &hub);
        // Without a mark it is the sum that tells, and only at the end.
        assert_eq!(told.lost, if first.is_empty() { SIZE as u64 } else { 50_000 }, "{first}");
    }
}

#[test]
fn a_file_of_other_bytes_than_the_listed_ones_never_gets_its_name() {
    let hub = twisted(|_, _, mut reply| {
        reply.body[77] ^= 1;
        reply
    });
    let (_, error) = check_refused(&hub, "its checksum is wrong");
    assert!(matches!(error, PullError::Wrong { .. }), "{error}");
    assert_eq!(hub.asked_for_files().len(), 1);

    let small = TestHub::twisted(
        &[("config.json", b"{}".to_vec()), ("model.safetensors", bytes(9, 1))],
        |asked, mut reply| {
            if asked.path.ends_with("config.json") {
                reply.body = b"[]".to_vec();
            }
            reply
        },
    );
    let world = World::new();
    let error = world.pull("hf:org/name", &small).unwrap_err().to_string();
    assert!(error.contains("another config.json than it lists"), "{error}");
    assert_eq!(world.named_files(), [""; 0]);
}

#[test]
fn a_redirect_is_followed_and_the_token_stays_with_its_hub() {
    let elsewhere = TestHub::honest(&[("x.gguf", bytes(SIZE, 1))]);
    let to = elsewhere.address.clone();
    let hub = twisted(move |nth, asked, _| match nth {
        // Another name of the repository, on the same host.
        0 => Reply::of(307, b"").with("Location", asked.path.clone() + "?moved"),
        _ => {
            let path = asked.path.trim_end_matches("?moved");
            Reply::of(302, b"").with("Location", to.clone() + path)
        }
    });
    check_whole(&World::new(), &hub);
    let tokens =
        |hub: &TestHub| hub.asked().into_iter().map(|asked| asked.token).collect::<Vec<_>>();
    assert_eq!(tokens(&hub), vec![Some("Bearer secret".to_owned()); 3]);
    assert_eq!(tokens(&elsewhere), [None]);
}

#[test]
fn redirects_that_lead_nowhere_are_refused() {
    for (location, because) in [
        ("/org/name/resolve/again", "one redirect after another"),
        ("ftp://elsewhere/x", "a redirect that is no address"),
        ("", "a redirect that is no address"),
    ] {
        let hub = twisted(move |_, _, _| Reply::of(302, b"").with("Location", location));
        check_refused(&hub, because);
    }
}

#[test]
fn who_is_not_let_in_is_told_so_once() {
    for (status, because) in [
        (401, "may be gated"),
        (403, "may be gated"),
        (404, "shows it to its members alone; the token that was sent does not help"),
        (451, "status 451"),
    ] {
        let hub = twisted(move |_, _, _| Reply::of(status, b""));
        check_refused(&hub, because);
        assert_eq!(hub.asked_for_files().len(), 1);
        let hub = TestHub::twisted(&[], move |_, _| Reply::of(status, b""));
        check_refused(&hub, because);
    }
}

#[test]
fn a_busy_hub_is_given_the_time_that_it_asks_for() {
    let hub = twisted(|nth, _, reply| match nth {
        0 => Reply::of(429, b"").with("Retry-After", "30"),
        1 => Reply::of(503, b""),
        _ => reply,
    });
    let world = World::new();
    check_whole(&world, &hub);
    assert_eq!(world.pauses(), [30, 2].map(Duration::from_secs));
    let later = twisted(|_, _, _| Reply::of(429, b"").with("Retry-After", "3600"));
    let (world, error) = check_refused(&later, "come back in 3600 s");
    assert!(matches!(error, PullError::Busy { .. }), "{error}");
    assert_eq!(world.pauses(), []);
}

#[test]
fn what_trickles_arrives_and_what_stalls_is_asked_for_again() {
    let hub = twisted(|nth, _, mut reply| {
        reply.trickle = match nth {
            // Longer than anybody waits.
            0 => Some((30_000, Duration::from_millis(2_500))),
            _ => Some((30_000, Duration::from_millis(100))),
        };
        reply
    });
    check_whole(&World::impatient(), &hub);
    assert_eq!(starts(&hub)[..2], [None, Some(30_000)]);
}
