//! Sets of intents as people use them.
