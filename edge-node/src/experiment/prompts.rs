//! Prompts that ship, for the demo pair: what its dialogues are about, short and long.

/// How many there are; their numbers begin at 1.
pub(super) const COUNT: usize = BUILT_IN.len();

const BUILT_IN: [&str; 8] = [
    "I'd like a table for two tonight.",
    "What's the weather like in San Jose today?",
    "Find me a flight to New York.",
    "I want a large latte.",
    "Hi, could you get me a restaurant booking on the 8th please?",
    "Help me find a home.",
    "Make it 7 pm tomorrow at Bird Dog, please.",
    "I need two tickets for the concert in Los Angeles on March 14th, and a hotel near it. What \
     can you offer?",
];

/// The prompt of that number.
pub(super) fn built_in(number: i64) -> Option<&'static str> {
    let index = usize::try_from(number.checked_sub(1)?).ok()?;
    BUILT_IN.get(index).copied()
}
