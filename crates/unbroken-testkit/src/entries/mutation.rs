//! Input that is nearly right.

use crate::random::Random;

/// Pieces that readers stumble over.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"true",
    b"-0",
    b"1e999",
    b"99999999999999999999",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"../",
    b"*",
    b"[!",
    b"{X}",
    b"=",
    b"\n",
    b"-----BEGIN PUBLIC KEY-----",
    b"\"_type\": \"link\"",
    b"\"threshold\": 0",
    b"0x",
    b"sha256",
    b"\xc3\xa9",
    b"e\xcc\x81",
    b"MATCH",
    b"\x30\x82\xff\xff",
    b"\x30\x80",
    b"\x02\x01\x00",
];

/// Changes one of the inputs in one to four places.
pub(super) fn of(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = random.pick(corpus).clone();
    for _ in 0..=random.below(3) {
        change(&mut bytes, corpus, random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    let from = random.below(bytes.len() + 1);
    let to = from + random.below((bytes.len() - from).min(64) + 1);
    match random.below(6) {
        0 => drop(bytes.drain(from..to)),
        1 => drop(bytes.splice(from..from, random.pick(PIECES).iter().copied())),
        2 => drop(bytes.splice(from..to, random.pick(PIECES).iter().copied())),
        3 => {
            let again: Vec<u8> = bytes.drain(from..to).collect();
            let place = random.below(bytes.len() + 1);
            drop(bytes.splice(place..place, again.repeat(2)));
        }
        4 => {
            let other = random.pick(corpus);
            let middle = random.below(other.len() + 1);
            bytes.truncate(from);
            bytes.extend(other.iter().skip(middle));
        }
        _ => {
            let bit = 1 << random.below(8);
            if let Some(byte) = bytes.get_mut(from) {
                *byte ^= bit;
            }
        }
    }
}
