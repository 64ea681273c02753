//! Names of link files (specification 1.0, section 4.4; the eight digits are what every tool writes).

use unbroken_model::name::StepName;

use crate::error::RecordError;

/// Names the link file of a step: `{step}.{first eight digits of the key id}.link`.
///
/// # Errors
/// [`RecordError::KeyId`] when `key_id` is not hexadecimal or too short.
pub fn link_file_name(step: &StepName, key_id: &str) -> Result<String, RecordError> {
    Ok(format!("{step}.{}.link", prefix(key_id)?))
}

/// Names the file of a link that nobody signed: `{name}.link`, as inspections and mock runs have it.
pub fn unsigned_link_file_name(name: &StepName) -> String {
    format!("{name}.link")
}

/// Names the folder of a sublayout's links: `{step}.{first eight digits of the key id}`.
///
/// # Errors
/// [`RecordError::KeyId`] when `key_id` is not hexadecimal or too short.
pub fn sublayout_dir_name(step: &StepName, key_id: &str) -> Result<String, RecordError> {
    Ok(format!("{step}.{}", prefix(key_id)?))
}

/// Names the file of a recording that has begun: `.{step}.{first eight digits}.link-unfinished`.
///
/// # Errors
/// [`RecordError::KeyId`] when `key_id` is not hexadecimal or too short.
pub fn unfinished_file_name(step: &StepName, key_id: &str) -> Result<String, RecordError> {
    Ok(format!(".{step}.{}.link-unfinished", prefix(key_id)?))
}

fn prefix(key_id: &str) -> Result<&str, RecordError> {
    let hex = key_id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match key_id.get(..8) {
        Some(prefix) if hex => Ok(prefix),
        _ => Err(RecordError::KeyId { text: key_id.chars().take(128).collect() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_reference() {
        let step: StepName = "update-version".parse().unwrap();
        let id = "210dcc50aa";
        assert_eq!(link_file_name(&step, id).unwrap(), "update-version.210dcc50.link");
        assert_eq!(unsigned_link_file_name(&step), "update-version.link");
        assert_eq!(sublayout_dir_name(&step, id).unwrap(), "update-version.210dcc50");
        assert_eq!(
            unfinished_file_name(&step, id).unwrap(),
            ".update-version.210dcc50.link-unfinished"
        );
    }

    #[test]
    fn a_key_id_cannot_name_another_file() {
        let step: StepName = "a".parse().unwrap();
        for id in ["", "1234567", "../../../x", "1234567é", "12345678/../x"] {
            assert!(link_file_name(&step, id).is_err(), "{id}");
        }
    }
}
