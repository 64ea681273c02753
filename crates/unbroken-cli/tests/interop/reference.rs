//! Libraries of others, each in one long-lived process that answers requests.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::tools::Reference;

/// A process that has a library loaded; it ends with this value.
pub(crate) struct Servant {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Servant {
    pub(crate) fn start(reference: &Reference) -> Self {
        Self::of_python(reference.python())
    }

    /// Starts a python that has a release of the reference.
    pub(crate) fn of_python(python: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/reference.py");
        Self::of(Command::new(python).arg(script))
    }

    /// Starts a program that answers requests.
    pub(crate) fn of(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the reference runs");
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, questions, answers }
    }

    /// Asks for something that has to be done, as `reference.py` describes it.
    pub(crate) fn ask(&mut self, question: &Value) -> Value {
        self.attempt(question).unwrap_or_else(|reason| panic!("{question}: {reason}"))
    }

    /// Asks for something that the library may be unable to do.
    pub(crate) fn attempt(&mut self, question: &Value) -> Result<Value, String> {
        let questions = self.questions.as_mut().unwrap();
        writeln!(questions, "{question}").expect("the reference takes a question");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the reference answers");
        assert!(!line.is_empty(), "the reference broke down over {question}; see its traceback");
        let answer: Value = serde_json::from_str(&line).unwrap();
        match answer["failed"].as_str() {
            None => Ok(answer),
            Some(reason) => Err(reason.to_owned()),
        }
    }
}

impl Drop for Servant {
    fn drop(&mut self) {
        drop(self.questions.take());
        self.child.wait().expect("the python of the reference ends");
    }
}
