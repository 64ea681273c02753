//! A GnuPG keyring of its own, filled by the real gpg program.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::skip;

/// A folder of keys, and the program that made them. Its agent ends with this value.
#[derive(Debug)]
pub struct Keyring {
    program: PathBuf,
    home: TempDir,
}

impl Keyring {
    /// Makes an empty keyring, or announces that the test skips: `UNBROKEN_TEST_GPG` names the
    /// program.
    ///
    /// # Panics
    /// When there is no place for it.
    pub fn new(test: &str) -> Option<Self> {
        let Some(program) = std::env::var_os("UNBROKEN_TEST_GPG") else {
            skip(test, "UNBROKEN_TEST_GPG is not set");
            return None;
        };
        // Readable by its owner alone, as gpg wants it.
        Some(Self { program: program.into(), home: tempfile::tempdir().unwrap() })
    }

    /// Returns the folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Returns the program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Makes a key for a user, without a passphrase; returns its fingerprint in lower case.
    ///
    /// # Panics
    /// When gpg fails.
    pub fn make(&self, user: &str, algorithm: &str, usage: &str, more: &[&str]) -> String {
        let make = ["--quick-gen-key", user, algorithm, usage];
        self.gpg(&[more, &make, &["0"][..]].concat(), b"");
        self.fingerprints(user).remove(0)
    }

    /// Returns the fingerprints of a key and its subkeys, in lower case.
    ///
    /// # Panics
    /// When gpg fails.
    pub fn fingerprints(&self, user: &str) -> Vec<String> {
        let listing = self.gpg(&["--with-colons", "--list-keys", user], b"");
        let listing = String::from_utf8(listing).unwrap();
        let lines = listing.lines().filter(|line| line.starts_with("fpr:"));
        lines.map(|line| line.split(':').nth(9).unwrap().to_lowercase()).collect()
    }

    /// Returns the certificate of a key.
    ///
    /// # Panics
    /// When gpg fails.
    pub fn certificate(&self, id: &str) -> Vec<u8> {
        self.gpg(&["--export", id], b"")
    }

    /// Revokes a key by the certificate that gpg puts aside when it makes one.
    ///
    /// # Panics
    /// When gpg fails.
    pub fn revoke(&self, fingerprint: &str) {
        let name = format!("openpgp-revocs.d/{}.rev", fingerprint.to_uppercase());
        let text = std::fs::read_to_string(self.home().join(name)).unwrap();
        // A colon before the armor keeps the file from being used by mistake.
        self.gpg(&["--import"], text.replace(":-----BEGIN", "-----BEGIN").as_bytes());
    }

    /// Lets the agent forget the passphrases that it was told.
    pub fn forget_passphrases(&self) {
        let mut kill = Command::new(self.program.with_file_name("gpgconf"));
        kill.arg("--homedir").arg(self.home()).args(["--kill", "all"]);
        drop(kill.stdout(Stdio::null()).stderr(Stdio::null()).status());
    }

    /// Runs gpg, which must succeed, and returns what it printed.
    ///
    /// # Panics
    /// When gpg fails.
    pub fn gpg(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new(&self.program)
            .arg("--homedir")
            .arg(self.home())
            .args(["--batch", "--pinentry-mode", "loopback", "--passphrase", ""])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {arguments:?}: {said}");
        output.stdout
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        // An agent whose folder is gone ends too.
        self.forget_passphrases();
    }
}
