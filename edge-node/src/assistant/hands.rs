//! Who does what an intent says.

use intents::Action;

/// Carries out actions.
pub trait Acts: Send + Sync {
    /// Does `action`. Whoever does it knows by `id` what it has done before.
    ///
    /// # Errors
    ///
    /// Why it was not done, in words for who asked.
    fn act(&self, action: &Action, id: u128) -> impl Future<Output = Result<(), String>> + Send;
}

/// A device that can say things, and do nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHands;

impl Acts for NoHands {
    async fn act(&self, action: &Action, _: u128) -> Result<(), String> {
        match action {
            Action::Reply => Ok(()),
            Action::Http { .. } | Action::Mqtt { .. } | Action::Socket { .. } => {
                Err("this device has nothing to act with".to_owned())
            }
        }
    }
}
