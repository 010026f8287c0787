//! How likely the target took its words to be goes out with them, where somebody asks.

use super::*;
use base::Likelihoods;

/// Another number at each position.
fn likely(position: usize) -> Likelihoods {
    let chosen = (word(position), -f32::from(u8::try_from(position).unwrap()));
    Likelihoods { chosen, top: vec![chosen] }
}

fn asking(epoch: u32, likelihoods: Option<u8>) -> Open {
    Open { likelihoods, ..open(epoch, 9) }
}

impl Desk {
    fn asked(likelihoods: Option<u8>) -> Self {
        let mut desk = Self::new();
        desk.0.handle_open(&asking(1, likelihoods));
        let _ = desk.0.poll_transmit();
        desk
    }

    /// Runs one work, where there is one.
    fn choose(&mut self) -> bool {
        let Some(work) = self.0.poll_work(self.1) else { return false };
        let at = work.choose.map(|row| work.truncate_to.index() + row + 1);
        let (tokens, likelihoods) = at.map(|at| (word(at), likely(at))).unzip();
        self.0.handle_chosen(self.1, Chosen { tokens, likelihoods }, 5);
        true
    }

    /// Of the next verdict: where its words begin, and how likely they were.
    fn told(&mut self) -> (usize, Vec<Likelihoods>) {
        let Some(Message::Verdict(verdict)) = self.0.poll_transmit() else { panic!("no verdict") };
        (verdict.at().index() - verdict.accepted as usize, verdict.likelihoods)
    }
}

#[test]
fn accepted_drafts_and_own_words_have_theirs_and_said_ones_none() {
    let mut desk = Desk::asked(Some(1));
    desk.ask(pass(1, &[1, 2, 3, 7, 104, 9], 0, 1, 2));
    assert!(desk.choose());
    assert_eq!(desk.told(), (4, vec![likely(4), likely(5)]));
    desk.ask(Pass { extend: 2, ..pass(1, &[1, 2, 3, 7, 104, 105], 5, 0, 0) });
    assert!(desk.choose());
    assert_eq!(desk.told(), (6, vec![likely(6)]));
    assert!(desk.choose(), "it goes on alone");
    assert_eq!(desk.told(), (7, vec![likely(7)]));
}

#[test]
fn nobody_is_told_unasked() {
    let mut desk = Desk::asked(None);
    desk.ask(pass(1, &[1, 2, 3], 0, 0, 0));
    assert!(desk.choose());
    assert_eq!(desk.told(), (3, vec![]));
}

#[test]
fn what_is_said_from_memory_is_as_likely_as_it_was() {
    let mut desk = Desk::asked(Some(1));
    for epoch in [1, 2] {
        desk.ask(pass(epoch, &[1, 2, 3, 103], 0, 0, 1));
        assert_eq!(desk.choose(), epoch == 1);
        assert_eq!(desk.told(), (3, vec![likely(3), likely(4)]));
    }
}

#[test]
fn who_asks_otherwise_gets_no_choice_of_which_that_is_not_known() {
    for (before, after, is_known) in
        [(None, Some(1), false), (Some(1), Some(5), false), (Some(1), Some(1), true)]
    {
        let mut desk = Desk::asked(before);
        desk.ask(pass(1, &[1, 2, 3], 0, 0, 0));
        let _ = (desk.choose(), desk.told());
        desk.0.handle_open(&asking(2, after));
        let _ = desk.0.poll_transmit();
        desk.ask(pass(2, &[1, 2, 3], 3, 0, 0));
        assert_eq!(desk.choose(), !is_known, "{before:?}, then {after:?}");
        assert_eq!(desk.told(), (3, vec![likely(3)]));
    }
}
