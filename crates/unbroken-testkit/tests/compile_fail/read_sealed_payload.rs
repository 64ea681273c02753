//! The payload of an envelope whose signatures nobody has checked.

use unbroken_model::envelope::Envelope;
use unbroken_model::layout::Layout;
use unbroken_model::limits::Limits;

fn read(envelope: &Envelope<'_>) -> Layout {
    let form = &envelope.form; //~ E0616: field `form` of struct `Envelope` is private: private field
    envelope.decode(&Limits::default()).unwrap() //~ E0599: no method named `decode` found for reference `&Envelope<'_>` in the current scope: method not found in `&Envelope<'_>`
}

fn main() {}
