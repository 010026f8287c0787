//! Templates and the phrases that they say.
