//! `in-toto-match-products`.

use crate::pair::{Pair, key_id};

#[test]
fn trees_are_compared_alike() {
    let Some(pair) = Pair::new("in-toto-match-products") else { return };
    pair.same("in-toto-run", "-n x -p src -x --signing-key bob");
    let link = format!("x.{}.link", key_id("bob").get(..8).unwrap());
    pair.same("in-toto-match-products", &format!("-l {link} -p src -v"));
    pair.same("in-toto-match-products", &format!("--link {link} --paths src"));
    pair.same("in-toto-match-products", &format!("-l {link} -p src -e *.txt -v"));
    pair.write("src/main.c", b"changed");
    pair.same("in-toto-match-products", &format!("-l {link} -p src/main.c src/lib -v"));
    pair.write("src/new", b"new");
    pair.same("in-toto-match-products", &format!("-l {link} -p src/new src/lib -v"));
    pair.same_code("in-toto-match-products", &format!("-l {link}"));
    pair.same_code("in-toto-match-products", "-l nowhere");
}
