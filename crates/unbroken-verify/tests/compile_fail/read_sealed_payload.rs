//! The payload of an envelope whose signatures nobody has checked.

use unbroken_model::envelope::Envelope;
use unbroken_model::layout::Layout;
use unbroken_model::limits::Limits;

fn read(envelope: &Envelope<'_>) -> Layout {
    let form = &envelope.form;
    envelope.decode(&Limits::default()).unwrap()
}

fn main() {}
