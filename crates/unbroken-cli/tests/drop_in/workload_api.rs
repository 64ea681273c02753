//! A SPIFFE Workload API that others have written: gRPC for Go behind go-spiffe's types, `xtask/go/workload`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The server; it ends with this value.
pub(crate) struct GoWorkloadApi {
    folder: TempDir,
    child: Child,
    answers: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
}

impl GoWorkloadApi {
    /// Starts it; it issues these identities.
    pub(crate) fn issuing(program: &Path, identities: &[Value]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.arg(socket_in(&folder)).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (answers, said) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut server = Self { folder, child, answers, said };
        server.issue(identities);
        server
    }

    /// Renews what it issues.
    pub(crate) fn issue(&mut self, identities: &[Value]) {
        writeln!(self.answers.as_mut().unwrap(), "{}", json!({"svids": identities})).unwrap();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
    }

    pub(crate) fn socket(&self) -> PathBuf {
        socket_in(&self.folder)
    }
}

impl Drop for GoWorkloadApi {
    fn drop(&mut self) {
        drop(self.answers.take());
        self.child.wait().unwrap();
    }
}

fn socket_in(folder: &TempDir) -> PathBuf {
    folder.path().join("workload.sock")
}
