//! Links as statements of the attestation framework (predicate "Link" 0.3): the subjects are the products.

use super::{Link, LinkForm, digest_set, digests_value};
use crate::artifact::ArtifactSet;
use crate::decode::{DecodeError, Fault, Members, Place, object};
use crate::envelope::Payload;
use crate::json::{Object, Value};
use crate::statement::{self, Statement};

/// The predicate type of links. Earlier ones are deprecated, and no page says any more what is in them.
pub const LINK_PREDICATE: &str = "https://in-toto.io/attestation/link/v0.3";

/// Tells whether a value announces to be a link in a statement.
pub fn is_link(value: &Value<'_>) -> bool {
    statement::is_statement(value) && predicate_type(value) == LINK_PREDICATE
}

fn predicate_type<'v>(value: &'v Value<'_>) -> &'v str {
    let member = value.as_object().and_then(|object| object.get("predicateType"));
    member.and_then(Value::as_str).unwrap_or_default()
}

/// Decodes the link that a statement is.
pub(super) fn decode(value: Value<'_>) -> Result<Link, DecodeError> {
    let found = predicate_type(&value);
    if found != LINK_PREDICATE {
        let found = found.chars().take(80).collect();
        return Err(Fault::Kind { due: LINK_PREDICATE, found }.at("predicateType"));
    }
    let Statement { subjects, predicate, .. } = Statement::decode(value)?;
    let mut members = Members::of(predicate.into(), "predicate")?;
    if members.optional("products").is_some() {
        return Err(Fault::SecondProducts.at("predicate.products"));
    }
    let name = members.string("name")?.parse().place(|| "predicate.name".to_owned())?;
    let command = members.strings("command")?;
    let materials = members.each("materials", |value, place| {
        let mut members = Members::of(value, &place())?;
        let path = members.string("name")?.parse().place(place)?;
        let digests = object(members.required("digest")?, place)?;
        // Nothing else is looked at, but for a second digest that some readers would take for the first.
        members.rest()?;
        Ok((path, digest_set(digests, place)?))
    })?;
    let materials = ArtifactSet::from_entries(materials);
    let materials = materials.place(|| "predicate.materials".to_owned())?;
    let mut products = Vec::with_capacity(subjects.len());
    for (index, subject) in subjects.into_iter().enumerate() {
        let place = || format!("subject[{index}]");
        let path = subject.name.parse().place(place)?;
        products.push((path, digest_set(subject.digest, place)?));
    }
    let products = ArtifactSet::from_entries(products).place(|| "subject".to_owned())?;
    let byproducts = members.object("byproducts")?.into_owned();
    let environment = members.object("environment")?.into_owned();
    let extra = members.rest()?;
    let form = LinkForm::Statement;
    Ok(Link { form, name, command, materials, products, byproducts, environment, extra })
}

/// Writes a link as a statement.
pub(super) fn to_value(link: &Link) -> Value<'_> {
    let mut predicate: Object<'_> = link.extra.clone();
    predicate.insert("name", link.name.as_str());
    let command: Vec<Value<'_>> = link.command.iter().map(|word| word.as_str().into()).collect();
    predicate.insert("command", command);
    predicate.insert("materials", descriptors(&link.materials));
    predicate.insert("byproducts", link.byproducts.clone());
    predicate.insert("environment", link.environment.clone());
    let mut statement = Object::new();
    statement.insert("_type", statement::TYPES[0]);
    statement.insert("subject", descriptors(&link.products));
    statement.insert("predicateType", LINK_PREDICATE);
    statement.insert("predicate", predicate);
    statement.into()
}

/// Lists artifacts as resource descriptors.
fn descriptors(artifacts: &ArtifactSet) -> Vec<Value<'_>> {
    let mut all = Vec::with_capacity(artifacts.len());
    for (path, digests) in artifacts {
        let mut descriptor = Object::new();
        descriptor.insert("name", path.as_str());
        descriptor.insert("digest", digests_value(digests));
        all.push(descriptor.into());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    const TEXT: &str = r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://in-toto.io/attestation/link/v0.3",
        "subject":[{"name":"registry.example/app","digest":{"sha256":"PRODUCT"},"uri":"x"}],
        "predicate":{"name":"build","command":["make"],"materials":[{"name":"src/a","digest":{"sha256":"MATERIAL"},"mediaType":"y"}],
        "byproducts":{"return-value":3},"environment":{"a":null},"more":[1]},"also":2}"#;

    fn decode(text: &str) -> Result<Link, DecodeError> {
        let text = text.replace("PRODUCT", &"ab".repeat(32)).replace("MATERIAL", &"cd".repeat(32));
        Link::decode(Value::parse(text.as_bytes(), &Limits::default()).unwrap())
    }

    #[test]
    fn subjects_are_products() {
        let link = decode(TEXT).unwrap();
        assert_eq!((link.form, link.name.as_str()), (LinkForm::Statement, "build"));
        assert_eq!(
            (link.command.as_slice(), link.return_value()),
            (&["make".to_owned()][..], Some(3))
        );
        let product = link.products.get("registry.example/app").unwrap();
        assert_eq!(product.only_sha256(), Some(&[0xab; 32]));
        assert_eq!(link.materials.get("src/a").unwrap().only_sha256(), Some(&[0xcd; 32]));
        assert_eq!((link.products.len(), link.materials.len(), link.extra.len()), (1, 1, 1));
        assert_eq!(Link::decode(link.to_value()).unwrap(), link);
        let other = TEXT.replace("Statement/v1", "Statement/v0.1");
        assert_eq!(decode(&other).unwrap(), link);
        // What a link need not say, it need not say here.
        let bare = decode(r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://in-toto.io/attestation/link/v0.3",
            "subject":[],"predicate":{"name":"build"}}"#).unwrap();
        assert!(bare.materials.is_empty() && bare.products.is_empty() && bare.command.is_empty());
    }

    #[test]
    fn faults_name_their_place() {
        let subject = r#"{"name":"registry.example/app","digest":{"sha256":"PRODUCT"},"uri":"x"}"#;
        let material = r#"{"name":"src/a","digest":{"sha256":"MATERIAL"},"mediaType":"y"}"#;
        let twice = |one: &str| (one.to_owned(), format!("{one},{one}"));
        let changed = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        for ((from, to), place) in [
            (changed("link/v0.3", "link/v0.2"), "predicateType"),
            (changed("\"predicateType\":", "\"x\":"), "predicateType"),
            (changed("Statement/v1", "Statement/v2"), "_type"),
            (changed("\"more\":", "\"products\":"), "predicate.products"),
            (changed("\"more\":", "\"Products\":"), "predicate.Products"),
            (changed("\"name\":\"build\"", "\"name\":\"a/b\""), "predicate.name"),
            (changed("\"name\":\"build\",", ""), "predicate.name"),
            (changed("[\"make\"]", "\"make\""), "predicate.command"),
            (changed("\"name\":\"src/a\",", ""), "predicate.materials[0].name"),
            (changed("\"src/a\"", "\"../a\""), "predicate.materials[0]"),
            (changed("{\"sha256\":\"MATERIAL\"}", "{\"sha256\":\"cd\"}"), "predicate.materials[0]"),
            (changed("\"digest\":{\"sha256\":\"MATERIAL\"},", ""), "predicate.materials[0].digest"),
            (changed("\"registry.example/app\"", "\"\""), "subject[0]"),
            (changed("\"name\":\"registry.example/app\",", ""), "subject[0]"),
            (changed("{\"sha256\":\"PRODUCT\"}", "{\"sha256\":\"ab\"}"), "subject[0]"),
            (changed("\"mediaType\"", "\"Digest\""), "predicate.materials[0].Digest"),
            (changed("\"uri\"", "\"Name\""), "subject[0].Name"),
            (changed("\"also\"", "\"Subject\""), "Subject"),
            (twice(subject), "subject"),
            (twice(material), "predicate.materials"),
        ] {
            assert!(TEXT.contains(&from), "{from}");
            assert_eq!(decode(&TEXT.replace(&from, &to)).unwrap_err().place, place, "{to}");
        }
    }
}
