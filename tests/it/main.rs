//! The one test binary: tidiness of the tree, and the real programs as real processes.
//!
//! ```text
//! tidy              crate arrows, headers, sizes, configurations, names
//! same_text         whatever stands between device and target, the text is the same
//! stories           real weights say their published text, over every split
//! emulated_link     bad links that a configuration names
//! switch            other modes in mid-sentence
//! segments          KV that another node has computed, over links and kills
//! pairs             configurations of real models, and the memory that they need
//! planning          plans that are found, from what was measured and certified
//! outage            killed, stopped and cut off in mid-sentence
//! failing_well      refusals and farewells
//! assistant         conversations, intents and refusals as people meet them
//! first_steps       the committed configurations, as the README says it
//!   world           a CA, configurations, processes, a bad link; oracle, models
//! ```

#[cfg(test)]
mod assistant;
#[cfg(test)]
mod emulated_link;
#[cfg(test)]
mod failing_well;
#[cfg(test)]
mod first_steps;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod pairs;
#[cfg(test)]
mod planning;
#[cfg(test)]
mod same_text;
#[cfg(test)]
mod segments;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod switch;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod world;
