//! A proxy on the loopback that looks names up as a test tells it to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A proxy that tunnels (`CONNECT`), and ends when it is dropped.
pub struct TestProxy {
    host: String,
    asked: Arc<Mutex<Vec<Vec<String>>>>,
    ended: Arc<AtomicBool>,
}

impl TestProxy {
    /// Starts a proxy that leads each of these `host:port` to where the other stands, and refuses
    /// everything else.
    ///
    /// # Panics
    /// When the machine gives no port.
    pub fn start(names: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
        let host = listener.local_addr().expect("its address").to_string();
        let names = names.iter().map(|(name, to)| ((*name).to_owned(), (*to).to_owned()));
        let names: Arc<BTreeMap<String, String>> = Arc::new(names.collect());
        let proxy = Self { host, asked: Arc::default(), ended: Arc::default() };
        let (asked, ended) = (Arc::clone(&proxy.asked), Arc::clone(&proxy.ended));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let (names, asked) = (Arc::clone(&names), Arc::clone(&asked));
                std::thread::spawn(move || serve(stream, &names, &asked));
            }
        });
        proxy
    }

    /// Returns the host and the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the lines of each request that came.
    pub fn asked(&self) -> Vec<Vec<String>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for TestProxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // The listener looks at the flag when somebody comes.
        drop(TcpStream::connect(&self.host));
    }
}

fn serve(stream: TcpStream, names: &BTreeMap<String, String>, asked: &Mutex<Vec<Vec<String>>>) {
    let Ok(mut client) = stream.try_clone() else { return };
    // Nothing but the head is sent before the tunnel stands, so that nothing is lost in the buffer.
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) if line.trim_end().is_empty() => break,
            Ok(_) => head.push(line.trim_end().to_owned()),
        }
    }
    let target = head.first().and_then(|line| line.strip_prefix("CONNECT "));
    let target = target.and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(head);
    let server = target.and_then(|target| names.get(&target)).map(TcpStream::connect);
    let Some(Ok(server)) = server else {
        drop(client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"));
        return;
    };
    if client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").is_err() {
        return;
    }
    let (Ok(from_server), Ok(to_client)) = (server.try_clone(), client.try_clone()) else { return };
    let back = std::thread::spawn(move || pour(from_server, to_client));
    pour(client, server);
    drop(back.join());
}

/// Passes on what comes until it ends, and the end too.
fn pour(mut from: TcpStream, mut to: TcpStream) {
    drop(std::io::copy(&mut from, &mut to));
    drop(to.shutdown(Shutdown::Write));
}
