//! One test binary; nothing to import.
