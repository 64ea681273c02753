//! `unbroken-webhook check`: decides offline, as the server would.

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use unbroken_model::timestamp::Timestamp;
use unbroken_policy::kind::GroupKind;

use crate::admission::judge;
use crate::answer::answer;
use crate::failure::{Ending, Failed};
use crate::options::{Registries, clock, load_policies};
use crate::review::{Answer, Operation, Request, User, Verdict, is_namespace};
use crate::verifier::RegistryVerifier;

/// The largest file of objects: what the API server takes of one request, many times over.
const LARGEST_FILE: u64 = 64 << 20;
/// Objects of one call.
const OBJECTS: usize = 10_000;

/// Decide as the server would, without a cluster
///
/// Exit code 0: everything comes in. 1: something does not. 2: the arguments are not usable.
/// 3: something is undecided.
#[derive(Args, Debug)]
pub struct Check {
    /// The policies and settings, in YAML
    policies: PathBuf,
    /// A file of objects, in YAML or JSON; - for standard input
    #[arg(short, long, value_name = "FILE", required_unless_present = "image")]
    file: Vec<PathBuf>,
    /// An image, as if a pod named it
    #[arg(long, value_name = "IMAGE")]
    image: Vec<String>,
    /// The namespace of objects that name none
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// Decide as if it were this time, YYYY-MM-DDTHH:MM:SSZ
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// The form of the answers
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    registries: Registries,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A line for each object, and the reasons.
    Text,
    /// The reviews that would go to the API server, a line each.
    Json,
}

impl Check {
    /// Decides, and returns what to print with the ending of the program.
    ///
    /// # Errors
    /// [`Failed`] for arguments, policies and files that cannot be used.
    pub fn run(self) -> Result<(String, Ending), Failed> {
        let now = self.at.unwrap_or_else(clock);
        let policies = load_policies(&self.policies, now)?;
        let verifier = RegistryVerifier::new(self.registries.client()?);
        let mut text = String::new();
        let mut ending = Ending::Success;
        for (index, object) in self.objects()?.into_iter().enumerate() {
            let request = self.request(index, object)?;
            let ruling = judge(&request, &policies, now, &verifier);
            let answer = answer(&request, &ruling);
            ending = ending.max(ending_of(&answer));
            match self.format {
                Format::Text => draw(&request, &answer, &mut text),
                Format::Json => {
                    _ = writeln!(text, "{}", answer.to_json(&request.uid));
                }
            }
        }
        Ok((text, ending))
    }

    fn objects(&self) -> Result<Vec<Value>, Failed> {
        let mut objects = Vec::new();
        for image in &self.image {
            objects.push(json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "image" },
                "spec": { "containers": [{ "name": "image", "image": image }] },
            }));
        }
        for path in &self.file {
            let text = read_text(path)?;
            let documents: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|error| {
                Failed::usage(format!("{} holds no objects: {error}", path.display()))
            })?;
            for document in documents {
                match document.get("items").and_then(Value::as_array) {
                    Some(items)
                        if kind_of(&document).is_some_and(|it| it.kind.ends_with("List")) =>
                    {
                        objects.extend(items.iter().cloned());
                    }
                    _ if document.is_null() => {}
                    _ => objects.push(document),
                }
            }
        }
        if objects.len() > OBJECTS {
            return Err(Failed::usage(format!("there are more than {OBJECTS} objects")));
        }
        if objects.is_empty() {
            return Err(Failed::usage("there are no objects".to_owned()));
        }
        Ok(objects)
    }

    fn request(&self, index: usize, object: Value) -> Result<Request, Failed> {
        let kind = kind_of(&object)
            .ok_or_else(|| Failed::usage(format!("object {index} has no apiVersion and kind")))?;
        let member = |name: &str| {
            let member = object.pointer("/metadata").and_then(|it| it.get(name));
            member.and_then(Value::as_str).map(str::to_owned)
        };
        let namespace = member("namespace").unwrap_or_else(|| self.namespace.clone());
        if !is_namespace(&namespace) {
            return Err(Failed::usage(format!("object {index} has a namespace that is none")));
        }
        Ok(Request {
            uid: format!("check-{index}"),
            kind,
            subresource: String::new(),
            name: member("name").unwrap_or_default(),
            namespace,
            operation: Operation::Create,
            user: User::default(),
            dry_run: false,
            object: Some(object),
            old_object: None,
        })
    }
}

fn kind_of(object: &Value) -> Option<GroupKind> {
    let version = object.get("apiVersion")?.as_str()?;
    let group = version.split_once('/').map_or("", |(group, _)| group);
    Some(GroupKind { group: group.to_owned(), kind: object.get("kind")?.as_str()?.to_owned() })
}

fn read_text(path: &Path) -> Result<String, Failed> {
    let cannot = |error| Failed::usage(format!("cannot read {}: {error}", path.display()));
    let mut text = String::new();
    let mut input: Box<dyn std::io::Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(fs::File::open(path).map_err(cannot)?)
    };
    input.by_ref().take(LARGEST_FILE + 1).read_to_string(&mut text).map_err(cannot)?;
    if u64::try_from(text.len()).is_ok_and(|size| size > LARGEST_FILE) {
        return Err(Failed::usage(format!("{} is too large", path.display())));
    }
    Ok(text)
}

fn ending_of(answer: &Answer) -> Ending {
    match &answer.verdict {
        Verdict::Allowed(_) => Ending::Success,
        Verdict::Denied { status: 503, .. } => Ending::Undecided,
        Verdict::Denied { .. } => Ending::Rejected,
    }
}

fn draw(request: &Request, answer: &Answer, text: &mut String) {
    let subject = request.subject();
    _ = match &answer.verdict {
        Verdict::Allowed(_) => writeln!(text, "✔ admitted   {subject}"),
        Verdict::Denied { status, message } => {
            let word = if *status == 503 { "? undecided" } else { "✘ denied   " };
            // The message stands alone at the API server, and so begins with the object.
            let own = message.strip_prefix(&*subject).and_then(|rest| rest.strip_prefix("; "));
            let message = own.unwrap_or(message);
            writeln!(text, "{word}  {subject}\n             {message}")
        }
    };
    for warning in &answer.warnings {
        _ = writeln!(text, "             warning: {warning}");
    }
    for (key, value) in &answer.annotations {
        _ = writeln!(text, "             {key}: {value}");
    }
}
