//! A report rendered for people: one HTML file that needs nothing else, a short text for the
//! terminal, the JSON schema.
//!
//! The decision that shapes this crate: it knows evidence and nothing else. All numbers, words and
//! pictures are in the report already; what is done here is layout. The page works without scripts
//! (heat maps are coloured by an SVG filter); a few lines of script add the opacity slider and the
//! side-by-side view. Nothing is fetched from anywhere: a content security policy in the page
//! forbids it.
mod charts;
mod html;
mod marks;
mod schema;
mod text;

pub use html::{IndexRow, index_page, page};
pub use marks::marks;
pub use schema::schemas;
pub use text::{line, plain, summary};
