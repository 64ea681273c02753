//! As much of HTTP/1.1 as a registry in a test needs, and as many ways to do it wrong.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// The longest head of a request.
const LONGEST_HEAD: u64 = 64 << 10;

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

/// What an answer carries.
#[derive(Clone, Debug)]
pub enum Body {
    /// These bytes, with their length.
    Bytes(Vec<u8>),
    /// A length, fewer bytes than that, and the end of the connection.
    Truncated {
        /// The length that is told.
        length: u64,
        /// The bytes that are sent.
        bytes: Vec<u8>,
    },
    /// Bytes without end, in chunks.
    Endless,
    /// One byte at a time, with a pause after each.
    Drip {
        /// The bytes.
        bytes: Vec<u8>,
        /// The pause.
        pause: Duration,
    },
}

impl Request {
    /// Finds a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Reply {
    /// Answers with a status and nothing else.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Bytes(Vec::new()) }
    }

    /// Answers with content.
    pub fn ok(media_type: &str, bytes: Vec<u8>) -> Self {
        Self::status(200).header("content-type", media_type).body(Body::Bytes(bytes))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets what the answer carries.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }
}

/// Answers the requests of all connections, each in a thread of its own, until one comes after the end.
pub(crate) fn listen<S: Send + Sync + 'static>(
    listener: TcpListener,
    state: &Arc<S>,
    has_ended: fn(&S) -> bool,
    answer: fn(&S, &Request) -> Reply,
) {
    let state = Arc::clone(state);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if has_ended(&state) {
                break;
            }
            let Ok(stream) = stream else { continue };
            let state = Arc::clone(&state);
            std::thread::spawn(move || serve(stream, |request| answer(&state, request)));
        }
    });
}

/// Answers the requests of one connection until it ends.
fn serve(stream: TcpStream, answer: impl Fn(&Request) -> Reply) {
    let Ok(writing) = stream.try_clone() else { return };
    drop(stream.set_nodelay(true));
    let mut reader = BufReader::new(stream);
    let mut writer = io::BufWriter::new(writing);
    while let Ok(Some(request)) = read(&mut reader) {
        let reply = answer(&request);
        if write(&mut writer, &reply, request.method == "HEAD").is_err() {
            break;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut head = reader.by_ref().take(LONGEST_HEAD);
    let mut line = String::new();
    if head.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let mut request = Request { method, target, ..Request::default() };
    loop {
        let mut line = String::new();
        head.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    reader.by_ref().take(length).read_to_end(&mut request.body)?;
    Ok(Some(request))
}

fn write(writer: &mut impl Write, reply: &Reply, is_head: bool) -> io::Result<()> {
    write!(writer, "HTTP/1.1 {} X\r\n", reply.status)?;
    for (name, value) in &reply.headers {
        write!(writer, "{name}: {value}\r\n")?;
    }
    match &reply.body {
        Body::Bytes(bytes) => {
            write!(writer, "content-length: {}\r\n\r\n", bytes.len())?;
            if !is_head {
                writer.write_all(bytes)?;
            }
        }
        Body::Truncated { length, bytes } => {
            write!(writer, "content-length: {length}\r\n\r\n")?;
            writer.write_all(bytes)?;
            writer.flush()?;
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Body::Endless => {
            write!(writer, "transfer-encoding: chunked\r\n\r\n")?;
            let chunk = [b'x'; 0x1000];
            // It ends when the client has had enough and closes the connection.
            loop {
                write!(writer, "1000\r\n")?;
                writer.write_all(&chunk)?;
                write!(writer, "\r\n")?;
            }
        }
        Body::Drip { bytes, pause } => {
            write!(writer, "content-length: {}\r\n\r\n", bytes.len())?;
            for byte in bytes {
                writer.write_all(&[*byte])?;
                writer.flush()?;
                std::thread::sleep(*pause);
            }
        }
    }
    writer.flush()
}
