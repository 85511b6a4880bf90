//! "Did you mean …?": the known name nearest to a misspelt one.

use std::cell::Cell;

/// Comparisons one validation may spend on suggestions: they are a courtesy, not worth seconds.
const COMPARISONS_MAX: u32 = 200_000;

/// Finds near names within a budget.
#[derive(Debug)]
pub(crate) struct Suggester {
    left: Cell<u32>,
}

impl Default for Suggester {
    fn default() -> Self {
        Self {
            left: Cell::new(COMPARISONS_MAX),
        }
    }
}

impl Suggester {
    /// The known name nearest to `name`, if one is near enough to be meant.
    pub(crate) fn nearest<'k>(
        &self,
        name: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Option<&'k str> {
        let length = name.chars().count();
        if length > 64 {
            return None;
        }
        let far = (length / 3).max(1);
        let mut best: Option<(usize, &str)> = None;
        for candidate in known {
            let left = self.left.get().checked_sub(1)?;
            self.left.set(left);
            if candidate.len() > 4 * 64 || candidate.chars().count().abs_diff(length) > far {
                continue;
            }
            let distance = strsim::osa_distance(&name.to_lowercase(), &candidate.to_lowercase());
            if distance <= far
                && distance < length
                && candidate != name
                && best.is_none_or(|(nearest, _)| distance < nearest)
            {
                best = Some((distance, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }

    /// ` (did you mean …?)` as the tail of a sentence's first half, or nothing.
    pub(crate) fn did_you_mean<'k>(&self, name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
        self.nearest(name, known)
            .map(|near| format!(" (did you mean `{near}`?)"))
            .unwrap_or_default()
    }
}
