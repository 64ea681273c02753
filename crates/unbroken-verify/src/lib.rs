//! The verification engine: sessions, rules, sublayouts, findings and the verdict.
