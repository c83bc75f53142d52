//! XMP packets (ISO 16684-1), read leniently: the properties that tell a file's history.
//!
//! Only the five predefined entities and character references are resolved, and document types are
//! skipped, so there is no entity expansion. Any properties are collected under their prefixed
//! names; prefixes are taken as conventional (`xmp:`, `photoshop:`), because that is how all
//! writers use them.
use assay_evidence::{Fact, FactGroup};

use super::xml::{Event, Events};

/// Properties that are kept at most.
const MAX_PROPERTIES: usize = 2048;
/// Bytes of a value that are kept.
const MAX_VALUE: usize = 4096;
/// History entries that are kept.
const MAX_HISTORY: usize = 1024;
/// Nesting that is followed.
const MAX_DEPTH: usize = 64;

/// One entry of `xmpMM:History`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryEntry {
    /// `stEvt:action`: created, converted, derived, saved, edited ...
    pub action: String,
    /// `stEvt:softwareAgent`.
    pub software_agent: String,
    /// `stEvt:when`.
    pub when: String,
    /// `stEvt:parameters` and `stEvt:changed`.
    pub detail: String,
    /// `stEvt:instanceID`.
    pub instance_id: String,
}

/// What an XMP packet says. Texts are as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Xmp {
    /// `xmp:CreatorTool`.
    pub creator_tool: Option<String>,
    /// `xmp:CreateDate`.
    pub create_date: Option<String>,
    /// `xmp:ModifyDate`.
    pub modify_date: Option<String>,
    /// `xmp:MetadataDate`.
    pub metadata_date: Option<String>,
    /// `xmpMM:DocumentID`.
    pub document_id: Option<String>,
    /// `xmpMM:InstanceID`.
    pub instance_id: Option<String>,
    /// `xmpMM:OriginalDocumentID`.
    pub original_document_id: Option<String>,
    /// `stRef:documentID` or `stRef:instanceID` of `xmpMM:DerivedFrom`.
    pub derived_from: Option<String>,
    /// `Iptc4xmpExt:DigitalSourceType`, a URI whose last part is the term
    /// (`trainedAlgorithmicMedia`, `digitalCapture`).
    pub digital_source_type: Option<String>,
    /// `photoshop:Credit`.
    pub credit: Option<String>,
    /// `xmpMM:History` in order.
    pub history: Vec<HistoryEntry>,
    /// Every property in file order: path of prefixed names, value.
    pub properties: Vec<(String, String)>,
    /// `x:xmptk`, the toolkit that wrote the packet.
    pub toolkit: Option<String>,
    /// What is out of order.
    pub problems: Vec<String>,
}

/// Where the reader stands: names of the open elements.
struct Open {
    name: String,
    text: String,
}

impl Xmp {
    /// Reads a packet. Never fails: problems are noted.
    pub fn read(bytes: &[u8]) -> Self {
        let text = decode(bytes);
        let mut xmp = Self::default();
        let mut open: Vec<Open> = Vec::new();
        let mut closed_well = true;
        for event in Events::new(&text) {
            match event {
                Event::Open { name, attributes, empty } => {
                    if open.len() >= MAX_DEPTH {
                        xmp.problems.push(format!("elements nested deeper than {MAX_DEPTH}"));
                        break;
                    }
                    if name == "rdf:li"
                        && xmp.history.len() < MAX_HISTORY
                        && open.iter().any(|o| o.name == "xmpMM:History")
                    {
                        xmp.history.push(HistoryEntry::default());
                    }
                    open.push(Open { name, text: String::new() });
                    for (key, value) in attributes {
                        if key == "x:xmptk" {
                            xmp.toolkit = Some(value);
                        } else if !key.starts_with("xmlns") && !key.starts_with("xml:") && !is_syntax(&key) {
                            xmp.property(&open, Some(&key), &value);
                        } else if key == "rdf:resource" {
                            xmp.property(&open, None, &value);
                        }
                    }
                    if empty {
                        open.pop();
                    }
                }
                Event::Text(text) => {
                    if let Some(top) = open.last_mut()
                        && top.text.len() < MAX_VALUE
                    {
                        top.text.push_str(&text);
                    }
                }
                Event::Close(name) => {
                    let value = open.last().map(|top| top.text.trim().to_owned()).unwrap_or_default();
                    if !value.is_empty() {
                        xmp.property(&open, None, &value);
                    }
                    closed_well &= open.pop().is_some_and(|top| top.name == name);
                }
                Event::Broken(what) => {
                    xmp.problems.push(what.to_owned());
                    break;
                }
            }
        }
        if !closed_well || !open.is_empty() {
            xmp.problems.push("elements do not close as they open".into());
        }
        xmp.fill();
        xmp
    }

    /// A property: attribute `key` of the innermost element, or its text.
    fn property(&mut self, open: &[Open], key: Option<&str>, value: &str) {
        if self.properties.len() >= MAX_PROPERTIES {
            return;
        }
        let names = open.iter().map(|o| o.name.as_str()).chain(key).filter(|name| !is_syntax(name));
        let path: Vec<&str> = names.collect();
        let Some(&last) = path.last() else { return };
        let end = value
            .char_indices()
            .map(|(at, c)| at + c.len_utf8())
            .take_while(|&end| end <= MAX_VALUE)
            .last()
            .unwrap_or(0);
        let value = value[..end].to_owned();
        if path.contains(&"xmpMM:History")
            && let Some(entry) = self.history.last_mut()
        {
            match last {
                "stEvt:action" => entry.action.clone_from(&value),
                "stEvt:softwareAgent" => entry.software_agent.clone_from(&value),
                "stEvt:when" => entry.when.clone_from(&value),
                "stEvt:instanceID" => entry.instance_id.clone_from(&value),
                "stEvt:parameters" | "stEvt:changed" => {
                    let comma = if entry.detail.is_empty() { "" } else { ", " };
                    entry.detail.push_str(comma);
                    entry.detail.push_str(&value);
                }
                _ => {}
            }
        }
        self.properties.push((path.join("/"), value));
    }

    fn fill(&mut self) {
        let get = |path: &str| self.properties.iter().find(|(name, _)| name == path).map(|(_, value)| value.clone());
        let creator_tool = get("xmp:CreatorTool");
        let create_date = get("xmp:CreateDate");
        let modify_date = get("xmp:ModifyDate");
        let metadata_date = get("xmp:MetadataDate");
        let document_id = get("xmpMM:DocumentID");
        let instance_id = get("xmpMM:InstanceID");
        let original_document_id = get("xmpMM:OriginalDocumentID");
        let derived_from =
            get("xmpMM:DerivedFrom/stRef:documentID").or_else(|| get("xmpMM:DerivedFrom/stRef:instanceID"));
        let digital_source_type =
            get("Iptc4xmpExt:DigitalSourceType").or_else(|| get("Iptc4xmpExt:DigitalSourcefileType"));
        let credit = get("photoshop:Credit");
        *self = Self {
            creator_tool,
            create_date,
            modify_date,
            metadata_date,
            document_id,
            instance_id,
            original_document_id,
            derived_from,
            digital_source_type,
            credit,
            ..std::mem::take(self)
        };
    }

    /// Adds the properties of a second packet (extended XMP), whose history follows on.
    pub fn merge(&mut self, other: Self) {
        self.properties.extend(other.properties.into_iter().take(MAX_PROPERTIES));
        self.history.extend(other.history);
        self.problems.extend(other.problems);
        self.fill();
    }

    /// The packet in words.
    pub fn facts(&self) -> FactGroup {
        let mut facts = Vec::new();
        if let Some(toolkit) = &self.toolkit {
            facts.push(Fact::new("XMP toolkit", toolkit));
        }
        for (index, entry) in self.history.iter().take(64).enumerate() {
            let words = [&entry.when, &entry.action, &entry.detail, &entry.software_agent];
            let line = words.into_iter().filter(|word| !word.is_empty()).cloned().collect::<Vec<_>>().join(" · ");
            facts.push(Fact::new(format!("history {}", index + 1), line));
        }
        let plain = self.properties.iter().filter(|(path, _)| !path.starts_with("xmpMM:History"));
        facts.extend(plain.take(256).map(|(path, value)| Fact::new(path.as_str(), value)));
        FactGroup { title: "XMP".into(), facts }
    }
}

/// Elements and attributes that only give structure.
fn is_syntax(name: &str) -> bool {
    name.starts_with("rdf:") || matches!(name, "x:xmpmeta" | "xmpmeta" | "x:xapmeta")
}

/// UTF-8, or UTF-16 by its byte order mark or zero bytes.
fn decode(bytes: &[u8]) -> String {
    let (big, little) = match bytes {
        [0xfe, 0xff, ..] | [0, b'<', ..] => (true, false),
        [0xff, 0xfe, ..] | [b'<', 0, ..] => (false, true),
        _ => (false, false),
    };
    if big || little {
        let unit = |b: &[u8]| if big { u16::from_be_bytes([b[0], b[1]]) } else { u16::from_le_bytes([b[0], b[1]]) };
        return char::decode_utf16(bytes.chunks_exact(2).map(unit)).map(|c| c.unwrap_or('\u{fffd}')).collect();
    }
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: &str = r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Test Core 1.0"><rdf:RDF>
<rdf:Description rdf:about="" xmp:CreatorTool="Editor &amp; Co &#x41;" photoshop:Credit='Made with "AI"'>
 <xmp:ModifyDate>2024-01-02T03:04:05Z</xmp:ModifyDate>
 <Iptc4xmpExt:DigitalSourceType rdf:resource="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/>
 <xmpMM:DerivedFrom stRef:instanceID="xmp.iid:1" stRef:documentID="xmp.did:0"/>
 <xmpMM:History><rdf:Seq>
  <rdf:li stEvt:action="saved" stEvt:softwareAgent="Editor 9" stEvt:when="2024-01-01" stEvt:changed="/"/>
  <rdf:li rdf:parseType="Resource"><stEvt:action>converted</stEvt:action><stEvt:parameters><![CDATA[a < b]]></stEvt:parameters></rdf:li>
 </rdf:Seq></xmpMM:History>
 <dc:subject><rdf:Bag><rdf:li>one</rdf:li><rdf:li>two</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"#;

    #[test]
    fn reads_attributes_and_elements() {
        let xmp = Xmp::read(PACKET.as_bytes());
        assert_eq!(xmp.problems, Vec::<String>::new());
        assert_eq!(xmp.toolkit.as_deref(), Some("Test Core 1.0"));
        assert_eq!(xmp.creator_tool.as_deref(), Some("Editor & Co A"));
        assert_eq!(xmp.credit.as_deref(), Some("Made with \"AI\""));
        assert_eq!(xmp.modify_date.as_deref(), Some("2024-01-02T03:04:05Z"));
        assert_eq!(xmp.derived_from.as_deref(), Some("xmp.did:0"));
        assert!(xmp.digital_source_type.as_deref().unwrap().ends_with("/trainedAlgorithmicMedia"));
        assert_eq!(xmp.history.len(), 2);
        assert_eq!((xmp.history[0].action.as_str(), xmp.history[0].detail.as_str()), ("saved", "/"));
        assert_eq!((xmp.history[1].action.as_str(), xmp.history[1].detail.as_str()), ("converted", "a < b"));
        let subjects: Vec<&str> =
            xmp.properties.iter().filter(|(path, _)| path == "dc:subject").map(|(_, value)| value.as_str()).collect();
        assert_eq!(subjects, ["one", "two"]);
    }

    #[test]
    fn reads_utf16() {
        let wide: Vec<u8> = PACKET.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(Xmp::read(&wide).history.len(), 2);
    }

    #[test]
    fn entities_do_not_expand() {
        let bomb = r#"<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x:xmpmeta><xmp:CreatorTool>&b;</xmp:CreatorTool></x:xmpmeta>"#;
        assert_eq!(Xmp::read(bomb.as_bytes()).creator_tool.as_deref(), Some("&b;"));
    }

    #[test]
    fn notes_what_is_broken() {
        for broken in ["<a><b></a>", "<a", "<a b=\"", "<a><![CDATA[", "<!--", "<a b<c='d'/>", "<a\"b/>", "<a b/>"] {
            assert!(!Xmp::read(broken.as_bytes()).problems.is_empty(), "{broken}");
        }
        let deep = "<a>".repeat(100_000);
        assert!(!Xmp::read(deep.as_bytes()).problems.is_empty());
    }
}
