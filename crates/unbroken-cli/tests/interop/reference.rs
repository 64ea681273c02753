//! The reference's library, in one long-lived python process that answers requests.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::tools::Reference;

/// A python that has the reference loaded; it ends with this value.
pub(crate) struct Servant {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Servant {
    pub(crate) fn start(reference: &Reference) -> Self {
        Self::of_python(reference.python(), "reference.py")
    }

    /// Starts a python with one of the scripts beside this file.
    pub(crate) fn of_python(python: &Path, script: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
        Self::of(Command::new(python).arg(folder.join(script)))
    }

    /// Starts a program that answers requests.
    pub(crate) fn of(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the reference runs");
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, questions, answers }
    }

    /// Asks for something to be done, as `reference.py` describes it.
    pub(crate) fn ask(&mut self, question: &Value) -> Value {
        let questions = self.questions.as_mut().unwrap();
        writeln!(questions, "{question}").expect("the reference takes a question");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the reference answers");
        assert!(!line.is_empty(), "the reference broke down over {question}; see its traceback");
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Servant {
    fn drop(&mut self) {
        drop(self.questions.take());
        self.child.wait().expect("the python of the reference ends");
    }
}
