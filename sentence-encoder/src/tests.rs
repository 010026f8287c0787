//! Folders that are no model, and a small one that is.
