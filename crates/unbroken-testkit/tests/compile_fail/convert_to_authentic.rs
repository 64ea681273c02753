//! Metadata that becomes authentic by a conversion.

use unbroken_crypto::{Authentic, Owner};
use unbroken_model::layout::Layout;

fn convert(layout: Layout) -> Authentic<Layout, Owner> {
    layout.into() //~ E0277: the trait bound `Authentic<Layout, Owner>: From<Layout>` is not satisfied: the trait `std::convert::From<unbroken_model::layout::Layout>` is not implemented for `Authentic<unbroken_model::layout::Layout, Owner>`
}

fn main() {}
