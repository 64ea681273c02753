//! Every misuse of the proof types is refused by the compiler.

#[test]
fn misuses_of_the_proof_types_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
