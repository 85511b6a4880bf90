//! Patches: pieces of a text that are replaced. A list of them is sorted, its patches do not overlap, and all say bytes of the same
//! text.

use crate::change::Patch;

impl Patch {
    /// Puts `text` in the place of the bytes from `start` to `end`.
    #[must_use]
    pub fn new(start: usize, end: usize, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { start, end, text }
    }

    /// Puts `text` at `at`.
    #[must_use]
    pub fn insert(at: usize, text: impl Into<String>) -> Self {
        Self::new(at, at, text)
    }

    /// Takes the bytes from `start` to `end` out.
    #[must_use]
    pub fn cut(start: usize, end: usize) -> Self {
        Self::new(start, end, "")
    }
}

/// Whether patches fit a text.
///
/// # Errors
/// What does not fit, as a sentence.
pub fn check(text: &str, patches: &[Patch]) -> Result<(), String> {
    let mut from = 0;
    for patch in patches {
        if patch.start > patch.end || patch.start < from {
            return Err(format!(
                "the pieces to replace are not in order at byte {}",
                patch.start
            ));
        }
        for at in [patch.start, patch.end] {
            if !text.is_char_boundary(at) {
                return Err(format!(
                    "byte {at} is not between two characters of the text, which has {} bytes",
                    text.len()
                ));
            }
        }
        from = patch.end;
    }
    Ok(())
}

/// The text with the patches applied; those that do not fit are left out.
#[must_use]
pub fn apply(text: &str, patches: &[Patch]) -> String {
    let grown: usize = patches.iter().map(|patch| patch.text.len()).sum();
    let mut patched = String::with_capacity(text.len() + grown);
    let mut at = 0;
    for patch in patches {
        let Some(kept) = text.get(at..patch.start) else {
            continue;
        };
        if !text.is_char_boundary(patch.end) {
            continue;
        }
        patched.push_str(kept);
        patched.push_str(&patch.text);
        at = patch.end;
    }
    patched.push_str(text.get(at..).unwrap_or_default());
    patched
}

/// The patches of the changed text that give the text back.
#[must_use]
pub fn invert(text: &str, patches: &[Patch]) -> Vec<Patch> {
    let (mut taken, mut put) = (0, 0);
    patches
        .iter()
        .map(|patch| {
            let start = patch.start - taken + put;
            let inverse = Patch::new(
                start,
                start + patch.text.len(),
                text.get(patch.start..patch.end).unwrap_or_default(),
            );
            taken += patch.end - patch.start;
            put += patch.text.len();
            inverse
        })
        .collect()
}

/// Two lists of patches as one: `second` says bytes of the text that `first` makes.
#[must_use]
pub fn compose(first: &[Patch], second: &[Patch]) -> Vec<Patch> {
    let mut composed = Vec::with_capacity(first.len() + second.len());
    let (mut ones, mut twos) = (first.iter().peekable(), second.iter().peekable());
    // How far the text between is from the old text: bytes put and taken by the patches of `first` so far.
    let (mut put, mut taken) = (0, 0);
    loop {
        let one = ones.peek().map(|one| one.start + put - taken);
        let two = twos.peek().map(|two| two.start);
        let Some(begin) = one.into_iter().chain(two).min() else {
            break;
        };
        // Patches that touch are one: each may stand in what the other has put there.
        let old_start = begin + taken - put;
        let mut end = begin;
        let mut pieces: (Vec<(usize, &Patch)>, Vec<&Patch>) = Default::default();
        loop {
            if let Some(one) = ones.peek().filter(|one| one.start + put - taken <= end) {
                let start = one.start + put - taken;
                end = end.max(start + one.text.len());
                put += one.text.len();
                taken += one.end - one.start;
                pieces.0.push((start, one));
                ones.next();
            } else if let Some(two) = twos.peek().filter(|two| two.start <= end) {
                end = end.max(two.end);
                pieces.1.push(two);
                twos.next();
            } else {
                break;
            }
        }
        composed.push(Patch::new(
            old_start,
            end + taken - put,
            joined(begin, &pieces.0, &pieces.1),
        ));
    }
    composed.retain(|patch| patch.start != patch.end || !patch.text.is_empty());
    composed
}

/// What stands in the end where patches touch: what `second` puts, and of what `first` put the bytes that are left.
fn joined(begin: usize, first: &[(usize, &Patch)], second: &[&Patch]) -> String {
    let mut text = String::new();
    let mut at = begin;
    let keep = |from: usize, to: usize, text: &mut String| {
        for (start, one) in first {
            let (from, to) = (from.max(*start), to.min(start + one.text.len()));
            if from < to {
                text.push_str(one.text.get(from - start..to - start).unwrap_or_default());
            }
        }
    };
    for two in second {
        keep(at, two.start, &mut text);
        text.push_str(&two.text);
        at = two.end;
    }
    keep(at, usize::MAX, &mut text);
    text
}

/// Where a byte of the old text stands in the new one; inside a replaced piece, behind what replaces it.
#[must_use]
pub fn follow(patches: &[Patch], at: usize) -> usize {
    let (mut put, mut taken) = (0, 0);
    for patch in patches {
        if patch.start > at || (patch.start == at && patch.end > at) {
            break;
        }
        if patch.end > at {
            return patch.start + put - taken + patch.text.len();
        }
        put += patch.text.len();
        taken += patch.end - patch.start;
    }
    at + put - taken
}

/// The patch between two texts, the smallest there is if one is enough.
#[must_use]
pub fn between(old: &str, new: &str) -> Vec<Patch> {
    if old == new {
        return Vec::new();
    }
    let head = old
        .char_indices()
        .zip(new.chars())
        .find(|((_, a), b)| a != b)
        .map_or_else(|| old.len().min(new.len()), |((at, _), _)| at);
    let tail: usize = old[head..]
        .chars()
        .rev()
        .zip(new[head..].chars().rev())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum();
    vec![Patch::new(head, old.len() - tail, &new[head..new.len() - tail])]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text, and patches that fit it, drawn from numbers.
    fn patches(text: &str, numbers: &[(usize, usize, String)]) -> Vec<Patch> {
        let boundaries: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
        let mut from = 0;
        let mut drawn = Vec::new();
        for (skip, length, put) in numbers {
            let start = from + skip;
            let end = start + length;
            if end >= boundaries.len() {
                break;
            }
            drawn.push(Patch::new(boundaries[start], boundaries[end], put.as_str()));
            from = end;
        }
        drawn
    }

    fn numbers() -> impl Strategy<Value = Vec<(usize, usize, String)>> {
        prop::collection::vec((0_usize..6, 0_usize..6, "[xyü]{0,3}"), 0..6)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn patches_are_undone_and_composed(text in "[abcdefß\n]{0,40}", one in numbers(), two in numbers()) {
            let first = patches(&text, &one);
            prop_assert_eq!(check(&text, &first), Ok(()));
            let between = apply(&text, &first);
            prop_assert_eq!(apply(&between, &invert(&text, &first)), &*text);
            let second = patches(&between, &two);
            let last = apply(&between, &second);
            let composed = compose(&first, &second);
            prop_assert_eq!(check(&text, &composed), Ok(()));
            prop_assert_eq!(apply(&text, &composed), last);
        }

        #[test]
        fn a_patch_leads_from_one_text_to_another(old in "[abß]{0,12}", new in "[abß]{0,12}") {
            let patches = between(&old, &new);
            prop_assert_eq!(check(&old, &patches), Ok(()));
            prop_assert_eq!(apply(&old, &patches), new);
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let told = |patches: &[Patch]| check("aü", patches).expect_err("it does not fit");
        let outside = told(&[Patch::cut(0, 9)]);
        let inside = told(&[Patch::insert(2, "x")]);
        let order = told(&[Patch::cut(1, 3), Patch::cut(0, 1)]);
        expect_test::expect![[r#"
            byte 9 is not between two characters of the text, which has 3 bytes
            byte 2 is not between two characters of the text, which has 3 bytes
            the pieces to replace are not in order at byte 0"#]]
        .assert_eq(&[outside, inside, order].join("\n"));
    }
}
