//! Drawn screen content: what a screenshot or a graphics program gives, never recorded by a camera.
//!
//! The decision that shapes it: every kind is drawn from a seed with the means of a toolkit
//! (anti-aliased text of a real font, rounded boxes, gradients, shadows) and then saved as people
//! save and send such pictures, so that what tells it from a photograph is measured on its own
//! kinds and on others that no fit has seen. A photograph can be laid inside.
mod apps;
mod canvas;
mod pages;
mod pictures;
mod save;
mod text;
mod theme;

use image::RgbImage;

use crate::rng::Rng;
use canvas::{Canvas, Rect};
pub use save::{Saved, Saving};
use theme::Theme;

macro_rules! kinds {
    ($($name:ident $id:literal $held_out:literal $sides:ident $draw:path;)*) => {
        /// A kind of screen content.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $(#[doc = $id] $name),* }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in tables.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }

            /// Kept out of every fit: drawn for figures only.
            pub fn held_out(self) -> bool {
                match self { $(Self::$name => $held_out),* }
            }

            fn size(self, rng: &mut Rng) -> (u32, u32) {
                match self { $(Self::$name => $sides(rng)),* }
            }

            fn paint(self, canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
                match self { $(Self::$name => $draw(canvas, theme, rng)),* }
            }
        }
    };
}

kinds! {
    Chat "chat" false tall apps::chat;
    Slide "slide" false wide pages::slide;
    Document "document" false any pages::document;
    WebPage "web page" false any pages::web_page;
    CodeEditor "code editor" false wide apps::code_editor;
    Spreadsheet "spreadsheet" true wide pages::spreadsheet;
    Chart "chart" false wide pictures::chart;
    Map "map" true any pictures::map;
    Settings "settings" false any apps::settings;
    Meme "meme" false any pictures::meme;
    Game "game" false wide pictures::game;
    Comic "comic" true any pictures::comic;
    Poster "poster" false any pictures::poster;
    Form "form" true any pages::form;
    Terminal "terminal" true wide apps::terminal;
    Desktop "desktop" false wide apps::desktop;
}

fn tall(rng: &mut Rng) -> (u32, u32) {
    let width = rng.between(320, 900) as u32;
    (width, (f64::from(width) * rng.range(1.2, 2.1)) as u32)
}

fn wide(rng: &mut Rng) -> (u32, u32) {
    let width = rng.between(420, 1600) as u32;
    (width, (f64::from(width) / rng.range(1.3, 1.9)) as u32)
}

fn any(rng: &mut Rng) -> (u32, u32) {
    let width = rng.between(320, 1280) as u32;
    (width, (f64::from(width) / rng.range(0.6, 1.7)) as u32)
}

/// A drawn picture.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Its pixels.
    pub picture: RgbImage,
    /// Share of it that a photograph covers, 0..=1.
    pub photograph: f64,
}

/// Draws one picture of a kind from a seed; `photograph` is laid inside as a window of a twentieth
/// to most of the page (a meme is a photograph with words).
pub fn draw(kind: Kind, seed: u64, photograph: Option<&RgbImage>) -> Drawn {
    let mut rng = Rng::labelled(seed, kind.id());
    let (width, height) = kind.size(&mut rng);
    let theme = Theme::drawn(&mut rng, width.min(height) as f32);
    let mut canvas = Canvas::new(width, height, theme.ground);
    if let (Kind::Meme, Some(photograph)) = (kind, photograph) {
        let share = pictures::meme_over(&mut canvas, &theme, &mut rng, photograph);
        return Drawn { picture: canvas.picture, photograph: share };
    }
    kind.paint(&mut canvas, &theme, &mut rng);
    let share = photograph.map_or(0.0, |p| inside(&mut canvas, &theme, &mut rng, p));
    Drawn { picture: canvas.picture, photograph: share }
}

/// Lays a photograph over a part of the page, framed as programs do.
fn inside(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng, photograph: &RgbImage) -> f64 {
    let share = rng.range(0.05, 0.75);
    let (width, height) = (canvas.width(), canvas.height());
    let side = share.sqrt() as f32;
    let (w, h) = ((width * side).round(), (height * side).round());
    let x = (rng.unit() as f32 * (width - w)).round();
    let y = (rng.unit() as f32 * (height - h)).round();
    let frame = Rect::new(x, y, w, h);
    match rng.below(3) {
        0 => canvas.shadow(frame, 0.0, 10.0, 0.4),
        1 => canvas.block(Rect::new(x - 4.0, y - 4.0, w + 8.0, h + 8.0), theme.panel),
        _ => {}
    }
    canvas.photograph(photograph, frame);
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_drawn_from_its_seed_and_fills_its_page() {
        for kind in Kind::ALL {
            let drawn = draw(*kind, 3, None).picture;
            assert_eq!(drawn, draw(*kind, 3, None).picture, "{}", kind.id());
            assert_ne!(drawn, draw(*kind, 4, None).picture, "{}", kind.id());
            assert!(drawn.width() >= 320 && drawn.width() <= 1920 && drawn.height() >= 200, "{}", kind.id());
            // Something is drawn in every quarter.
            let (w, h) = (drawn.width() / 2, drawn.height() / 2);
            for (x, y) in [(0, 0), (w, 0), (0, h), (w, h)] {
                let quarter = image::imageops::crop_imm(&drawn, x, y, w, h).to_image();
                let first = quarter.get_pixel(0, 0);
                let others = quarter.pixels().filter(|p| *p != first).count();
                assert!(others > 200, "{}: {others} in the quarter at {x}, {y}", kind.id());
            }
        }
        assert!(Kind::ALL.len() >= 14 && Kind::ALL.iter().filter(|k| k.held_out()).count() >= 3);
    }

    #[test]
    fn a_photograph_covers_the_share_that_is_said() {
        let red = RgbImage::from_pixel(64, 48, image::Rgb([255, 0, 0]));
        for seed in 0..4 {
            let drawn = draw(Kind::Document, seed, Some(&red));
            let covered = drawn.picture.pixels().filter(|p| p.0 == [255, 0, 0]).count() as f64;
            let share = covered / f64::from(drawn.picture.width() * drawn.picture.height());
            assert!((share - drawn.photograph).abs() < 0.02, "{share} is not {}", drawn.photograph);
        }
    }
}
