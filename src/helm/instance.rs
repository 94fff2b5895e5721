//! A chart in a release: with a name there, and with the subcharts that are on.

use std::sync::Arc;

use super::chart::{Chart, Dependency};
use crate::yaml::Node;

/// A chart as a part of a release.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    /// The chart.
    pub(crate) chart: Arc<Chart>,
    /// Its name or alias, the key of its values in those of its parent.
    pub(crate) name: Arc<str>,
    /// Its defaults, with what it imports from its subcharts.
    pub(crate) values: Node,
    /// The entries of `dependencies` that are switched on.
    pub(crate) dependencies: Vec<Dependency>,
    /// The subcharts that are switched on.
    pub(crate) subcharts: Vec<Instance>,
}

impl Instance {
    /// A chart with all of its subcharts. `more` are charts that lie elsewhere in the tree.
    pub(super) fn whole(chart: &Arc<Chart>, more: &[Arc<Chart>]) -> Instance {
        let charts = chart.charts.iter().chain(more);
        Instance {
            name: chart.metadata.name().into(),
            values: chart.values.clone(),
            dependencies: chart.metadata.dependencies.clone(),
            subcharts: charts.map(|below| Instance::whole(below, &[])).collect(),
            chart: chart.clone(),
        }
    }

    /// Itself and all charts below it, parents first.
    pub(crate) fn each(&self, see: &mut dyn FnMut(&Instance)) {
        see(self);
        self.subcharts.iter().for_each(|below| below.each(see));
    }
}
