//! Beginnings of chains, and at each place only those that no other makes superfluous.

use super::measure::Score;

/// A beginning of a chain: up to some stage, and how it came there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label {
    pub(super) score: Score,
    /// The node of its last stage.
    pub(super) node: usize,
    /// Layers done behind it.
    pub(super) done: usize,
    /// The label before that stage; `None` where it is the first.
    pub(super) before: Option<usize>,
}

/// All labels, and those that count at each place.
#[derive(Debug)]
pub(super) struct Labels {
    measures: usize,
    layers: usize,
    all: Vec<Label>,
    /// By node and layers done.
    places: Vec<Vec<usize>>,
}

/// Scores on their way into a stage, each with the label that it comes from.
pub(super) type Arrivals = Vec<(Score, usize)>;

impl Labels {
    pub(super) fn new(nodes: usize, layers: usize, measures: usize) -> Self {
        let places = vec![Vec::new(); nodes * (layers + 1)];
        Self { measures, layers, all: Vec::new(), places }
    }

    pub(super) fn label(&self, at: usize) -> &Label {
        &self.all[at]
    }

    /// The labels that count behind a stage on `node`.
    pub(super) fn at(&self, node: usize, done: usize) -> impl Iterator<Item = (usize, &Label)> {
        let place = &self.places[node * (self.layers + 1) + done];
        place.iter().map(|at| (*at, &self.all[*at]))
    }

    /// Adds a label, unless another is no worse; those that it is no worse than go.
    pub(super) fn add(&mut self, label: Label) {
        let (all, measures) = (&self.all, self.measures);
        let place = &mut self.places[label.node * (self.layers + 1) + label.done];
        if place.iter().any(|at| all[*at].score.dominates(&label.score, measures)) {
            return;
        }
        place.retain(|at| !label.score.dominates(&all[*at].score, measures));
        place.push(all.len());
        self.all.push(label);
    }
}

/// The same for scores on their way.
pub(super) fn arrive(arrivals: &mut Arrivals, score: Score, before: usize, measures: usize) {
    if arrivals.iter().any(|(other, _)| other.dominates(&score, measures)) {
        return;
    }
    arrivals.retain(|(other, _)| !score.dominates(other, measures));
    arrivals.push((score, before));
}
