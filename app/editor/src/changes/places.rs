//! Where boxes stand.

use flow::layout::Point;
use serde_json::{Number, Value};

use super::{path, section_of};
use crate::refusal::Refusal;
use crate::text::draft::Draft;

/// A coordinate as people write it: whole where it is whole.
pub(crate) fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and within what is exact")]
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or_else(|| Value::from(0), Value::Number)
}

pub(super) fn move_to(draft: &mut Draft, moves: &[(String, Option<Point>)]) -> Result<(), Refusal> {
    let (mut there, mut new) = (Vec::new(), Vec::new());
    for (task, point) in moves {
        section_of(draft, task)?;
        let place = path(&["layout", task]);
        match (point, draft.get(&place)) {
            (Some(point), Some(Value::Array(old))) if old.len() == 2 => {
                for (at, value) in [("0", point.x), ("1", point.y)] {
                    there.push((path(&["layout", task, at]), number(value)));
                }
            }
            (Some(point), _) => new.push((task.clone(), Value::from(vec![number(point.x), number(point.y)]))),
            (None, Some(_)) => draft.prune(&place, 1)?,
            (None, None) => {}
        }
    }
    if !there.is_empty() {
        draft.set_all(&there)?;
    }
    let layout = path(&["layout"]);
    let (others, fresh): (Vec<_>, Vec<_>) = new
        .into_iter()
        .partition(|(task, _)| draft.get(&path(&["layout", task])).is_some());
    for (task, place) in others {
        draft.set(&path(&["layout", &task]), &place)?;
    }
    if fresh.is_empty() {
        return Ok(());
    }
    match draft.get(&layout) {
        Some(Value::Object(places)) => {
            let at = places.len();
            draft.insert(&layout, at, &fresh)
        }
        Some(Value::Null) => draft.insert(&layout, 0, &fresh),
        _ => draft.set(&layout, &Value::Object(fresh.into_iter().collect())),
    }
}
