//! A virtual supply chain for tests: seeded keys, chains with one mutation, and the specification transcribed slowly.
