//! How a deferred request stands: a pure machine.
//!
//! ```text
//!                 send                answer                 call back
//!   Waiting(n) ─────────▶ Sent(n+1) ──────────▶ Answered ─────────────▶ Delivered
//!     │  ▲                 │    │                  │                       ▲
//!     │  └─────────────────┘    │ refuse           │ nobody to call back   │
//!     │    fail, or the         ▼                  └───────────────────────┘
//!     │    process dies      Refused
//!     └────────────────────────▲                   Waiting, Answered ──expire──▶ Expired
//! ```
//!
//! | | send | fail | answer | refuse | expire | call back |
//! |---|---|---|---|---|---|---|
//! | `Waiting` | `Sent` | – | `Answered`, if it was ever sent | `Refused` | `Expired` | – |
//! | `Sent` | – | `Waiting` | `Answered` | `Refused` | – | – |
//! | `Answered` | – | – | again | – | `Expired` | `Delivered` |
//! | `Delivered` | – | – | again | – | – | again |
//! | `Expired`, `Refused` | – | – | too late | – | – | – |
//!
//! Asking twice is harmless: a text is a function of its request. So a request whose answer may have
//! been under way when the process died is asked again, and the first answer counts.

use crate::{JournalError, UnixTime};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a deferred request stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is to be sent.
    Waiting {
        /// How often it was sent already.
        attempts: u32,
        /// Not before this.
        not_before: UnixTime,
    },
    /// It is under way.
    Sent {
        /// For which time, from 1.
        attempt: u32,
    },
    /// The answer is in its conversation, and somebody is to be called back.
    Answered {
        /// Since when.
        at: UnixTime,
        /// Which turn of the conversation it is.
        turn: u64,
    },
    /// The answer is in its conversation, and whoever was to be called back has it.
    Delivered {
        /// Since when.
        at: UnixTime,
    },
    /// It was not sent in time, or nobody could be called back in time.
    Expired {
        /// Since when.
        at: UnixTime,
    },
    /// It will not be answered.
    Refused {
        /// Since when.
        at: UnixTime,
        /// Why.
        reason: String,
    },
}

/// What happens to a deferred request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// It goes out.
    Send,
    /// It came to nothing, and may be sent again then.
    Fail { not_before: UnixTime },
    /// Its answer came. `turn` is the one that it will be.
    Answer { at: UnixTime, turn: u64, to_call_back: bool },
    /// It will never be answered.
    Refuse { at: UnixTime, reason: String },
    /// Its time is over.
    Expire { at: UnixTime },
    /// Whoever was to be called back has the answer.
    CallBack { at: UnixTime },
}

/// What a step leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another state.
    State(State),
    /// It was made before, and changes nothing.
    Again,
    /// It comes too late, and changes nothing.
    TooLate,
}

impl State {
    /// As a request begins.
    pub(crate) const NEW: Self = Self::Waiting { attempts: 0, not_before: UnixTime(0) };

    /// Makes a step, by the table above.
    pub(crate) fn step(&self, step: Step) -> Result<Next, JournalError> {
        use State::{Answered, Delivered, Expired, Refused, Sent, Waiting};
        let impossible = Err(JournalError::NoSuchStep { state: self.name(), step: step.name() });
        let next = match (self, step) {
            (Waiting { attempts, .. }, Step::Send) => Sent { attempt: attempts.saturating_add(1) },
            (Sent { attempt }, Step::Fail { not_before }) => {
                Waiting { attempts: *attempt, not_before }
            }
            // Nobody can have answered what was never asked.
            (Waiting { attempts: 0, .. }, Step::Answer { .. }) => return impossible,
            (Waiting { .. } | Sent { .. }, Step::Answer { at, turn, to_call_back }) => {
                if to_call_back {
                    Answered { at, turn }
                } else {
                    Delivered { at }
                }
            }
            (Answered { .. } | Delivered { .. }, Step::Answer { .. }) => return Ok(Next::Again),
            (Expired { .. } | Refused { .. }, Step::Answer { .. }) => return Ok(Next::TooLate),
            (Waiting { .. } | Sent { .. }, Step::Refuse { at, reason }) => Refused { at, reason },
            (Waiting { .. } | Answered { .. }, Step::Expire { at }) => Expired { at },
            (Answered { .. }, Step::CallBack { at }) => Delivered { at },
            (Delivered { .. }, Step::CallBack { .. }) => return Ok(Next::Again),
            (_, Step::Send | Step::Fail { .. } | Step::Refuse { .. })
            | (_, Step::Expire { .. } | Step::CallBack { .. }) => return impossible,
        };
        Ok(Next::State(next))
    }

    /// Since when it is over; nothing while something is still to be done.
    pub fn ended(&self) -> Option<UnixTime> {
        match self {
            Self::Waiting { .. } | Self::Sent { .. } | Self::Answered { .. } => None,
            Self::Delivered { at } | Self::Expired { at } | Self::Refused { at, .. } => Some(*at),
        }
    }

    /// Whether its answer is still to come: what was asked later in its conversation waits for it.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self, Self::Waiting { .. } | Self::Sent { .. })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "is waiting",
            Self::Sent { .. } => "is sent",
            Self::Answered { .. } => "is answered",
            Self::Delivered { .. } => "is delivered",
            Self::Expired { .. } => "has expired",
            Self::Refused { .. } => "is refused",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Send => "sent",
            Self::Fail { .. } => "failed",
            Self::Answer { .. } => "answered",
            Self::Refuse { .. } => "refused",
            Self::Expire { .. } => "expired",
            Self::CallBack { .. } => "called back",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: UnixTime = UnixTime(9);

    fn state(name: &str) -> State {
        match name {
            "new" => State::NEW,
            "waiting" => State::Waiting { attempts: 2, not_before: UnixTime(5) },
            "sent" => State::Sent { attempt: 3 },
            "answered" => State::Answered { at: AT, turn: 7 },
            "delivered" => State::Delivered { at: AT },
            "expired" => State::Expired { at: AT },
            "refused" => State::Refused { at: AT, reason: "why".to_owned() },
            other => panic!("{other}"),
        }
    }

    fn step(name: &str) -> Step {
        match name {
            "send" => Step::Send,
            "fail" => Step::Fail { not_before: UnixTime(5) },
            "answer" => Step::Answer { at: AT, turn: 7, to_call_back: true },
            "answer-to-nobody" => Step::Answer { at: AT, turn: 7, to_call_back: false },
            "refuse" => Step::Refuse { at: AT, reason: "why".to_owned() },
            "expire" => Step::Expire { at: AT },
            "call-back" => Step::CallBack { at: AT },
            other => panic!("{other}"),
        }
    }

    /// Goal: the machine is its table. Method: the table below has every state beside every step.
    #[test]
    fn every_step_from_every_state_leads_where_the_table_says() {
        let table = "
              from      | send    | fail    | answer   | answer-to-nobody | refuse  | expire  | call-back
              new       | first   | -       | -        | -                | refused | expired | -
              waiting   | sent    | -       | answered | delivered        | refused | expired | -
              sent      | -       | waiting'| answered | delivered        | refused | -       | -
              answered  | -       | -       | again    | again            | -       | expired | delivered
              delivered | -       | -       | again    | again            | -       | -       | again
              expired   | -       | -       | late     | late             | -       | -       | -
              refused   | -       | -       | late     | late             | -       | -       | -";
        let mut rows = table.lines().skip(1).map(|row| row.split('|').map(str::trim));
        let steps: Vec<&str> = rows.next().unwrap().skip(1).collect();
        for mut row in rows {
            let from = row.next().unwrap();
            for (name, wanted) in steps.iter().zip(row) {
                let found = state(from).step(step(name));
                let wanted = match wanted {
                    "-" => {
                        assert!(
                            matches!(found, Err(JournalError::NoSuchStep { .. })),
                            "{from} {name}"
                        );
                        continue;
                    }
                    "again" => Next::Again,
                    "late" => Next::TooLate,
                    "first" => Next::State(State::Sent { attempt: 1 }),
                    "waiting'" => {
                        Next::State(State::Waiting { attempts: 3, not_before: UnixTime(5) })
                    }
                    other => Next::State(state(other)),
                };
                assert_eq!(found.unwrap(), wanted, "{from} {name}");
            }
        }
    }
}
