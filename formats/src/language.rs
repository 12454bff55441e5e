//! RFC 9110 §12.5.4 Accept-Language: Vietnamese unless English is liked better.

/// Ranges looked at in one Accept-Language field.
const RANGES_MAX: usize = 32;

/// The two languages of the house.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// The default.
    #[default]
    Vietnamese,
    /// Where it is liked better.
    English,
}

impl Language {
    /// What the client likes best, by the value of the field (empty where there is none); the first of equals.
    pub fn of(field: &str) -> Self {
        let mut best = (Self::Vietnamese, 0);
        for range in field.split(',').take(RANGES_MAX) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts
                .find_map(|p| p.strip_prefix("q="))
                .map_or(1000, per_mille);
            let language = match tag.split('-').next() {
                Some("vi") => Self::Vietnamese,
                Some("en") => Self::English,
                _ => continue,
            };
            if weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }

    /// RFC 5646 §2.1.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }
}

/// RFC 9110 §12.4.2: `0.8` as 800; what cannot be read counts as nothing.
fn per_mille(weight: &str) -> u32 {
    match weight.trim().parse::<f32>() {
        Ok(q) if (0.0..=1.0).contains(&q) => (q * 1000.0) as u32,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(field: &str, expected: Language) {
        assert_eq!(Language::of(field), expected, "{field}");
    }

    #[test]
    fn the_best_liked_language_wins_and_vietnamese_is_the_default() {
        check("", Language::Vietnamese);
        check("en", Language::English);
        check("EN-us,en;q=0.5", Language::English);
        check("vi,en", Language::Vietnamese);
        check("en;q=0.3, vi;q=0.9", Language::Vietnamese);
        check("fr, en;q=0.2", Language::English);
        check("en;q=0", Language::Vietnamese);
        check("en;q=7", Language::Vietnamese);
        check("fr", Language::Vietnamese);
        check(";;,,q=", Language::Vietnamese);
    }
}
