//! Evidence that is handed in after the steps were judged.

use unbroken_verify::{ChainId, Session, Submission};

fn late(mut session: Session, chain: ChainId, submission: Submission<'_>) {
    let _waiting = session.evaluate();
    session.submit(chain, submission); //~ E0382: borrow of moved value: `session`: value borrowed here after move
}

fn main() {}
