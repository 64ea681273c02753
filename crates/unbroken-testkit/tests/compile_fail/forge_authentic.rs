//! Authentic metadata that no signature check has made, field by field.

use std::marker::PhantomData;

use unbroken_crypto::{Authentic, Owner};
use unbroken_model::layout::Layout;

fn forge(layout: Layout) -> Authentic<Layout, Owner> {
    Authentic { payload: layout, signers: Vec::new(), role: PhantomData } //~ cannot construct `Authentic<_, _>` with struct literal syntax due to private fields
}

fn main() {}
