//! A QR code as SVG inside the page: no image is fetched, no script draws it.

use maud::{Markup, html};
use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write as _;

/// Modules of white around it, which cameras want (ISO/IEC 18004 has four).
const MARGIN: usize = 4;

/// The code, with what it is for people who do not see it; nothing where the text is too long for one.
pub(crate) fn code(text: &str, what: &str) -> Markup {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else {
        return html! {};
    };
    let width = code.width();
    let side = width + 2 * MARGIN;
    let mut dark = String::new();
    for (n, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (n % width + MARGIN, n / width + MARGIN);
            // Writing to a string does not fail.
            let _ = write!(dark, "M{x} {y}h1v1h-1z");
        }
    }
    html! {
        svg.qr viewBox=(format!("0 0 {side} {side}")) role="img" aria-label=(what) shape-rendering="crispEdges" {
            rect width=(side) height=(side) fill="#fff" {}
            path d=(dark) fill="#000" {}
        }
    }
}
