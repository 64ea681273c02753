//! What differs when somebody watches: a pseudo-terminal stands in for the person.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use unbroken_crypto::hash::sha256_hex;
use unbroken_testkit::registry::{Body, Referrers, Reply, TestRegistry};

use crate::support::{Sandbox, UNBROKEN};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program on a terminal of its own, and what the terminal showed.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    /// When something was shown first.
    first: Option<Duration>,
    begin: Instant,
}

/// Opens a terminal: the side of the person, and that of the program.
fn open() -> (File, File) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
    let program = File::options().read(true).write(true).open(name).unwrap();
    (File::from(person), program)
}

impl Terminal {
    /// Runs `unbroken` with a terminal as stdin, stdout, stderr and controlling terminal.
    fn of(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        Self::with(sandbox, arguments, |command, side| {
            command.stdout(side.try_clone().unwrap()).stderr(side.try_clone().unwrap());
        })
    }

    fn with(
        sandbox: &Sandbox,
        arguments: &[&str],
        connect: impl FnOnce(&mut Command, &File),
    ) -> Self {
        let (person, side) = open();
        // setsid makes the terminal the controlling one, which signals and prompts need. A test that a
        // shell started in the background ignores SIGINT, and so would all its children.
        let mut command = sandbox.program("env");
        command
            .args(["--default-signal", "setsid", "--ctty", UNBROKEN])
            .args(arguments)
            .stdin(side.try_clone().unwrap());
        connect(&mut command, &side);
        let begin = Instant::now();
        let child = command.spawn().unwrap();
        // Only the program's copies of its side stay open, so that the screen ends when it ends.
        drop((command, side));
        let (sender, screen) = channel();
        let mut reader = person.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Linux reports the end of a terminal as an error.
            while let Ok(size @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..size].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard: person, screen, shown: String::new(), first: None, begin }
    }

    /// Waits until a text is shown.
    fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.shown.contains(text) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(self.take(left).is_ok(), "{text:?} is not shown but: {}", self.shown);
        }
    }

    fn take(&mut self, wait: Duration) -> Result<(), RecvTimeoutError> {
        let bytes = self.screen.recv_timeout(wait)?;
        self.first.get_or_insert_with(|| self.begin.elapsed());
        self.shown.push_str(&String::from_utf8_lossy(&bytes));
        Ok(())
    }

    /// Waits for a prompt after which the terminal does not show what is typed.
    fn expect_secret(&mut self, prompt: &str) {
        self.expect(prompt);
        let deadline = Instant::now() + PATIENCE;
        while tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO) {
            assert!(Instant::now() < deadline, "what is typed would be shown");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end; returns the exit code and all that was shown.
    fn end(mut self) -> (Option<i32>, String) {
        while self.take(PATIENCE).is_ok() {}
        (self.child.wait().unwrap().code(), self.shown)
    }
}

#[test]
fn a_passphrase_is_asked_for_and_not_shown() {
    let sandbox = Sandbox::of("keys");
    let mut terminal =
        Terminal::of(&sandbox, &["key", "show", "test-key-encrypted", "--format", "id"]);
    terminal.expect_secret("Passphrase of test-key-encrypted: ");
    terminal.type_in("test-passphrase\n");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("57e6d9b3246d0bf6"), "{shown}");
    assert!(!shown.contains("test-passphrase"), "{shown}");
}

#[test]
fn a_wrong_passphrase_is_misuse() {
    let sandbox = Sandbox::of("keys");
    let arguments = ["run", "build", "--key", "test-key-encrypted", "--", "touch", "was-run"];
    let mut terminal = Terminal::of(&sandbox, &arguments);
    terminal.expect_secret("Passphrase of test-key-encrypted: ");
    terminal.type_in("something else\n");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("the passphrase does not open the private key"), "{shown}");
    assert!(!sandbox.file("was-run").exists(), "the work began without a key");
}

#[test]
fn a_new_passphrase_is_asked_for_twice() {
    let sandbox = Sandbox::of("keys");
    for (second, code) in [("one passphrase\n", 0), ("another one\n", 2)] {
        let mut terminal = Terminal::of(&sandbox, &["key", "generate", "new", "--encrypt"]);
        terminal.expect_secret("New passphrase: ");
        terminal.type_in("one passphrase\n");
        terminal.expect_secret("Again: ");
        terminal.type_in(second);
        let (ended, shown) = terminal.end();
        assert_eq!(ended, Some(code), "{shown}");
        assert!(!shown.contains("one passphrase"), "{shown}");
        assert_eq!(sandbox.file("new").exists(), code == 0);
        for name in ["new", "new.pub"] {
            drop(std::fs::remove_file(sandbox.file(name)));
        }
    }
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let sandbox = Sandbox::of("keys");
    let mut command = sandbox.program("setsid");
    command.args(["--wait", UNBROKEN, "key", "show", "test-key-encrypted"]);
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("needs a passphrase"), "{stderr}");
    assert!(stderr.contains("--passphrase-file"), "{stderr}");
    assert!(output.stdout.is_empty());
}

/// Makes a file that takes longer than half a second to hash.
fn large(sandbox: &Sandbox) {
    File::create(sandbox.file("large")).unwrap().set_len(2 << 30).unwrap();
}

#[test]
fn a_bar_is_shown_when_hashing_takes_long_and_somebody_watches() {
    let sandbox = Sandbox::of("keys");
    large(&sandbox);
    let arguments = ["run", "build", "--key", "test-key-ed25519", "--materials", "large"];
    let mut terminal = Terminal::of(&sandbox, &arguments);
    terminal.expect("hashing");
    let first = terminal.first.unwrap();
    assert!(first >= Duration::from_millis(500), "shown after {first:?}");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("build.c5e52e1b.link (1 material, 0 products)"), "{shown}");
}

#[test]
fn no_bar_is_shown_to_a_file_or_for_quick_work_or_to_who_wants_silence() {
    let sandbox = Sandbox::of("keys");
    let run = "run build --key test-key-ed25519 --materials";
    let quick: Vec<&str> = run.split(' ').chain(["app.c"]).collect();
    let (code, shown) = Terminal::of(&sandbox, &quick).end();
    assert_eq!((code, &*shown), (Some(0), "build.c5e52e1b.link (1 material, 0 products)\r\n"));

    large(&sandbox);
    let piped = sandbox.succeed(&format!("{run} large"));
    assert_eq!(piped.stderr, "build.c5e52e1b.link (1 material, 0 products)\n");

    let quiet: Vec<&str> = run.split(' ').chain(["large", "--quiet"]).collect();
    assert_eq!(Terminal::of(&sandbox, &quiet).end(), (Some(0), String::new()));
}

#[test]
fn a_bar_is_shown_when_a_transfer_takes_long_and_somebody_watches() {
    let registry = TestRegistry::start(Referrers::Listed);
    let layer = [b'l'; 100];
    registry.put_image("app", "1", &layer);
    registry.rule(move |request| {
        let body = Body::Drip { bytes: layer.to_vec(), pause: Duration::from_millis(12) };
        let is_layer = request.target.ends_with(&sha256_hex(&layer));
        is_layer.then(|| Reply::status(200).body(body))
    });
    let sandbox = Sandbox::of("source");
    let copy = format!("image copy {}/app:1 oci:", registry.host());
    let arguments = format!("{copy}watched");
    let mut terminal = Terminal::of(&sandbox, &arguments.split(' ').collect::<Vec<_>>());
    terminal.expect("copying");
    let first = terminal.first.unwrap();
    assert!(first >= Duration::from_millis(500), "shown after {first:?}");
    assert_eq!(terminal.end().0, Some(0));
    let piped = sandbox.succeed(&format!("{copy}piped"));
    assert!(!piped.stderr.contains("copying"), "{}", piped.stderr);
}

#[test]
fn ctrl_c_reaches_the_command_once_and_its_code_passes_through() {
    let sandbox = Sandbox::of("keys");
    let script = "trap 'echo caught' INT; echo ready; i=0; \
                  while [ $i -lt 15 ]; do sleep 0.1; i=$((i + 1)); done; echo over; exit 42";
    let arguments = ["run", "build", "--key", "test-key-ed25519", "--", "sh", "-c", script];
    let mut terminal = Terminal::of(&sandbox, &arguments);
    terminal.expect("ready");
    terminal.type_in("\u{3}");
    terminal.expect("caught");
    let (code, shown) = terminal.end();
    assert_eq!(shown.matches("caught").count(), 1, "{shown}");
    assert!(shown.contains("over"), "{shown}");
    assert_eq!(code, Some(42), "{shown}");
    let link = sandbox.succeed("inspect build.c5e52e1b.link").stdout;
    assert!(link.contains("exit       42"), "{link}");
}

#[test]
fn a_command_that_ctrl_c_ends_leaves_a_link_and_the_code_of_a_shell() {
    let sandbox = Sandbox::of("keys");
    let script = "echo ready; exec sleep 60";
    let arguments = ["run", "build", "--key", "test-key-ed25519", "--", "sh", "-c", script];
    let mut terminal = Terminal::of(&sandbox, &arguments);
    terminal.expect("ready");
    terminal.type_in("\u{3}");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(128 + 2), "{shown}");
    assert!(sandbox.file("build.c5e52e1b.link").is_file());
}

#[test]
fn the_command_sees_the_terminal_and_talks_with_it_live() {
    let sandbox = Sandbox::of("keys");
    let script = "test -t 0 && test -t 1 && test -t 2 && printf 'a terminal\\a'; \
                  read answer; echo \"answer: $answer\"";
    let arguments = ["run", "build", "--key", "test-key-ed25519", "-q", "--", "sh", "-c", script];
    let mut terminal = Terminal::of(&sandbox, &arguments);
    terminal.expect("a terminal\u{7}");
    terminal.type_in("yes\n");
    // The terminal itself echoes what is typed.
    assert_eq!(terminal.end(), (Some(0), "a terminal\u{7}yes\r\nanswer: yes\r\n".to_owned()));
}

#[test]
fn recorded_output_is_live_too() {
    let sandbox = Sandbox::of("keys");
    let script = "echo first; read answer; echo second";
    let arguments = ["run", "build", "--key", "test-key-ed25519", "-qs", "--", "sh", "-c", script];
    let mut terminal = Terminal::of(&sandbox, &arguments);
    terminal.expect("first");
    terminal.type_in("\n");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0));
    assert!(shown.contains("second"), "{shown}");
}

#[test]
fn colour_is_for_the_terminal_alone() {
    let sandbox = Sandbox::of("chain");
    let verify = "verify --layout root.layout --trust test-owner.pub --link-dir links-extra \
                  --at 2026-01-01T00:00:00Z";
    let arguments: Vec<&str> = verify.split_whitespace().collect();
    let (code, shown) = Terminal::of(&sandbox, &arguments).end();
    assert_eq!(code, Some(1));
    assert!(shown.contains("\u{1b}["), "{shown}");
    // stderr alone on a terminal: what goes to the file is plain.
    let file = File::create(sandbox.file("report")).unwrap();
    let terminal = Terminal::with(&sandbox, &arguments, |command, side| {
        command.stdout(Stdio::from(file)).stderr(side.try_clone().unwrap());
    });
    assert_eq!(terminal.end().0, Some(1));
    assert!(!sandbox.read("report").contains(&0x1b));
}
