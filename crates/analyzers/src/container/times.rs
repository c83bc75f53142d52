//! Dates against each other.
//!
//! Times are compared as they are meant: camera clocks without a zone only with each other, zoned
//! ones as instants. A clock that is merely wrong is wrong in all fields alike; only disagreement
//! inside the file is remarked.
use assay_evidence::{Evidence, Severity};
use assay_media::Source;

/// A date with the zone it was given in, if any.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment {
    /// Seconds since 1970 as the clock showed.
    clock: i64,
    /// Seconds east of UTC.
    offset: Option<i64>,
}

impl Moment {
    fn utc(self) -> Option<i64> {
        self.offset.map(|o| self.clock - o)
    }
}

/// Days since 1970 of a date in the proleptic Gregorian calendar (Howard Hinnant's
/// `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Reads `YYYY:MM:DD HH:MM:SS` of EXIF and `YYYY-MM-DDTHH:MM:SS.sss+hh:mm` of ISO 8601.
fn moment(text: &str, zone: Option<&str>) -> Option<Moment> {
    let mut numbers: Vec<i64> = Vec::with_capacity(6);
    let mut rest = text.trim();
    while numbers.len() < 6 {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).take(4).count();
        numbers.push(rest.get(..digits)?.parse().ok()?);
        rest = rest.get(digits..)?;
        if numbers.len() < 6 {
            rest = rest.strip_prefix([':', '-', 'T', ' '])?;
        }
    }
    let [year, month, day, hour, minute, second] = numbers[..] else { return None };
    let valid =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 25 && minute < 60 && second < 61 && year > 0;
    let rest = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let stated = if rest.is_empty() { zone.unwrap_or("") } else { rest };
    valid.then(|| Moment {
        clock: days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second,
        offset: offset(stated.trim()),
    })
}

fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "UTC") {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 = digits.get(2..4).unwrap_or("0").parse().ok()?;
    Some(sign * (hours * 3600 + minutes * 60))
}

/// A span in words.
fn span(seconds: i64) -> String {
    match seconds.abs() {
        s if s < 120 => format!("{s} seconds"),
        s if s < 7_200 => format!("{} minutes", s / 60),
        s if s < 172_800 => format!("{} hours", s / 3600),
        s if s < 63_072_000 => format!("{} days", s / 86_400),
        s => format!("{:.1} years", s as f64 / 31_556_952.0),
    }
}

pub(super) fn check(source: &Source, evidence: &mut Evidence) {
    still(source, evidence);
    movie(source, evidence);
}

fn still(source: &Source, evidence: &mut Evidence) {
    let metadata = source.metadata();
    let Some(exif) = &metadata.exif else { return };
    let read = |text: &Option<String>, zone: &Option<String>| text.as_deref().and_then(|t| moment(t, zone.as_deref()));
    for (name, text) in [
        ("DateTime", &exif.date_time),
        ("DateTimeOriginal", &exif.date_time_original),
        ("DateTimeDigitized", &exif.date_time_digitized),
    ] {
        if let Some(text) = text
            && moment(text, None).is_none()
        {
            evidence.remark(
                Severity::Notice,
                format!("EXIF {name} is {}, which is no date: a camera whose clock was never set writes blanks or zeros, and so do some programs.", super::quoted(text)),
            );
        }
    }
    let changed = read(&exif.date_time, &exif.offset_time);
    let taken = read(&exif.date_time_original, &exif.offset_time_original);
    let digitised = read(&exif.date_time_digitized, &exif.offset_time_digitized);
    if let (Some(taken), Some(digitised)) = (taken, digitised)
        && (taken.clock - digitised.clock).abs() > 2
    {
        evidence.remark(
            Severity::Notice,
            format!(
                "EXIF gives different times for taking and digitising the picture, {} apart. A camera does both at once; scanned film and corrected dates differ.",
                span(taken.clock - digitised.clock)
            ),
        );
    }
    if let (Some(taken), Some(changed)) = (taken, changed) {
        let later = changed.clock - taken.clock;
        if later < -2 {
            evidence.remark(
                Severity::Inconsistent,
                format!(
                    "By EXIF the file was last changed {} before the picture was taken. One of the dates was edited, or clocks of different time zones wrote them.",
                    span(later)
                ),
            );
        } else if later > 5 {
            evidence.remark(
                Severity::Notice,
                format!("By EXIF the file was changed {} after the picture was taken: a program saved it again. Turning or tagging it is enough.", span(later)),
            );
        }
    }
    let gps = exif.gps_date_time.as_deref().and_then(|t| moment(t, Some("Z")));
    if let (Some(gps), Some(taken)) = (gps, taken) {
        let apart = match taken.utc() {
            Some(utc) => utc - gps.clock,
            // Without a zone only the part of a quarter of an hour that no zone explains can be
            // judged, and more than any zone allows.
            None if (taken.clock - gps.clock).abs() > 15 * 3600 => taken.clock - gps.clock,
            None => (taken.clock - gps.clock + 450).rem_euclid(900) - 450,
        };
        if apart.abs() > 86_400 {
            evidence.remark(
                Severity::Inconsistent,
                format!("The GPS time and the time of taking are {} apart, more than any time zone: one of them was changed, or the camera's clock was wrong.", span(apart)),
            );
        } else if apart.abs() > 300 {
            evidence.remark(
                Severity::Notice,
                format!("The GPS time and the time of taking are {} apart. Receivers keep the time of an old fix, and camera clocks drift.", span(apart)),
            );
        }
    }
    let xmp = metadata.xmp.as_ref();
    let of_xmp = |text: Option<&String>| text.and_then(|t| moment(t, None));
    let created = of_xmp(xmp.and_then(|x| x.create_date.as_ref()));
    let modified = of_xmp(xmp.and_then(|x| x.modify_date.as_ref()));
    if let (Some(created), Some(taken)) = (created, taken.or(digitised))
        && (created.clock - taken.clock).abs() > 2
        && created.utc().zip(taken.utc()).is_none_or(|(a, b)| (a - b).abs() > 2)
    {
        evidence.remark(
            Severity::Notice,
            format!(
                "The XMP creation date and the EXIF time of taking are {} apart; a program wrote one of them anew.",
                span(created.clock - taken.clock)
            ),
        );
    }
    if let (Some(created), Some(modified)) = (created, modified)
        && created.utc().zip(modified.utc()).map_or(modified.clock - created.clock, |(a, b)| b - a) < -2
    {
        evidence.remark(Severity::Inconsistent, "By XMP the file was changed before it was created.");
    }
}

fn movie(source: &Source, evidence: &mut Evidence) {
    let Some(boxes) = source.boxes() else { return };
    let Some(movie) = &boxes.movie else { return };
    let pairs = std::iter::once(("movie", movie.creation_unix, movie.modification_unix))
        .chain(boxes.tracks.iter().map(|t| ("track", t.creation_unix, t.modification_unix)));
    for (what, created, changed) in pairs {
        if let (Some(created), Some(changed)) = (created, changed)
            && changed < created - 1
        {
            evidence.remark(
                Severity::Inconsistent,
                format!(
                    "The {what} header says that it was changed {} before it was created.",
                    span(changed - created)
                ),
            );
        }
    }
    match movie.creation_unix {
        None => evidence.remark(
            Severity::Info,
            "The movie header has no creation time. Cameras and telephones write one; FFmpeg and most platforms do not, so the file is probably not a device's own.",
        ),
        Some(created) => {
            let furthest = boxes.tracks.iter().filter_map(|t| t.creation_unix).map(|t| t - created).max_by_key(|d| d.abs()).unwrap_or(0);
            if furthest.abs() > 120 {
                evidence.remark(
                    Severity::Notice,
                    format!("A track was created {} apart from the movie: it was taken over from another file, or the recording was long.", span(furthest)),
                );
            }
            let stated = boxes.tag("com.apple.quicktime.creationdate").and_then(|t| moment(t, None)).and_then(Moment::utc);
            if let Some(stated) = stated
                && (stated - created).abs() > 120
            {
                evidence.remark(
                    Severity::Notice,
                    format!(
                        "The creation date in the metadata and that of the movie header are {} apart: the recording was exported or trimmed later, by the telephone itself perhaps.",
                        span(stated - created)
                    ),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_exif_and_of_iso_8601() {
        let read = |text: &str, zone: Option<&str>| moment(text, zone).map(|m| (m.clock, m.offset));
        assert_eq!(read("1970:01:02 00:00:01", None), Some((86_401, None)));
        assert_eq!(read("2024:05:17 09:30:00", Some("+02:00")), Some((1_715_938_200, Some(7200))));
        assert_eq!(read("2024-05-17T09:30:00.25-0530", None), Some((1_715_938_200, Some(-19_800))));
        assert_eq!(read("2024-05-17T09:30:00Z", None), Some((1_715_938_200, Some(0))));
        assert_eq!(read("2000-02-29T00:00:00", None), Some((951_782_400, None)));
        for bad in [
            "0000:00:00 00:00:00",
            "    :  :     :  :  ",
            "2024:13:01 00:00:00",
            "",
            "2024",
            "é:é",
            "+",
            "2024:05:17 09:30",
        ] {
            assert_eq!(read(bad, None), None, "{bad}");
        }
        assert_eq!(offset("+"), None);
        assert_eq!(offset("+é"), None);
    }
}
