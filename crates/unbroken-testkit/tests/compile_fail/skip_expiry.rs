//! A session for a layout that nobody has held against the time.

use unbroken_crypto::{Authentic, Owner};
use unbroken_model::layout::Layout;
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;
use unbroken_verify::{Budget, Options, Session};

fn open(layout: Authentic<Layout, Owner>, now: Timestamp) -> Session {
    Session::open(layout, now, Options::default(), Limits::default(), Budget::default()) //~ E0308: mismatched types: expected `InForce`, found `Authentic<Layout, Owner>`
}

fn main() {}
