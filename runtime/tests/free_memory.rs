//! In a process of its own: what others allocate meanwhile would be seen.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use runtime::free_memory::give_back;

/// Method: many small pieces are freed, but for the last one, before which the C library keeps all that is free.
#[test]
fn what_is_free_is_the_systems_again() {
    const PIECES: u32 = 200_000;
    const PIECES_KIB: i64 = 50_000;
    let pieces: Vec<_> = (0..PIECES).map(|i| Box::new([i; 64])).collect();
    let full = resident_kib();
    let last = pieces.into_iter().next_back();
    let freed = resident_kib();
    give_back();
    let given_back = resident_kib();
    assert_eq!(last.map(|piece| piece[0]), Some(PIECES - 1), "it is in use");
    assert!(freed > full - PIECES_KIB / 2, "nothing shows: {freed} of {full} KiB are kept anyway");
    assert!(given_back < full - PIECES_KIB * 3 / 4, "{given_back} of {full} KiB are still here");
}

/// Of this process, as the system says it.
fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of it");
    size.trim().trim_end_matches(" kB").parse().expect("a number")
}
