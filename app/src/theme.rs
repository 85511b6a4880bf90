//! Light, dark or as the system has it: a cookie, so that the first byte already has the right colours.

/// What the reader chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// All, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::Light, Self::Dark, Self::System];

    /// The cookie's value.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme with this key; anything else is the system's.
    #[must_use]
    pub fn from_key(key: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|theme| theme.key() == key)
            .unwrap_or_default()
    }

    /// The theme in a `Cookie` header.
    #[must_use]
    pub fn from_cookies(header: &str) -> Self {
        header
            .split(';')
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(name, _)| *name == "theme")
            .map_or_else(Self::default, |(_, key)| Self::from_key(key.trim_matches('"')))
    }

    /// The `Set-Cookie` value that keeps it for a year.
    #[must_use]
    pub fn cookie(self) -> String {
        format!("theme={}; Path=/; Max-Age=31536000; SameSite=Lax", self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_read() {
        let cases = [
            ("theme=dark", Theme::Dark),
            ("a=b; theme=light;c", Theme::Light),
            ("mytheme=dark", Theme::System),
            ("theme=\"dark\"", Theme::Dark),
            ("theme=<script>", Theme::System),
            ("", Theme::System),
        ];
        for (header, expected) in cases {
            assert_eq!(Theme::from_cookies(header), expected, "{header}");
        }
        for theme in Theme::ALL {
            assert_eq!(
                Theme::from_cookies(theme.cookie().split(';').next().unwrap_or_default()),
                theme
            );
        }
    }
}
