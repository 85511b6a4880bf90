//! What lies under the cards: edges, frames, from afar the cards as boxes; and the map of everything.

use editor::camera::{Camera, Detail};
use editor::geometry::{Point, Port, Rect, pt};
use editor::gesture::Overlay;
use editor::model::Section;
use editor::scene::{Scene, Track};
use editor::wires::{CORNER, Wire};
use leptos::prelude::*;
use rustc_hash::FxHashMap;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement};

use crate::graph::state::CardState;

/// Above so many cards there is no map.
const MAP_MAX: usize = 5000;
/// Half as thick as the frame of the view on the map, in its pixels, of which two are one of the page.
const FRAME: f64 = 2.0;

/// The colours, as the theme has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Ink {
    line: String,
    failed: String,
    accent: String,
    surface: String,
    canvas: String,
    text: String,
    border: String,
    running: String,
    success: String,
    attention: String,
    hold: String,
    idle: String,
}

impl Ink {
    /// Asks the page: canvases know nothing of style sheets.
    pub(super) fn of(host: &HtmlElement) -> Self {
        let probe = document()
            .create_element("i")
            .ok()
            .and_then(|made| made.dyn_into::<HtmlElement>().ok());
        let Some(probe) = probe else {
            return Self::default();
        };
        let _ = host.append_child(&probe);
        let colour = |name: &str| {
            let _ = probe.style().set_property("color", &format!("var(--{name})"));
            let style = window().get_computed_style(&probe).ok().flatten();
            style
                .and_then(|style| style.get_property_value("color").ok())
                .unwrap_or_default()
        };
        let ink = Self {
            line: colour("border-strong"),
            failed: colour("failed"),
            accent: colour("accent"),
            surface: colour("surface"),
            canvas: colour("canvas"),
            text: colour("text-2"),
            border: colour("border"),
            running: colour("running"),
            success: colour("success"),
            attention: colour("attention"),
            hold: colour("hold"),
            idle: colour("idle"),
        };
        probe.remove();
        ink
    }

    /// The colour of a state, by its key.
    fn of_state(&self, key: &str) -> &str {
        match key {
            "succeeded" => &self.success,
            "failed" | "timed_out" => &self.failed,
            "running" | "ready" => &self.running,
            "asking" | "waiting" => &self.hold,
            "retrying" => &self.attention,
            "cancelled" | "skipped" => &self.idle,
            _ => &self.line,
        }
    }
}

/// Paints on two canvases.
pub(super) struct Painter {
    under: HtmlCanvasElement,
    map: HtmlCanvasElement,
    pub(super) ink: Ink,
    size: (f64, f64),
    ratio: f64,
}

impl Painter {
    pub(super) fn new(under: &HtmlCanvasElement, map: &HtmlCanvasElement, ink: Ink) -> Self {
        Self {
            under: under.clone(),
            map: map.clone(),
            ink,
            size: (0.0, 0.0),
            ratio: 1.0,
        }
    }

    pub(super) fn resize(&mut self, size: (f64, f64)) {
        self.size = size;
        self.ratio = window().device_pixel_ratio().clamp(1.0, 3.0);
        self.under.set_width((size.0 * self.ratio) as u32);
        self.under.set_height((size.1 * self.ratio) as u32);
    }

    /// Paints everything that is no element. While cards `are_coming`, boxes stand for them.
    pub(super) fn paint(
        &self,
        scene: &Scene,
        (camera, detail): (Camera, Detail),
        overlay: &Overlay,
        are_coming: bool,
    ) {
        let Some(context) = context(&self.under) else {
            return;
        };
        let ratio = self.ratio;
        let _ = context.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0);
        context.clear_rect(0.0, 0.0, self.size.0, self.size.1);
        self.dots(&context, camera);
        let k = camera.k * ratio;
        let _ = context.set_transform(k, 0.0, 0.0, k, camera.x * ratio, camera.y * ratio);
        let view = camera.view(self.size);
        self.frames(&context, scene, detail);
        let is_quiet = overlay.targets.is_some();
        context.set_global_alpha(if is_quiet { 0.45 } else { 1.0 });
        for ix in scene.tracks_in(view) {
            if overlay.leaving != Some(ix) {
                self.track(&context, scene, ix, detail);
            }
        }
        context.set_global_alpha(1.0);
        if detail == Detail::Box || are_coming {
            self.boxes(&context, scene, view);
        }
        if detail == Detail::Full {
            for ix in scene.tracks_in(view) {
                self.label(&context, scene, &scene.tracks[ix]);
            }
        }
    }

    /// The grid: dots that thin out from afar.
    fn dots(&self, context: &CanvasRenderingContext2d, camera: Camera) {
        let mut step = 16.0 * camera.k;
        if step <= 0.0 {
            return;
        }
        while step < 14.0 {
            step *= 2.0;
        }
        context.set_fill_style_str(&self.ink.border);
        let side = (camera.k * 1.5).clamp(1.0, 2.0);
        let (left, top) = (camera.x.rem_euclid(step), camera.y.rem_euclid(step));
        let mut y = top - step;
        while y < self.size.1 {
            y += step;
            let mut x = left - step;
            while x < self.size.0 {
                x += step;
                context.fill_rect(x, y, side, side);
            }
        }
    }

    fn frames(&self, context: &CanvasRenderingContext2d, scene: &Scene, detail: Detail) {
        for frame in &scene.frames {
            let rect = frame.rect;
            context.set_stroke_style_str(&self.ink.line);
            context.set_line_width(1.0);
            dashes(context, &[4.0, 4.0]);
            context.stroke_rect(rect.x, rect.y, rect.w, rect.h);
            dashes(context, &[]);
            if detail != Detail::Box {
                context.set_fill_style_str(&self.ink.text);
                context.set_font("600 12px \"Hanken Grotesk\", system-ui, sans-serif");
                context.set_text_align("left");
                let title = match frame.section {
                    Section::Finally => "Finally: whatever happened",
                    _ => "On failure",
                };
                let _ = context.fill_text(title, rect.x + 16.0, rect.y + 24.0);
            }
        }
    }

    fn track(&self, context: &CanvasRenderingContext2d, scene: &Scene, ix: usize, detail: Detail) {
        let track = &scene.tracks[ix];
        let port = &scene.cards[track.from].ports[track.port];
        let is_failure = *port == Port::Failed;
        let colour = if is_failure {
            &self.ink.failed
        } else {
            &self.ink.line
        };
        context.set_stroke_style_str(colour);
        let is_always = *port == Port::Always;
        context.set_line_width(match (is_always, detail) {
            (true, Detail::Full) => 4.5,
            (true, _) => 3.0,
            (false, Detail::Full) => 1.5,
            (false, Detail::Title) => 2.0,
            (false, Detail::Box) => 4.0,
        });
        // Dashes are slow, and not seen from afar.
        let is_dashed = is_failure && detail == Detail::Full;
        dashes(context, if is_dashed { &[6.0, 4.0] } else { &[] });
        way(context, &track.wire);
        context.stroke();
        dashes(context, &[]);
        if is_always && detail == Detail::Full {
            context.set_stroke_style_str(&self.ink.canvas);
            context.set_line_width(1.8);
            way(context, &track.wire);
            context.stroke();
        }
        if detail != Detail::Box
            && let Some(end) = track.wire.end()
        {
            context.set_fill_style_str(colour);
            context.begin_path();
            context.move_to(end.x - 9.0, end.y - 4.5);
            context.line_to(end.x - 1.0, end.y);
            context.line_to(end.x - 9.0, end.y + 4.5);
            context.fill();
        }
    }

    fn label(&self, context: &CanvasRenderingContext2d, scene: &Scene, track: &Track) {
        let port = &scene.cards[track.from].ports[track.port];
        let Some(label) = port.label() else { return };
        let Some(at) = track.wire.label_place(matches!(port, Port::When { .. })) else {
            return;
        };
        let text: String = match label.char_indices().nth(25) {
            Some((cut, _)) => format!("{}…", &label[..cut]),
            None => label,
        };
        context.set_font("11px \"Hanken Grotesk\", system-ui, sans-serif");
        context.set_text_align("center");
        let width = context.measure_text(&text).map_or(60.0, |size| size.width()) + 14.0;
        let start = track.wire.start().unwrap_or_default();
        let x = at.x.max(start.x + 12.0 + width / 2.0);
        context.set_fill_style_str(&self.ink.surface);
        context.set_stroke_style_str(&self.ink.border);
        context.set_line_width(1.0);
        context.begin_path();
        let _ = context.round_rect_with_f64(x - width / 2.0, at.y - 9.0, width, 18.0, 9.0);
        context.fill();
        context.stroke();
        context.set_fill_style_str(&self.ink.text);
        let _ = context.fill_text(&text, x, at.y + 4.0);
    }

    fn boxes(&self, context: &CanvasRenderingContext2d, scene: &Scene, view: Rect) {
        context.set_fill_style_str(&self.ink.surface);
        context.set_stroke_style_str(&self.ink.line);
        context.set_line_width(4.0);
        for card in scene.cards_in(view) {
            let rect = scene.cards[card].rect;
            context.fill_rect(rect.x, rect.y, rect.w, rect.h);
            context.stroke_rect(rect.x, rect.y, rect.w, rect.h);
        }
    }

    /// The map: every card as a speck in the colour of what it does, groups around theirs, and the view as a frame.
    pub(super) fn map(
        &self,
        scene: &Scene,
        camera: Camera,
        stage: (f64, f64),
        states: &FxHashMap<String, CardState>,
    ) {
        let Some(context) = context(&self.map) else { return };
        let (w, h) = (f64::from(self.map.width()), f64::from(self.map.height()));
        context.clear_rect(0.0, 0.0, w, h);
        let Some(scale) = MapScale::of(scene, (w, h)).filter(|_| scene.cards.len() <= MAP_MAX) else {
            return;
        };
        for group in scene.groups.iter().filter(|group| !group.members.is_empty()) {
            let at = scale.to(group.rect.corner());
            let (w, h) = (group.rect.w * scale.k, group.rect.h * scale.k);
            context.set_line_width(1.0);
            context.set_stroke_style_str(&self.ink.line);
            context.stroke_rect(at.x, at.y, w, h);
            let members = group.members.iter();
            let keys = members.filter_map(|card| states.get(&scene.cards[*card].id));
            let shares = editor::standing::shares(keys.map(|state| state.key));
            if group.group.is_collapsed {
                let colour = shares
                    .first()
                    .map_or(&*self.ink.line, |share| self.ink.of_state(share.key));
                context.set_fill_style_str(colour);
                context.fill_rect(at.x, at.y, w.max(2.0), h.max(2.0));
            }
        }
        for card in scene.cards.iter().filter(|card| !card.is_hidden) {
            let at = scale.to(card.rect.corner());
            let state = states.get(&card.id).map_or("", |state| state.key);
            context.set_fill_style_str(self.ink.of_state(state));
            context.fill_rect(
                at.x,
                at.y,
                (card.rect.w * scale.k).max(2.0),
                (card.rect.h * scale.k).max(2.0),
            );
        }
        let view = camera.view(stage);
        let at = scale.to(view.corner());
        // All of the frame is on the map, however far one looks beyond what there is.
        let (left, top) = (at.x.clamp(FRAME, w - FRAME), at.y.clamp(FRAME, h - FRAME));
        let right = (at.x + view.w * scale.k).clamp(left, w - FRAME);
        let bottom = (at.y + view.h * scale.k).clamp(top, h - FRAME);
        context.set_stroke_style_str(&self.ink.accent);
        context.set_line_width(2.0 * FRAME);
        context.stroke_rect(left, top, right - left, bottom - top);
    }
}

/// How the canvas is shown on the map.
pub(super) struct MapScale {
    k: f64,
    origin: Point,
}

impl MapScale {
    pub(super) fn of(scene: &Scene, map: (f64, f64)) -> Option<Self> {
        let bounds = scene.bounds()?.grown(60.0);
        let k = (map.0 / bounds.w).min(map.1 / bounds.h);
        Some(Self {
            k,
            origin: pt(
                bounds.x - (map.0 / k - bounds.w) / 2.0,
                bounds.y - (map.1 / k - bounds.h) / 2.0,
            ),
        })
    }

    fn to(&self, at: Point) -> Point {
        pt((at.x - self.origin.x) * self.k, (at.y - self.origin.y) * self.k)
    }

    /// A point of the map on the canvas.
    pub(super) fn canvas(&self, at: Point) -> Point {
        pt(at.x / self.k + self.origin.x, at.y / self.k + self.origin.y)
    }
}

fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok().flatten()?.dyn_into().ok()
}

fn dashes(context: &CanvasRenderingContext2d, pattern: &[f64]) {
    let list: js_sys::Array = pattern
        .iter()
        .map(|length| wasm_bindgen::JsValue::from_f64(*length))
        .collect();
    // It takes any list of lengths.
    let _ = context.set_line_dash(&list);
}

/// Begins a path along a wire.
fn way(context: &CanvasRenderingContext2d, wire: &Wire) {
    context.begin_path();
    match wire {
        Wire::Curve([from, one, other, to]) => {
            context.move_to(from.x, from.y);
            context.bezier_curve_to(one.x, one.y, other.x, other.y, to.x, to.y);
        }
        Wire::Bent(points) => {
            let Some(first) = points.first() else { return };
            context.move_to(first.x, first.y);
            for corner in points.windows(3) {
                let [before, at, after] = [corner[0], corner[1], corner[2]];
                let room =
                    |one: Point, other: Point| (one.x - other.x).abs().max((one.y - other.y).abs()) / 2.0;
                let radius = CORNER.min(room(before, at)).min(room(at, after));
                // A radius is never negative, which is all it could refuse.
                let _ = context.arc_to(at.x, at.y, after.x, after.y, radius);
            }
            if let Some(last) = points.last() {
                context.line_to(last.x, last.y);
            }
        }
    }
}
