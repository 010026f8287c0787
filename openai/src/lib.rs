//! OpenAI's HTTP API as types: requests read and checked, replies, chunks and errors written. No sockets, no clock.

#![forbid(unsafe_code)]
