//! A pull reader for the XML that metadata packets use. It borrows from the text, keeps no stack and resolves nothing from outside.

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'t> {
    /// A start tag; `empty` when it closes itself.
    Open { name: &'t str, attributes: Vec<(&'t str, String)>, empty: bool },
    /// An end tag.
    Close(&'t str),
    /// Character data with its references resolved.
    Text(String),
    /// Not well-formed; nothing follows.
    Broken(&'static str),
}

/// Attributes that are kept of one tag.
const MAX_ATTRIBUTES: usize = 512;

/// Iterator over the events of a text.
pub(super) struct Events<'t> {
    rest: &'t str,
}

impl<'t> Events<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    fn broken(&mut self, what: &'static str) -> Event<'t> {
        self.rest = "";
        Event::Broken(what)
    }

    /// Skips past `end`; `None` when it does not come.
    fn past(&mut self, end: &str) -> Option<&'t str> {
        let at = self.rest.find(end)?;
        let skipped = &self.rest[..at];
        self.rest = &self.rest[at + end.len()..];
        Some(skipped)
    }

    fn tag(&mut self) -> Event<'t> {
        let name = self.name();
        if name.is_empty() {
            return self.broken("a tag without a name");
        }
        let mut attributes = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix("/>") {
                self.rest = rest;
                return Event::Open { name, attributes, empty: true };
            }
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                return Event::Open { name, attributes, empty: false };
            }
            let key = self.name();
            let after = self.rest.trim_start().strip_prefix('=').map(str::trim_start);
            let Some((quote, rest)) = after.filter(|_| !key.is_empty()).and_then(|rest| {
                let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
                Some((quote, &rest[1..]))
            }) else {
                return self.broken("a broken tag");
            };
            let Some(end) = rest.find(quote) else { return self.broken("an attribute without end") };
            if attributes.len() < MAX_ATTRIBUTES {
                attributes.push((key, resolve(&rest[..end])));
            }
            self.rest = &rest[end + 1..];
        }
    }

    fn name(&mut self) -> &'t str {
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/' | '<' | '"' | '\''))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }
}

impl<'t> Iterator for Events<'t> {
    type Item = Event<'t>;

    fn next(&mut self) -> Option<Event<'t>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let Some(rest) = self.rest.strip_prefix('<') else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                return Some(Event::Text(resolve(text)));
            };
            if let Some(rest) = rest.strip_prefix("!--") {
                self.rest = rest;
                if self.past("-->").is_none() {
                    return Some(self.broken("a comment without end"));
                }
            } else if let Some(rest) = rest.strip_prefix("![CDATA[") {
                self.rest = rest;
                let Some(text) = self.past("]]>") else { return Some(self.broken("a CDATA section without end")) };
                return Some(Event::Text(text.to_owned()));
            } else if let Some(rest) = rest.strip_prefix('?') {
                self.rest = rest;
                if self.past("?>").is_none() {
                    return Some(self.broken("a processing instruction without end"));
                }
            } else if rest.starts_with('!') {
                // A document type: skipped with its internal subset, never interpreted.
                self.rest = rest;
                let head = self.rest.find(['>', '[']);
                let end = if head.is_some_and(|at| self.rest[at..].starts_with('[')) { "]>" } else { ">" };
                if self.past(end).is_none() {
                    return Some(self.broken("a declaration without end"));
                }
            } else if let Some(rest) = rest.strip_prefix('/') {
                self.rest = rest;
                let Some(name) = self.past(">") else { return Some(self.broken("an end tag without end")) };
                return Some(Event::Close(name.trim()));
            } else {
                self.rest = rest;
                return Some(self.tag());
            }
        }
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
        assert_eq!(events[0], Event::Open { name: "a", attributes: vec![("k", "v".into())], empty: false });
        assert_eq!(events[1], Event::Open { name: "b", attributes: vec![], empty: true });
        assert_eq!(events[2], Event::Text("t".into()));
        assert_eq!(events[3], Event::Close("a"));
    }
}
