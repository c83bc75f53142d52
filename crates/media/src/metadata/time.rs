//! Dates in words, without a calendar library: container times are all seconds since an epoch, in
//! UTC.

/// `2024-05-17 09:30:00 UTC` for seconds since 1970 (proleptic Gregorian calendar, Howard Hinnant's
/// `civil_from_days`).
pub fn unix_text(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        assert_eq!(unix_text(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(unix_text(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(unix_text(1_715_938_200), "2024-05-17 09:30:00 UTC");
        assert_eq!(unix_text(-2_082_844_800), "1904-01-01 00:00:00 UTC");
        assert_eq!(unix_text(-1), "1969-12-31 23:59:59 UTC");
        assert!(!unix_text(i64::MAX / 2).is_empty());
    }
}
