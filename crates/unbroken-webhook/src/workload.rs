//! Where images stand in an object: every place of a pod, in every kind that holds the template of one.

use serde_json::Value;
use unbroken_oci::OciError;
use unbroken_oci::reference::Reference;
use unbroken_policy::kind::{CustomKind, GroupKind};

use crate::exact::Shape;

/// A place of an object in which an image stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageSlot {
    /// The place as a JSON pointer, for a patch.
    pub pointer: String,
    /// The place for people: `spec.template.spec.containers[0]`.
    pub place: String,
    /// The name of the image as it stands there.
    pub image: String,
}

/// Why the images of an object are not known. Such an object does not come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Nobody said where images stand in objects of this kind.
    UnknownKind,
    /// A member is not of the type that the kind has there.
    Member {
        /// The member.
        place: String,
        /// What it should be.
        due: &'static str,
    },
    /// A container has no image.
    NoImage {
        /// The container.
        place: String,
    },
    /// The object has no container, so that nothing was found to be verified.
    NoContainer,
    /// The object says that it is of another kind than the request.
    OtherKind,
}

/// The lists of a pod whose members have an image each.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Says what is read of objects of a kind: where images stand, what the object says of itself, and whose
/// credentials its pods have.
pub(crate) fn shape<'a>(kind: &GroupKind, custom: &'a [CustomKind]) -> Shape<'a> {
    let mut shape = Shape::default();
    for member in ["apiVersion", "kind"] {
        shape.way([member]);
    }
    shape.way(["metadata", "generateName"]);
    if let Some(members) = kind.pod_spec() {
        add_pod(shape.way(members.iter().copied()));
    } else {
        let custom = custom.iter().find(|custom| custom.kind == *kind);
        for members in custom.into_iter().flat_map(|custom| &custom.pod_specs) {
            add_pod(shape.way(members.iter().map(String::as_str)));
        }
    }
    shape
}

fn add_pod(spec: &mut Shape<'_>) {
    for list in CONTAINERS {
        spec.way([list, "image"]);
    }
    spec.way(["volumes", "image", "reference"]);
    spec.way(["imagePullSecrets", "name"]);
    spec.way(["serviceAccountName"]);
}

/// Finds the specification of the pod in an object of a kind of Kubernetes.
pub fn pod_spec<'a>(kind: &GroupKind, object: &'a Value) -> Option<&'a Value> {
    kind.pod_spec()?.iter().try_fold(object, |object, name| object.get(name))
}

/// Finds every image of an object.
///
/// # Errors
/// [`Unreadable`]: what cannot be read is never taken for an object without images.
pub fn image_slots(
    kind: &GroupKind,
    object: &Value,
    custom: &[CustomKind],
) -> Result<Vec<ImageSlot>, Unreadable> {
    if !is_of(kind, object) {
        return Err(Unreadable::OtherKind);
    }
    let mut slots = Vec::new();
    if let Some(members) = kind.pod_spec() {
        read_pod(object, members.iter().copied(), kind.is_pod(), &mut slots)?;
    } else {
        let custom = custom.iter().find(|custom| custom.kind == *kind);
        for members in &custom.ok_or(Unreadable::UnknownKind)?.pod_specs {
            read_pod(object, members.iter().map(String::as_str), false, &mut slots)?;
        }
    }
    if slots.is_empty() { Err(Unreadable::NoContainer) } else { Ok(slots) }
}

impl ImageSlot {
    /// Reads the name of the image.
    ///
    /// # Errors
    /// Why it is none. A scheme before it is taken by tools, and not by what pulls images for a cluster.
    pub(crate) fn reference(&self) -> Result<Reference, String> {
        if self.image.contains("://") {
            return Err("the name of the image is an address: leave out the scheme".to_owned());
        }
        self.image.parse().map_err(|error: OciError| error.to_string())
    }

    /// Names the list that the image stands in: `spec.initContainers`.
    pub(crate) fn list(&self) -> &str {
        self.place.rsplit_once('[').map_or(&self.place, |(list, _)| list)
    }
}

/// Tells whether an object is of a kind by what it says of itself, as far as it says anything.
fn is_of(due: &GroupKind, object: &Value) -> bool {
    let group = |version: &str| version.split_once('/').map_or("", |(group, _)| group) == due.group;
    let says = |name: &str, is_so: &dyn Fn(&str) -> bool| {
        object.get(name).is_none_or(|value| value.as_str().is_some_and(is_so))
    };
    says("kind", &|kind| kind == due.kind) && says("apiVersion", &group)
}

/// A member of an object with the way that leads there.
#[derive(Clone)]
struct Member<'a> {
    value: &'a Value,
    pointer: String,
    place: String,
}

impl<'a> Member<'a> {
    fn root(value: &'a Value) -> Self {
        Self { value, pointer: String::new(), place: String::new() }
    }

    /// Goes to a member of an object; `null` stands for one that is not there.
    ///
    /// A reader that folds case would find `Containers` too, in an object whose kind has no schema.
    fn get(&self, name: &str) -> Result<Option<Self>, Unreadable> {
        let object = self.value.as_object().ok_or_else(|| self.not("an object"))?;
        if let Some(other) = object.keys().find(|key| *key != name && is_spelled_alike(key, name)) {
            let place = format!("{}.{}", self.place, other.chars().take(80).collect::<String>());
            return Err(Unreadable::Member { place, due: "written as it is read" });
        }
        let Some(value) = object.get(name).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let escaped = name.replace('~', "~0").replace('/', "~1");
        let dot = if self.place.is_empty() { "" } else { "." };
        Ok(Some(Self {
            value,
            pointer: format!("{}/{escaped}", self.pointer),
            place: format!("{}{dot}{name}", self.place),
        }))
    }

    fn due(&self, name: &str) -> Result<Self, Unreadable> {
        self.get(name)?.ok_or_else(|| {
            let place = format!("{}.{name}", self.place);
            Unreadable::Member { place: place.trim_start_matches('.').to_owned(), due: "there" }
        })
    }

    fn items(&self) -> Result<Vec<Self>, Unreadable> {
        let items = self.value.as_array().ok_or_else(|| self.not("a list"))?;
        let item = |(index, value)| Self {
            value,
            pointer: format!("{}/{index}", self.pointer),
            place: format!("{}[{index}]", self.place),
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    fn text(&self) -> Result<&'a str, Unreadable> {
        self.value.as_str().ok_or_else(|| self.not("a text"))
    }

    fn not(&self, due: &'static str) -> Unreadable {
        Unreadable::Member { place: self.place.clone(), due }
    }
}

/// Tells whether two names are one to readers that do not tell letters by their case.
pub(crate) fn is_spelled_alike(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    fold(one).eq(fold(other))
}

/// Makes the letters of a name small, the long s and the Kelvin sign too.
fn fold(name: &str) -> impl Iterator<Item = char> {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

fn read_pod<'a>(
    object: &Value,
    members: impl Iterator<Item = &'a str>,
    is_pod: bool,
    slots: &mut Vec<ImageSlot>,
) -> Result<(), Unreadable> {
    let mut spec = Member::root(object);
    for name in members {
        spec = spec.due(name)?;
    }
    for list in CONTAINERS {
        let Some(list) = spec.get(list)? else { continue };
        for container in list.items()? {
            let image = container.get("image")?;
            let image = image.filter(|image| image.value.as_str() != Some(""));
            let image =
                image.ok_or_else(|| Unreadable::NoImage { place: container.place.clone() })?;
            slots.push(slot(&image, &container)?);
        }
    }
    // Images that are mounted as volumes are run like others: the kubelet pulls them.
    let Some(volumes) = spec.get("volumes")? else { return Ok(()) };
    for volume in volumes.items()? {
        let Some(source) = volume.get("image")? else { continue };
        let reference = source.get("reference")?;
        match reference.filter(|reference| reference.value.as_str() != Some("")) {
            Some(reference) => slots.push(slot(&reference, &volume)?),
            // A template may leave it to whoever makes the pod, and the pod is judged then.
            None if !is_pod => {}
            None => return Err(Unreadable::NoImage { place: source.place }),
        }
    }
    Ok(())
}

fn slot(image: &Member<'_>, of: &Member<'_>) -> Result<ImageSlot, Unreadable> {
    Ok(ImageSlot {
        pointer: image.pointer.clone(),
        place: of.place.clone(),
        image: image.text()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(group: &str, kind: &str) -> GroupKind {
        GroupKind { group: group.into(), kind: kind.into() }
    }

    fn pod_spec() -> Value {
        json!({
            "containers": [{"name": "a", "image": "a"}],
            "initContainers": [{"name": "i", "image": "i"}],
            "ephemeralContainers": [{"name": "e", "image": "e"}],
            "volumes": [{"name": "v", "image": {"reference": "v"}}, {"name": "w", "emptyDir": {}}],
        })
    }

    /// An object of a kind whose pod has an image in every place.
    fn object(members: &[&str]) -> Value {
        members.iter().rev().fold(pod_spec(), |inner, name| json!({ *name: inner }))
    }

    #[test]
    fn every_place_of_every_kind_is_found() {
        for (group, name, members) in unbroken_policy::kind::KINDS {
            let object = object(members);
            let slots = image_slots(&kind(group, name), &object, &[]).unwrap();
            let images: Vec<_> = slots.iter().map(|slot| slot.image.as_str()).collect();
            assert_eq!(images, ["a", "i", "e", "v"], "{name}");
            for slot in slots {
                let image = object.pointer(&slot.pointer).and_then(Value::as_str);
                assert_eq!(image, Some(slot.image.as_str()), "{name} {}", slot.pointer);
            }
        }
    }

    #[test]
    fn a_kind_that_nobody_told_of_is_not_one_without_images() {
        let rollout = kind("argoproj.io", "Rollout");
        let object = object(&["spec", "template", "spec"]);
        assert_eq!(image_slots(&rollout, &object, &[]), Err(Unreadable::UnknownKind));
        // The group belongs to the kind.
        assert_eq!(image_slots(&kind("apps", "Pod"), &object, &[]), Err(Unreadable::UnknownKind));
        let custom = CustomKind {
            kind: rollout.clone(),
            pod_specs: vec![vec!["spec".into(), "template".into(), "spec".into()]],
        };
        assert_eq!(image_slots(&rollout, &object, &[custom]).unwrap().len(), 4);
    }

    #[test]
    fn an_object_of_another_kind_than_the_request_is_not_read() {
        let spec = pod_spec();
        for (version, name, fits) in [
            ("v1", "Pod", true),
            ("v1", "PodTemplate", false),
            ("apps/v1", "Pod", false),
            ("evil.example/v1", "Pod", false),
        ] {
            let object = json!({"apiVersion": version, "kind": name, "spec": spec});
            let found = image_slots(&kind("", "Pod"), &object, &[]);
            assert_eq!(found.is_ok(), fits, "{version} {name}: {found:?}");
        }
        let object = json!({"kind": 7, "spec": spec});
        assert_eq!(image_slots(&kind("", "Pod"), &object, &[]), Err(Unreadable::OtherKind));
        // Another version of the group is the same kind: the API server converts.
        let job =
            json!({"apiVersion": "batch/v2", "kind": "Job", "spec": {"template": {"spec": spec}}});
        assert!(image_slots(&kind("batch", "Job"), &job, &[]).is_ok());
    }

    #[test]
    fn members_that_some_readers_take_for_others_are_refused() {
        for spec in [
            json!({"containers": [{"image": "a"}], "Containers": [{"image": "evil"}]}),
            json!({"containers": [{"image": "a", "IMAGE": "evil"}]}),
            json!({"containers": [{"image": "a"}], "initcontainers": [{"image": "evil"}]}),
            json!({"containers": [{"image": "a"}], "volume\u{17f}": [{"image": {"reference": "evil"}}]}),
        ] {
            let found = image_slots(&kind("", "Pod"), &json!({"spec": spec}), &[]);
            assert!(matches!(found, Err(Unreadable::Member { .. })), "{spec}: {found:?}");
        }
    }

    #[test]
    fn what_is_not_of_its_type_is_not_passed_over() {
        let pod = kind("", "Pod");
        for (spec, place) in [
            (json!({"containers": {}}), "spec.containers"),
            (json!({"containers": ["a"]}), "spec.containers[0]"),
            (json!({"containers": [{"image": 1}]}), "spec.containers[0].image"),
            (json!({"initContainers": "x"}), "spec.initContainers"),
            (json!({"volumes": [{"image": []}]}), "spec.volumes[0].image"),
            (json!([]), "spec"),
        ] {
            match image_slots(&pod, &json!({"spec": spec}), &[]) {
                Err(Unreadable::Member { place: found, .. }) => assert_eq!(found, place),
                other => panic!("{spec}: {other:?}"),
            }
        }
        assert!(matches!(image_slots(&pod, &json!({}), &[]), Err(Unreadable::Member { .. })));
    }

    #[test]
    fn a_container_without_an_image_and_a_pod_without_a_container_do_not_pass() {
        let pod = kind("", "Pod");
        for container in [json!({}), json!({"image": null}), json!({"image": ""})] {
            let object = json!({"spec": {"containers": [container]}});
            let found = image_slots(&pod, &object, &[]);
            assert_eq!(found, Err(Unreadable::NoImage { place: "spec.containers[0]".into() }));
        }
        for spec in [json!({}), json!({"containers": []}), json!({"containers": null})] {
            let found = image_slots(&pod, &json!({"spec": spec}), &[]);
            assert_eq!(found, Err(Unreadable::NoContainer));
        }
    }

    #[test]
    fn a_template_may_leave_the_image_of_a_volume_open_and_a_pod_may_not() {
        let spec = json!({"containers": [{"image": "a"}], "volumes": [{"image": {}}]});
        let job = json!({"spec": {"template": {"spec": spec}}});
        assert_eq!(image_slots(&kind("batch", "Job"), &job, &[]).unwrap().len(), 1);
        let pod = image_slots(&kind("", "Pod"), &json!({"spec": spec}), &[]);
        assert_eq!(pod, Err(Unreadable::NoImage { place: "spec.volumes[0].image".into() }));
    }
}
