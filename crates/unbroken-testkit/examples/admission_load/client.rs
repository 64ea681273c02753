//! Connections that are kept, and how long their answers take.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use crate::server::Server;

/// A connection over TLS.
pub(crate) struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
}

/// How long answers took, in microseconds, and how many were no admissions.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) times: Vec<u64>,
    pub(crate) failed: usize,
}

impl Connection {
    pub(crate) fn new(stream: StreamOwned<ClientConnection, TcpStream>) -> Self {
        Self { stream, buffer: vec![0; 64 << 10] }
    }

    /// Sends a request that is written out, and says whether it was admitted.
    pub(crate) fn post(&mut self, request: &[u8]) -> std::io::Result<bool> {
        self.stream.write_all(request)?;
        let (mut filled, mut due) = (0, None);
        loop {
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            let count = self.stream.read(room)?;
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            filled += count;
            let text = self.buffer.get(..filled).unwrap_or_default();
            due = due.or_else(|| whole(text));
            if due.is_some_and(|due| filled >= due) {
                let is_good = text.starts_with(b"HTTP/1.1 200");
                let admitted = is_good && has(text, b"\"allowed\":true");
                if !admitted {
                    eprintln!("{}", String::from_utf8_lossy(text));
                }
                return Ok(admitted);
            }
        }
    }
}

/// The length of an answer, once its header is there.
fn whole(text: &[u8]) -> Option<usize> {
    const LENGTH: &[u8] = b"\r\ncontent-length: ";
    let head = text.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let header = text.get(..head)?;
    let begin = header.windows(LENGTH.len()).position(|it| it.eq_ignore_ascii_case(LENGTH))?;
    let digits = header.get(begin + LENGTH.len()..)?.split(|byte| *byte == b'\r').next()?;
    Some(head + std::str::from_utf8(digits).ok()?.parse::<usize>().ok()?)
}

fn has(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

impl Tally {
    pub(crate) fn add(&mut self, connection: &mut Connection, body: &[u8]) {
        let begin = Instant::now();
        let admitted = connection.post(body).unwrap_or_default();
        self.times.push(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
        self.failed += usize::from(!admitted);
    }

    pub(crate) fn percentile(&self, percent: usize) -> u64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() * percent / 100).copied().unwrap_or_default()
    }

    pub(crate) fn per_second(&self, time: Duration) -> u128 {
        let count = u128::try_from(self.times.len()).unwrap_or_default();
        count * 1000 / time.as_millis().max(1)
    }

    fn joined(tallies: Vec<Self>) -> Self {
        let failed = tallies.iter().map(|tally| tally.failed).sum();
        Self { times: tallies.into_iter().flat_map(|tally| tally.times).collect(), failed }
    }
}

/// Sends these requests over and over, by several connections at once.
pub(crate) fn load(
    server: &Server,
    bodies: &[Vec<u8>],
    connections: usize,
    time: Duration,
) -> Tally {
    let end = Instant::now() + time;
    all(connections, |number| {
        let (mut connection, mut tally) = (server.connect(), Tally::default());
        for body in bodies.iter().cycle().skip(number * bodies.len() / connections) {
            if Instant::now() >= end {
                break;
            }
            tally.add(&mut connection, body);
        }
        tally
    })
}

/// Sends each of these requests once, by several connections at once.
pub(crate) fn each_once(server: &Server, bodies: &[Vec<u8>], connections: usize) -> Tally {
    let next = AtomicUsize::new(0);
    all(connections, |_| {
        let (mut connection, mut tally) = (server.connect(), Tally::default());
        while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
            tally.add(&mut connection, body);
        }
        tally
    })
}

fn all(connections: usize, run: impl Fn(usize) -> Tally + Sync) -> Tally {
    let run = &run;
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..connections).map(|number| scope.spawn(move || run(number))).collect();
        Tally::joined(
            threads.into_iter().map(|thread| thread.join().expect("a connection")).collect(),
        )
    })
}
