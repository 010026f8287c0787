//! KV of the target's layers here that outlives the process: what a request computed or was brought is there
//! for the next one with the same beginning, also after a restart.

use crate::compute::compute;
use crate::device::Device;
use crate::segments::Brought;
use base::TokenId;
use partitioner::Plan;
use runtime::SegmentFormat;

impl Device {
    /// Takes out of the store what the layers that `plan` gives the device lack of `text`.
    pub(crate) fn recall(&mut self, plan: &Plan, text: &[TokenId]) {
        let Some(store) = self.store.clone() else { return };
        let Some(sequence) = self.own_layers(plan) else { return };
        let lacking = sequence.lacking(text, SegmentFormat::Exact).into_iter();
        compute(|| {
            for (_, segment) in lacking {
                let Some(bytes) = store.get(segment.key()) else { return };
                sequence.take_all(&[Brought { segment, bytes }]);
            }
        });
    }

    /// Puts what they have of `text` into the store.
    pub(crate) fn keep(&mut self, plan: &Plan, text: &[TokenId]) {
        let Some(store) = self.store.clone() else { return };
        let Some(sequence) = self.own_layers(plan) else { return };
        compute(|| {
            for (key, bytes) in sequence.known(text, |keys| store.holds(keys)) {
                store.put(key, &bytes);
            }
        });
    }
}
