//! The in-toto types and wire formats: layouts, links, envelopes, artifact rules, canonical JSON.
