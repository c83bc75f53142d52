//! Cases of `screen_content`: it moves no verdict, so "positive" means that the picture is called
//! screen content.
use std::path::Path;

use image::imageops::{blur, crop_imm};

use crate::graphics::{Kind, draw};
use crate::saving::{jpeg_bytes, png_bytes, write_whole};
use crate::scene::photograph;

const SIDE: (u32, u32) = (320, 240);

/// `positive_chat`, `positive_document`: drawn, as JPEG and lossless. `positive_with_photo`: a web
/// page with the drawn scene inside. `negative_photo`: the scene as it is. `negative_soft`: out of
/// focus and strongly compressed, so that much of it is flat. `not_applicable_small`: 64 pixels.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let photo = photograph(61, SIDE.0, SIDE.1);
    let cut = |kind, seed, inside: Option<&image::RgbImage>| {
        let page = draw(kind, seed, inside).picture;
        crop_imm(&page, 0, 0, page.width().min(480), page.height().min(480)).to_image()
    };
    let document = cut(Kind::Document, 2, None);
    let lossless = crop_imm(&document, 0, 0, 240, 240).to_image();
    write_whole(&folder.join("positive_chat.jpg"), &jpeg_bytes(&cut(Kind::Chat, 1, None), 82)?)?;
    write_whole(&folder.join("positive_document.png"), &png_bytes(&lossless)?)?;
    write_whole(&folder.join("positive_with_photo.jpg"), &jpeg_bytes(&cut(Kind::WebPage, 5, Some(&photo)), 75)?)?;
    write_whole(&folder.join("negative_photo.jpg"), &jpeg_bytes(&photo, 88)?)?;
    write_whole(&folder.join("negative_soft.jpg"), &jpeg_bytes(&blur(&photo, 2.5), 60)?)?;
    let small = crop_imm(&photo, 0, 0, 64, 64).to_image();
    write_whole(&folder.join("not_applicable_small.png"), &png_bytes(&small)?)?;
    Ok(())
}
