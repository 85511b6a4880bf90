//! Places in a text as browsers count them: in units of UTF-16.

/// The byte at so many UTF-16 units; in the middle of a character, that character's first byte, and behind the text its end.
#[must_use]
pub fn byte(text: &str, units: usize) -> usize {
    let mut left = units;
    for (at, c) in text.char_indices() {
        if left < c.len_utf16() {
            return at;
        }
        left -= c.len_utf16();
    }
    text.len()
}

/// The UTF-16 units before a byte.
#[must_use]
pub fn units(text: &str, byte: usize) -> usize {
    text.char_indices()
        .take_while(|(at, _)| *at < byte)
        .map(|(_, c)| c.len_utf16())
        .sum()
}

/// The number of the line in which a byte stands, from 0.
#[must_use]
pub fn line(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}

/// The byte at which a line begins, counted from 0; the end of the text if there are not so many.
#[must_use]
pub fn line_start(text: &str, line: usize) -> usize {
    let mut breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    match line.checked_sub(1) {
        None => 0,
        Some(before) => breaks.nth(before).map_or(text.len(), |(at, _)| at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_count_otherwise() {
        let text = "aü\n😀z";
        let bytes: Vec<usize> = (0..8).map(|units| byte(text, units)).collect();
        assert_eq!(bytes, [0, 1, 3, 4, 4, 8, 9, 9]);
        let back: Vec<usize> = [0, 1, 3, 4, 8, 9].map(|byte| units(text, byte)).to_vec();
        assert_eq!(back, [0, 1, 2, 3, 5, 6]);
        assert_eq!([0, 3, 4, 9].map(|at| line(text, at)), [0, 0, 1, 1]);
        assert_eq!([0, 1, 2].map(|at| line_start(text, at)), [0, 4, 9]);
    }
}
