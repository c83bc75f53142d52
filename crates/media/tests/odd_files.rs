//! Files that are whole and odd: mirrored, with several streams, pictures or frames, of codings
//! that are not read.
use std::path::{Path, PathBuf};

use assay_media::{Limits, MediaError, Source};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

fn open(path: &Path) -> Result<Source, MediaError> {
    Source::open(path, &Limits::default())
}

#[test]
fn a_mirrored_clip_is_mirrored_and_not_turned() {
    assert_eq!(open(&case("mirror_hflip.mp4")).unwrap().orientation().exif(), 2);
}

#[test]
fn the_stream_that_players_show_is_examined_and_the_other_is_named() {
    let source = open(&case("two_streams_default_second.mp4")).unwrap();
    assert_eq!(source.coded_size().0, 640);
    assert_eq!(source.not_examined().len(), 1, "{:?}", source.not_examined());
    assert!(source.not_examined()[0].contains("Video stream 0"));
}

#[test]
fn further_frames_pages_and_pictures_are_named() {
    let words = open(&case("anim.webp")).unwrap().not_examined();
    assert!(words.len() == 1 && words[0].contains("further frame"), "{words:?}");
    let heic = open(&case("two_pictures.heic")).unwrap();
    assert_eq!(heic.not_examined(), ["1 further picture of the file"]);
    match heic.picture() {
        Ok(picture) => assert_eq!(picture.dimensions(), (320, 240)),
        Err(MediaError::MissingProgram(name)) => println!("SKIPPED: {name} is not installed"),
        Err(error) => panic!("{error}"),
    }
}

/// The pictures of the set that may not be copied, where it lies beside the checkout.
#[test]
fn shared_files_with_several_pictures_are_read() {
    let shared = std::env::var_os("ASSAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    for (name, words) in [("multi_image.avif", "further picture"), ("multipage.tiff", "further page")] {
        let path = shared.join("cases").join(name);
        if !path.is_file() {
            println!("SKIPPED: no {}", path.display());
            continue;
        }
        let source = open(&path).unwrap();
        assert!(source.not_examined()[0].contains(words), "{name}: {:?}", source.not_examined());
        match source.picture() {
            Ok(picture) => assert!(picture.width() > 100),
            Err(MediaError::MissingProgram(name)) => println!("SKIPPED: {name} is not installed"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

#[test]
fn codings_that_are_not_read_are_called_that_and_not_damaged() {
    for (name, words) in [("testimgari.jpg", "arithmetic"), ("monkey12.jpg", "12 bits")] {
        let error = open(&case(name)).err().unwrap();
        assert!(matches!(error, MediaError::Unsupported { .. }), "{name}: {error}");
        assert!(error.to_string().contains(words), "{name}: {error}");
    }
}
