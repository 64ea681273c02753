//! Archives that say one thing to one reader and another to the next.

use std::fs;
use std::path::Path;

use unbroken_oci::archive::OciArchive;
use unbroken_oci::content::{Content, read_blob};
use unbroken_oci::descriptor::Descriptor;
use unbroken_oci::limits::Limits;
use unbroken_testkit::entries::ALL;

use crate::support::kind;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// The seeds of fuzzing: an image layout, what docker saves, and one with two sizes of a member.
fn seed(number: usize) -> Vec<u8> {
    let entry = ALL.iter().find(|entry| entry.name == "image_archive").unwrap();
    entry.seeds().remove(number)
}

fn open(folder: &Path, bytes: &[u8]) -> unbroken_oci::Result<OciArchive> {
    let path = folder.join("image.tar");
    fs::write(&path, bytes).unwrap();
    OciArchive::open(&path, &Limits::default())
}

/// The header and the content of the first member, which is the index.
fn first_member(tar: &[u8]) -> &[u8] {
    let size = std::str::from_utf8(&tar[124..135]).unwrap();
    let size = usize::from_str_radix(size, 8).unwrap();
    &tar[..512 + size.next_multiple_of(512)]
}

/// Gives the first member another name and kind.
fn changed(tar: &[u8], name: &str, kind: u8) -> Vec<u8> {
    let mut tar = tar.to_vec();
    tar[..100].fill(0);
    tar[..name.len()].copy_from_slice(name.as_bytes());
    tar[156] = kind;
    tar[148..156].fill(b' ');
    let sum: u32 = tar[..512].iter().map(|byte| u32::from(*byte)).sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar
}

#[test]
fn a78_an_archive_is_read_in_place_and_no_name_in_it_leads_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let good = seed(0);
    let archive = open(folder.path(), &good).unwrap();
    let fetched = archive.manifest(&archive.select(None).unwrap()).unwrap();
    let layer = &fetched.manifest.as_image().unwrap().layers[0];
    assert_eq!(read_blob(&archive, layer, 9).unwrap(), b"layer");
    assert!(open(folder.path(), &changed(&good, "./index.json", b'0')).is_ok());
    // The index under a name that leads out, and as links, hard and symbolic, and as a device.
    for (name, of) in [
        ("../index.json", b'0'),
        ("/index.json", b'0'),
        ("a/../index.json", b'0'),
        ("index.json", b'1'),
        ("index.json", b'2'),
        ("index.json", b'3'),
    ] {
        let outcome = open(folder.path(), &changed(&good, name, of));
        assert_ne!(kind(outcome), "Ok", "{name} {of}");
    }
    // Nothing of it was unpacked.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a78_two_members_with_one_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = seed(0);
    for name in ["index.json", "./index.json"] {
        let mut twice = changed(first_member(&good), name, b'0');
        twice.extend_from_slice(&good);
        assert_eq!(kind(open(folder.path(), &twice)), "Malformed", "{name}");
    }
}

#[test]
fn a78_a_member_with_two_sizes_is_not_taken_for_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    let archive = open(folder.path(), &seed(2));
    let layer = Descriptor::of(LAYER, b"layer");
    assert_ne!(kind(archive.and_then(|archive| read_blob(&archive, &layer, 9))), "Ok");
}
