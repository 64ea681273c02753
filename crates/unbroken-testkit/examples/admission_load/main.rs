//! Puts the admission controller under load, and prints what was measured, a name and a number a line.
//!
//! Usage: `admission_load WEBHOOK DOCKER_REGISTRY SECONDS IMAGES`. Without arguments it only says so.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot be made ends; printing is its work"
)]

mod client;
mod images;
mod server;

use std::path::Path;
use std::time::{Duration, Instant};

use unbroken_oci::registry::{Client, Settings};
use unbroken_testkit::registry::{Referrers, RegistryProcess, TestRegistry};

use client::{Tally, load};
use server::Server;

/// Images of the first and of the warm measurements, in the real registry.
const FEW: usize = 40;
/// Connections that are kept, as those of an API server.
const CONNECTIONS: usize = 8;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [webhook, registry, seconds, images] = arguments.as_slice() else {
        println!("usage: admission_load WEBHOOK DOCKER_REGISTRY SECONDS IMAGES");
        return;
    };
    let seconds = Duration::from_secs(seconds.parse().expect("a number of seconds"));
    let images: usize = images.parse().expect("a number of images");
    // It runs in a folder of its own.
    let webhook = Path::new(webhook).canonicalize().expect("the program is there");
    measure(&webhook, Path::new(registry), seconds, images);
}

fn measure(webhook: &Path, program: &Path, time: Duration, images: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let real = RegistryProcess::docker(program, None);
    let many = TestRegistry::start(Referrers::Listed);
    images::write_policies(folder.path(), &[real.host(), many.host()]);
    let client = Client::new(Settings::default());
    let few: Vec<String> =
        (0..FEW).map(|number| images::push(&client, real.host(), number)).collect();
    let server = Server::start(webhook, folder.path());
    say("idle-memory-bytes", server.memory("VmRSS:"));

    // The first image of the repository tells how the registry keeps its lists.
    let mut connection = server.connect();
    let bodies: Vec<Vec<u8>> = few.iter().map(|image| server.review(image)).collect();
    let (first, rest) = bodies.split_first().expect("there are images");
    assert!(connection.post(first).expect("an answer"), "the first image is not admitted");
    let before = real.requests().len();
    let mut cold = Tally::default();
    for body in rest {
        cold.add(&mut connection, body);
    }
    say("cold-requests-per-image", (real.requests().len() - before) / rest.len());
    say("cold-median-microseconds", cold.percentile(50));
    say("cold-p90-microseconds", cold.percentile(90));
    say("cold-failed", cold.failed);
    say("registry-round-trip-microseconds", images::round_trip(real.host(), &few));

    let warm = load(&server, &bodies, CONNECTIONS, time);
    say("warm-per-second", warm.per_second(time));
    say("warm-median-microseconds", warm.percentile(50));
    say("warm-p99-microseconds", warm.percentile(99));
    say("warm-failed", warm.failed);

    // Policies and certificates change meanwhile.
    let before = server.reloads();
    let changing = std::thread::scope(|scope| {
        scope.spawn(|| server::change_everything(folder.path(), time));
        load(&server, &bodies, CONNECTIONS, time)
    });
    say("reload-reviews", changing.times.len());
    say("reload-failed", changing.failed);
    say("reload-changes", server.reloads() - before);

    let prepared = images::push_all(&client, many.host(), images);
    many.forget_requests();
    let bodies: Vec<Vec<u8>> = prepared.iter().map(|image| server.review(image)).collect();
    let begin = Instant::now();
    let spread = client::each_once(&server, &bodies, CONNECTIONS);
    say("distinct-per-second", spread.per_second(begin.elapsed()));
    say("distinct-failed", spread.failed);
    let again = load(&server, &bodies, CONNECTIONS, time);
    say("distinct-again-failed", again.failed);
    say("peak-memory-bytes", server.memory("VmHWM:"));
}

fn say(what: &str, number: impl std::fmt::Display) {
    println!("{what} {number}");
}
