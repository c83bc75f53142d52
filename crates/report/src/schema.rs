//! The JSON schemas of the documents that Assay writes, made from the types.
use assay_evidence::{Report, SCHEMA_REPORT, SCHEMA_SCAN, ScanDocument};

/// `(file name, pretty JSON)` of every schema. The files are committed under `docs/schema`; a test
/// compares them.
pub fn schemas() -> Vec<(String, String)> {
    let text = |schema: schemars::Schema| serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n";
    let name = |id: &str| format!("{}.schema.json", id.replace('/', "-"));
    vec![
        (name(SCHEMA_REPORT), text(schemars::schema_for!(Report))),
        (name(SCHEMA_SCAN), text(schemars::schema_for!(ScanDocument))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_GOLDENS=1` writes the files anew; read the diff: a change of the schema is a change
    /// for every reader of our JSON.
    #[test]
    fn the_committed_schemas_are_those_of_the_types() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
        for (name, text) in schemas() {
            let file = folder.join(&name);
            if std::env::var_os("UPDATE_GOLDENS").is_some() {
                std::fs::write(&file, &text).unwrap();
            }
            assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), text, "{name} is out of date");
        }
    }
}
