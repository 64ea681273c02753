//! Metadata that becomes authentic by a conversion.

use unbroken_crypto::{Authentic, Owner};
use unbroken_model::layout::Layout;

fn convert(layout: Layout) -> Authentic<Layout, Owner> {
    layout.into()
}

fn main() {}
