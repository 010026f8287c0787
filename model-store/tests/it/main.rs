//! Pulls from a hub that lies, breaks off and stalls, on this machine.

mod hostile;
mod hub;
mod kept;
mod killed;
mod names;
mod random_cuts;
mod world;
