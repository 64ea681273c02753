#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| unbroken_testkit::entries::run("timestamp_token", bytes));
