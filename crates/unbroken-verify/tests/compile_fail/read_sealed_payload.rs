//! The payload of an envelope whose signatures nobody has checked.

use unbroken_model::envelope::{Envelope, UnverifiedPayload};
use unbroken_model::limits::Limits;

fn main() {
    let envelope = Envelope::parse(b"{}", &Limits::default()).unwrap();
    let payload: &UnverifiedPayload<'_> = envelope.payload();
    let form = &envelope.form;
}
