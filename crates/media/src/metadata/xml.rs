//! The events of a metadata packet in XML, as the crate `quick-xml` reads them.
//!
//! The decision that shapes it: packets are read leniently, since many writers are careless, and
//! what is not well-formed ends the reading with a word on it. Nothing is resolved from outside,
//! document types are skipped, and entities that they define stay as they are written: nothing
//! expands.
use quick_xml::errors::{Error, SyntaxError};
use quick_xml::events::{BytesStart, Event as Read};
use quick_xml::reader::Reader;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A start tag; `empty` when it closes itself.
    Open { name: String, attributes: Vec<(String, String)>, empty: bool },
    /// An end tag.
    Close(String),
    /// Character data with its references resolved; a text may come in several pieces.
    Text(String),
    /// Not well-formed; nothing follows.
    Broken(&'static str),
}

/// Attributes that are kept of one tag.
const MAX_ATTRIBUTES: usize = 512;

/// Iterator over the events of a text.
pub(super) struct Events<'t> {
    reader: Reader<&'t [u8]>,
    is_over: bool,
}

impl<'t> Events<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        // Who reads the events looks at how elements close.
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        Self { reader, is_over: false }
    }
}

/// The bytes of a text are text, also in parts: the reader cuts at ASCII only.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn tag(start: &BytesStart<'_>, empty: bool) -> Event {
    let name = text(start.name().as_ref());
    if name.is_empty() {
        return Event::Broken("a tag without a name");
    }
    // The crate takes everything up to a space or an equals sign for a name.
    let is_name = |name: &str| !name.contains(['=', '<', '>', '/', '"', '\'']);
    let mut attributes = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let Ok(attribute) = attribute else { return Event::Broken("a broken tag") };
        let key = text(attribute.key.as_ref());
        if key.is_empty() || !is_name(&key) {
            return Event::Broken("a broken tag");
        }
        if attributes.len() < MAX_ATTRIBUTES {
            attributes.push((key, resolve(&text(&attribute.value))));
        }
    }
    if !is_name(&name) {
        return Event::Broken("a broken tag");
    }
    Event::Open { name, attributes, empty }
}

fn broken(error: &Error) -> &'static str {
    let Error::Syntax(error) = error else { return "a broken tag" };
    match error {
        SyntaxError::UnclosedComment => "a comment without end",
        SyntaxError::UnclosedCData => "a CDATA section without end",
        SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl => "a processing instruction without end",
        SyntaxError::UnclosedDoctype | SyntaxError::InvalidBangMarkup => "a declaration without end",
        SyntaxError::UnclosedSingleQuotedAttributeValue | SyntaxError::UnclosedDoubleQuotedAttributeValue => {
            "an attribute without end"
        }
        SyntaxError::UnclosedTag => "a broken tag",
    }
}

impl Iterator for Events<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        while !self.is_over {
            let event = match self.reader.read_event() {
                Ok(Read::Start(start)) => tag(&start, false),
                Ok(Read::Empty(start)) => tag(&start, true),
                Ok(Read::End(end)) => Event::Close(text(end.name().as_ref()).trim().to_owned()),
                Ok(Read::Text(part)) => Event::Text(resolve(&text(&part))),
                Ok(Read::CData(part)) => Event::Text(text(&part)),
                Ok(Read::GeneralRef(reference)) => Event::Text(resolve(&format!("&{};", text(&reference)))),
                Ok(Read::Comment(_) | Read::Decl(_) | Read::PI(_) | Read::DocType(_)) => continue,
                Ok(Read::Eof) => break,
                Err(error) => Event::Broken(broken(&error)),
            };
            self.is_over = matches!(event, Event::Broken(_));
            return Some(event);
        }
        self.is_over = true;
        None
    }
}

/// Resolves the predefined entities and character references; leaves anything else as it stands.
fn resolve(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        // No reference is longer than this, which keeps a text of ampersands linear.
        let window = rest.char_indices().take(12).find(|(_, c)| *c == ';');
        let reference = window.and_then(|(end, _)| Some((reference(&rest[..end])?, end)));
        match reference {
            Some((character, end)) => {
                out.push(character);
                rest = &rest[end + 1..];
            }
            None => out.push('&'),
        }
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        assert_eq!(resolve("a &lt; b &#65;&#x42; &unknown; & c"), "a < b AB &unknown; & c");
    }

    #[test]
    fn events_in_order() {
        let events: Vec<Event> = Events::new("<!DOCTYPE x [ <!ENTITY a 'b'> ]><a k='v'><!-- c --><b/>t</a>").collect();
        assert_eq!(events.len(), 4);
        let attributes = vec![("k".into(), "v".into())];
        assert_eq!(events[0], Event::Open { name: "a".into(), attributes, empty: false });
        assert_eq!(events[1], Event::Open { name: "b".into(), attributes: vec![], empty: true });
        assert_eq!(events[2], Event::Text("t".into()));
        assert_eq!(events[3], Event::Close("a".into()));
    }
}
