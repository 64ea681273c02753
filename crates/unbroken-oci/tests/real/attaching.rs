//! Attaching to images in real registries: nothing is lost, however many do it at once.

use std::sync::Barrier;

use unbroken_oci::attach::{Piece, attach};
use unbroken_oci::evidence::{Scope, find};
use unbroken_testkit::component;
use unbroken_testkit::registry::{RegistryProcess, push_image};

use crate::server::repository;

fn piece(number: usize) -> Piece {
    let title = format!("step-{number}.c5e52e1b.link");
    Piece { title, media_type: None, bytes: format!("evidence {number}").into_bytes() }
}

/// Lets so many writers attach at one moment, and counts what is found.
fn attach_at_once(server: &RegistryProcess, writers: usize) -> usize {
    let content = repository(server, "app");
    let image = push_image(&content, "1.0", b"layer");
    let start = Barrier::new(writers);
    std::thread::scope(|scope| {
        for number in 0..writers {
            let (image, start) = (&image.descriptor, &start);
            scope.spawn(move || {
                // A client of its own, as another process would have.
                let content = repository(server, "app");
                start.wait();
                attach(&content, image, &[piece(number)]).unwrap();
            });
        }
    });
    let found = find(&content, &image, Scope::Chain).unwrap();
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    found.evidence.len()
}

#[test]
fn two_hundred_writers_at_once_lose_nothing_where_referrers_are_not_listed() {
    let name = "two_hundred_writers_at_once_lose_nothing_where_referrers_are_not_listed";
    let Some(program) = component("UNBROKEN_TEST_DOCKER_REGISTRY", name) else { return };
    assert_eq!(attach_at_once(&RegistryProcess::docker(&program, None), 200), 200);
}

#[test]
fn writers_lose_nothing_where_referrers_are_listed() {
    let name = "writers_lose_nothing_where_referrers_are_listed";
    let Some(program) = component("UNBROKEN_TEST_OCI_REGISTRY", name) else { return };
    assert_eq!(attach_at_once(&RegistryProcess::listing(&program), 50), 50);
}

#[test]
fn what_is_attached_twice_is_there_once() {
    let name = "what_is_attached_twice_is_there_once";
    let Some(docker) = component("UNBROKEN_TEST_DOCKER_REGISTRY", name) else { return };
    let Some(listing) = component("UNBROKEN_TEST_OCI_REGISTRY", name) else { return };
    for server in [RegistryProcess::docker(&docker, None), RegistryProcess::listing(&listing)] {
        let content = repository(&server, "app");
        let image = push_image(&content, "1.0", b"layer");
        for _ in 0..2 {
            attach(&content, &image.descriptor, &[piece(1), piece(2)]).unwrap();
        }
        let found = find(&content, &image, Scope::All).unwrap();
        assert_eq!(found.evidence.len(), 2);
        assert_eq!(found.evidence.iter().filter(|piece| piece.bytes == b"evidence 1").count(), 1);
    }
}
