//! Plots as plain SVG: messages along, a figure up, both logarithmic.

use std::fmt::Write as _;

/// One engine's points.
pub(super) struct Line {
    pub label: String,
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const FOOT: f64 = 40.0;
/// Room for the labels of the lines.
const RIGHT: f64 = 50.0;
/// Between two labels at least.
const LABEL: f64 = 14.0;
const COLOURS: [&str; 2] = ["#a3312f", "#1c5d99"];

/// Writes `tests/bench/plots/NAME.svg`.
pub(super) fn plot(name: &str, what: &str, lines: &[Line]) {
    let all: Vec<(f64, f64)> = lines
        .iter()
        .flat_map(|l| l.points.clone())
        .filter(|p| p.1 > 0.0)
        .collect();
    if all.len() < 2 {
        return;
    }
    let bounds = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let logs: Vec<f64> = all.iter().map(|p| of(p).log10()).collect();
        let low = logs.iter().copied().fold(f64::MAX, f64::min).floor();
        let high = logs.iter().copied().fold(f64::MIN, f64::max).ceil();
        (low, high.max(low + 1.0))
    };
    let (left, right) = bounds(&|p| p.0);
    let (low, high) = bounds(&|p| p.1);
    let x = |v: f64| LEFT + (v.log10() - left) / (right - left) * (WIDTH - LEFT - RIGHT);
    let y = |v: f64| HEIGHT - FOOT - (v.log10() - low) / (high - low) * (HEIGHT - FOOT - 40.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n<text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{what}</text>\n"
    );
    for power in low as i32..=high as i32 {
        let at = y(10f64.powi(power));
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            10f64.powi(power)
        );
    }
    for power in left as i32..=right as i32 {
        let at = x(10f64.powi(power));
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} 40V{}\" stroke=\"#ddd\"/><text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - FOOT,
            HEIGHT - FOOT + 18.0,
            10f64.powi(power)
        );
    }
    draw(&mut svg, lines, &x, &y);
    svg.push_str("</svg>\n");
    let dir = tests::root().join("tests/bench/plots");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(format!("{name}.svg")), svg).unwrap();
}

fn draw(svg: &mut String, lines: &[Line], x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) {
    for (line, colour) in lines.iter().zip(COLOURS) {
        let points: Vec<_> = line.points.iter().filter(|p| p.1 > 0.0).collect();
        let path: Vec<String> = points
            .iter()
            .map(|(n, v)| format!("{:.1},{:.1}", x(*n), y(*v)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (n, v) in &points {
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                x(*n),
                y(*v)
            );
        }
    }
    label(svg, lines, x, y);
}

/// The names behind the ends of the lines, the higher one first, none over another.
fn label(svg: &mut String, lines: &[Line], x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) {
    let mut ends: Vec<(f64, f64, &str, &str)> = lines
        .iter()
        .zip(COLOURS)
        .filter_map(|(line, colour)| {
            let (n, v) = line.points.iter().rfind(|p| p.1 > 0.0)?;
            Some((y(*v) + 4.0, x(*n) + 8.0, line.label.as_str(), colour))
        })
        .collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = f64::MIN;
    for (up, along, label, colour) in ends {
        let up = up.max(free);
        free = up + LABEL;
        let _ = writeln!(
            svg,
            "<text x=\"{along:.1}\" y=\"{up:.1}\" fill=\"{colour}\">{label}</text>"
        );
    }
}
