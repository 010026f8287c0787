//! The front of time and cost, as a table and as a picture.

use partitioner::Choice;
use plotters::backend::SVGBackend;
use plotters::chart::ChartBuilder;
use plotters::drawing::IntoDrawingArea as _;
use plotters::element::{Circle, PathElement, Text};
use plotters::style::{BLACK, BLUE, Color as _, IntoFont as _, WHITE};
use std::io;
use std::path::Path;

/// Pixels.
const SIZE: (u32, u32) = (900, 520);

/// What the front is drawn against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Against {
    Money,
    Energy,
    CloudPasses,
}

/// Writes `front` to `path`: a picture where its name ends in `.svg`, a table where it ends in `.csv`.
///
/// # Errors
///
/// Where the file cannot be written, or its name ends otherwise.
pub(super) fn write(path: &Path, front: &[Choice]) -> anyhow::Result<()> {
    let text = match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => svg(front)?,
        Some("csv") => csv(front)?,
        Some(_) | None => anyhow::bail!("--pareto writes a .svg or a .csv, not {}", path.display()),
    };
    std::fs::write(path, text)
        .map_err(|error| anyhow::anyhow!("cannot write {}: {error}", path.display()))
}

fn csv(front: &[Choice]) -> anyhow::Result<String> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "plan",
        "reply_ms",
        "ttft_ms",
        "itl_ms",
        "money",
        "device_energy_j",
        "metered_bytes",
        "cloud_passes",
    ])?;
    for Choice { candidate, prediction, .. } in front {
        let figures = [
            prediction.reply_ms,
            prediction.ttft_ms,
            prediction.itl_ms,
            prediction.money,
            prediction.device_energy_j,
            prediction.metered_bytes,
            prediction.cloud_passes,
        ];
        let figures = figures.iter().map(ToString::to_string);
        table.write_record(std::iter::once(candidate.to_string()).chain(figures))?;
    }
    let bytes = table.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(String::from_utf8(bytes)?)
}

fn svg(front: &[Choice]) -> anyhow::Result<String> {
    let against = Against::of(front);
    let at = |choice: &Choice| (choice.prediction.reply_ms / 1e3, against.figure(choice));
    let points: Vec<(f64, f64)> = front.iter().map(at).collect();
    let most = |figures: &mut dyn Iterator<Item = f64>| figures.fold(0.0, f64::max).max(1e-9);
    let (wide, high) =
        (most(&mut points.iter().map(|at| at.0)), most(&mut points.iter().map(|at| at.1)));
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(16)
            .x_label_area_size(40)
            .y_label_area_size(80)
            .build_cartesian_2d(0.0..wide * 1.5, 0.0..high * 1.1)?;
        let mut mesh = chart.configure_mesh();
        mesh.x_desc("seconds for the reply").y_desc(against.words()).draw()?;
        chart.draw_series([PathElement::new(points.clone(), BLUE)])?;
        chart.draw_series(points.iter().map(|at| Circle::new(*at, 4, BLUE.filled())))?;
        let font = ("sans-serif", 12).into_font().color(&BLACK);
        chart.draw_series(front.iter().zip(&points).map(|(choice, (x, y))| {
            let beside = (x + wide * 0.01, y + high * 0.02);
            Text::new(choice.candidate.to_string(), beside, font.clone())
        }))?;
        area.present()?;
    }
    Ok(text)
}

impl Against {
    /// The first of them that anything costs.
    fn of(front: &[Choice]) -> Self {
        let costs = |against: &Self| front.iter().any(|choice| against.figure(choice) > 0.0);
        [Self::Money, Self::Energy].into_iter().find(costs).unwrap_or(Self::CloudPasses)
    }

    const fn figure(self, choice: &Choice) -> f64 {
        match self {
            Self::Money => choice.prediction.money,
            Self::Energy => choice.prediction.device_energy_j,
            Self::CloudPasses => choice.prediction.cloud_passes,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Money => "money for the reply",
            Self::Energy => "joules at the device",
            Self::CloudPasses => "passes of clouds",
        }
    }
}
