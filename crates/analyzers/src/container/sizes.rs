//! The size and the shape that EXIF states against the real ones.
use assay_evidence::{Evidence, Severity};
use assay_media::Source;

pub(super) fn check(source: &Source, evidence: &mut Evidence) {
    let (width, height) = source.coded_size();
    let Some(exif) = &source.metadata().exif else {
        if source.format() == "jpeg" {
            evidence.remark(
                Severity::Info,
                "There is no EXIF block. Cameras write one; messengers, platforms, screenshots and many programs leave it out, so its absence says little.",
            );
        }
        return;
    };
    if let Some((x, y)) = exif.pixel_size
        && x > 0
        && y > 0
        && (x, y) != (width, height)
    {
        let ratio = (f64::from(x) / f64::from(y)) / (f64::from(width) / f64::from(height));
        let what = if (x, y) == (height, width) {
            "turned by a program that did not update EXIF".to_owned()
        } else if (ratio - 1.0).abs() < 0.01 {
            format!("scaled by {:.2} after EXIF was written", f64::from(width) / f64::from(x))
        } else {
            "cropped, extended or scaled unevenly after EXIF was written".to_owned()
        };
        evidence.remark(
            Severity::Notice,
            format!("EXIF states {x} x {y} pixels, the picture has {width} x {height}: it was {what}. Platforms and simple viewers do this too."),
        );
    }
    if let Some(orientation) = exif.orientation {
        if !(1..=8).contains(&orientation) {
            evidence.remark(
                Severity::Notice,
                format!("The orientation tag is {orientation}; only 1 to 8 exist. Some programs write 0 for unknown."),
            );
        } else if orientation >= 5 && height > width && exif.make.is_some() {
            evidence.remark(
                Severity::Notice,
                format!(
                    "The orientation tag ({orientation}) asks for a quarter turn, but the stored picture already stands upright ({width} x {height}): a program \
                     turned or cropped it and kept the tag. Sensors are wider than high; square-ish crops in the camera are rare."
                ),
            );
        }
    }
    if let Some(position) = exif.position {
        evidence.remark(
            Severity::Info,
            format!(
                "EXIF holds a GPS position ({:.5}, {:.5}); compare it with what the picture shows.",
                position.latitude, position.longitude
            ),
        );
        if position.latitude.abs() > 90.0 || position.longitude.abs() > 180.0 {
            evidence.remark(
                Severity::Inconsistent,
                "The GPS position lies outside the globe: it was not written by a receiver.",
            );
        } else if position.latitude == 0.0 && position.longitude == 0.0 {
            evidence.remark(Severity::Notice, "The GPS position is 0, 0: a placeholder, or a receiver without a fix.");
        }
    }
}
