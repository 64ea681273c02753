#![no_main]
#[path = "../../crates/unbroken-webhook/tests/admission/entries.rs"]
mod entries;
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entries::run("admission_review", bytes));
